//! Lines that cannot be read, or are not known: people are told, and the session
//! lives on.

use hostler_sdk::{Event, process::Stdio, testing::Effects};
use serde_json::json;

use crate::stage::{Stage, turn_of};

#[test]
fn what_cannot_be_read_is_skipped_and_logged() {
    let (mut stage, uuid) = Stage::prompted();
    for line in [
        r#"{"type":"assist"#,
        "hello",
        r#"{"type":"result"}"#,
        r#"{"type":7}"#,
        "",
    ] {
        let effects = stage.bench.line(stage.child, line);
        assert_eq!(effects.logs().len(), 1, "{line}");
        let notice = effects.updates().remove(0);
        let title = notice["title"].as_str().unwrap();
        assert!(title.contains("could not be read"), "{title}");
        assert_eq!(effects.failed(), None);
    }
    for line in turn_of("simple", &uuid) {
        stage.feed(&line);
    }
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

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
    let (mut stage, _) = Stage::prompted();
    let text = json!({"type": "assistant", "message": {"id": "m", "content": [
        {"type": "text", "text": "caf\u{fffd}"}]}});
    damaged(&mut stage, &text.to_string());
    let cut = r#"{"type":"assistant","message":{"id":"m","content":[{"text":"xxxx"#;
    damaged(&mut stage, cut);
    assert_eq!(
        stage.shown(),
        [
            "m: caf\u{fffd}",
            "warning: A message of Claude Code could not be read and is left out: \
             it is damaged or too long",
        ]
    );
}

#[test]
fn a_damaged_request_is_refused_and_asked_of_nobody() {
    for rest in [r#","tool_use_id":"t","input":{}}}"#, ""] {
        let (mut stage, _) = Stage::prompted();
        let line = format!(
            r#"{{"type":"control_request","request_id":"r1","request":{{"subtype":"can_use_tool","tool_name":"Bash"{rest}"#
        );
        let effects = damaged(&mut stage, &line);
        assert!(effects.asks().is_empty());
        let response = &effects.written_json()[0]["response"];
        assert_eq!(response["subtype"], "error");
        assert_eq!(response["request_id"], "r1");
        assert_eq!(effects.updates().len(), 1);
    }
}

#[test]
fn a_turn_whose_result_is_lost_ends_all_the_same() {
    let (mut stage, uuid) = Stage::prompted();
    for line in turn_of("simple", &uuid) {
        if line["type"] == "result" {
            let line = line.to_string();
            damaged(&mut stage, &line[..line.len() - 10]);
        } else {
            stage.feed(&line);
        }
    }
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn what_is_not_known_is_named_once() {
    let (mut stage, _) = Stage::prompted();
    for n in 0..100 {
        let kind = format!("news{}", n % 50);
        stage.feed(&json!({"type": kind, "subtype": "x"}));
    }
    let shown = stage.shown();
    assert_eq!(shown.len(), 16);
    assert_eq!(
        shown[0],
        "info: Claude Code tells of something that is not known here: news0"
    );
}

#[test]
fn a_flood_of_garbage_is_told_of_in_few_words() {
    let (mut stage, _) = Stage::prompted();
    for _ in 0..1000 {
        stage.bench.line(stage.child, "garbage");
    }
    let effects = stage.bench.line(stage.child, "garbage");
    assert!(effects.updates().is_empty());
    assert_eq!(effects.logs().len(), 1);
}
