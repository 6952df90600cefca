//! Lines that cannot be read, or are not known: people are told, and the session
//! lives on.

use hostler_sdk::{Event, process::Stdio, testing::Effects};
use serde_json::json;

use crate::stage::Stage;

fn damaged(stage: &mut Stage, text: &str) -> Effects {
    let effects = stage.bench.event(Event::Line {
        child: stage.child,
        source: Stdio::Out,
        text: text.into(),
        lossy: true,
    });
    stage.note(effects.clone());
    effects
}

#[test]
fn of_a_damaged_line_what_can_be_read_is_shown() {
    let mut stage = Stage::prompted();
    let params = json!({"threadId": "t", "itemId": "m", "delta": "caf\u{fffd}"});
    let line = json!({"method": "item/agentMessage/delta", "params": params});
    damaged(&mut stage, &line.to_string());
    damaged(
        &mut stage,
        r#"{"method":"item/agentMessage/delta","params":{"delta":"xx"#,
    );
    assert_eq!(
        stage.shown(),
        [
            "caf\u{fffd}",
            "warning: A message of Codex could not be read and is left out: \
             it is damaged or too long",
        ]
    );
}

#[test]
fn a_damaged_request_is_refused_and_asked_of_nobody() {
    for rest in [r#"{"threadId":"t","itemId":"c","command":"x"}}"#, ""] {
        let mut stage = Stage::prompted();
        let line =
            format!(r#"{{"method":"item/commandExecution/requestApproval","id":4,"params":{rest}"#);
        let effects = damaged(&mut stage, &line);
        assert!(effects.asks().is_empty());
        let refusal = &effects.written_json()[0];
        assert_eq!(refusal["id"], 4);
        assert!(refusal["error"]["message"].to_string().contains("damaged"));
        assert_eq!(effects.updates().len(), 1);
    }
}

#[test]
fn a_damaged_answer_fails_what_was_asked() {
    let mut stage = Stage::ready();
    let effects = stage.bench.prompt("hello");
    let id = effects.written_json()[0]["id"].clone();
    damaged(
        &mut stage,
        &format!(r#"{{"id":{id},"result":{{"turn":{{"id"#),
    );
    let failure = stage.failure();
    assert!(failure.message.contains("arrived damaged"), "{failure}");
}

#[test]
fn a_turn_whose_end_is_lost_ends_all_the_same() {
    let mut stage = Stage::prompted();
    let end = |thread: &str, turn: &str| {
        format!(
            r#"{{"method":"turn/completed","params":{{"threadId":"{thread}","turn":{{"id":"{turn}","items":[{{"te"#
        )
    };
    damaged(&mut stage, &end("other", "v"));
    assert_eq!(stage.ends(), []);
    damaged(&mut stage, &end("t", "u"));
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_flood_of_garbage_is_told_of_in_few_words() {
    let mut stage = Stage::prompted();
    for _ in 0..1000 {
        stage.bench.line(stage.child, "garbage");
    }
    let effects = stage.bench.line(stage.child, "garbage");
    assert!(effects.updates().is_empty());
    assert_eq!(effects.logs().len(), 1);
    for n in 0..100 {
        stage.tell(&format!("news/{n}"), &json!({}));
    }
    assert_eq!(stage.shown().len(), 16);
    stage.complete("completed");
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn what_is_asked_in_unknown_words_is_refused() {
    let mut stage = Stage::prompted();
    let effects = stage.feed(&json!({"id": 9, "method": "item/dream/requestApproval"}));
    let refusal = &effects.written_json()[0];
    assert_eq!(refusal["id"], 9);
    assert!(refusal["error"]["message"].to_string().contains("dream"));
}

#[test]
fn a_permission_that_is_answered_after_the_turn_changes_nothing() {
    let mut stage = Stage::prompted();
    let params = json!({"threadId": "t", "itemId": "c", "command": "x"});
    let ask = json!({"id": 4, "method": "item/commandExecution/requestApproval", "params": params});
    let effects = stage.feed(&ask);
    let [(asked, ..)] = effects.asks().try_into().unwrap();
    stage.complete("completed");
    let event = Event::AskAnswered {
        id: asked,
        outcome: Ok(r#"{"outcome":{"outcome":"selected","optionId":"allow_once"}}"#.into()),
    };
    assert!(stage.bench.event(event).is_empty());
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}
