//! Agents that end, mumble and lie.

use hostler_sdk::log::Level;
use hostler_sdk::process::{Child, Exit, Stdio};
use hostler_sdk::testing::Effect;
use hostler_sdk::{Event, Failure};
use serde_json::{Value, json};

use crate::{configured, in_turn, initialized, ready, sent, text, update};

#[test]
fn an_agent_that_ends_in_a_turn_fails_it_with_its_exit_and_last_words() {
    let (mut bench, child, _) = in_turn();
    bench.stderr(child, "loading");
    bench.stderr(child, "panicked: out of cheese");
    let failure = bench.exited(child, Exit::code(101)).answer().unwrap_err();
    assert_eq!(
        failure.message,
        "agent ended (exit code 101): loading\npanicked: out of cheese"
    );
    let data: Value = serde_json::from_str(&failure.data.unwrap()).unwrap();
    assert_eq!(
        data,
        json!({
            "exitCode": 101,
            "signal": null,
            "stderr": ["loading", "panicked: out of cheese"],
        })
    );
    assert!(bench.unanswered().is_empty());
}

#[test]
fn an_agent_that_ends_fails_everyone_who_waits_and_takes_its_asks_back() {
    let (mut bench, child, _) = in_turn();
    bench.call("session/set_mode", &json!({}));
    let line = json!({"id": 1, "method": "fs/read_text_file", "params": {"path": "/work/a"}});
    let ask = bench.json(child, &line).asks()[0].0;
    let effects = bench.exited(child, Exit::signal(9));
    assert_eq!(effects.answers().len(), 2);
    assert!(effects.contains(&Effect::Withdraw(ask)));
    assert!(
        effects.answers()[0]
            .1
            .as_ref()
            .unwrap_err()
            .message
            .contains("signal 9")
    );
}

#[test]
fn an_agent_that_ends_during_the_handshake_fails_open_and_what_waits() {
    let mut bench = configured();
    let (child, _) = bench.open().spawned();
    bench.prompt("go");
    let effects = bench.exited(child, Exit::code(1));
    assert_eq!(effects.answers().len(), 2);
    assert!(bench.unanswered().is_empty());
}

fn line(child: Child, message: &Value) -> Event {
    Event::Line {
        child,
        source: Stdio::Out,
        text: message.to_string(),
        lossy: false,
    }
}

#[test]
fn an_agent_that_ends_right_behind_its_session_leaves_no_request_open() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    bench.call("session/set_mode", &json!({"modeId": "plan"}));
    bench.prompt("go");
    let answer = json!({"id": new, "result": {"sessionId": "theirs"}});
    let exit = Exit::code(1);
    let effects = bench.events(vec![line(child, &answer), Event::Exited { child, exit }]);
    let answers = effects.answers();
    assert_eq!(answers[0].1, Ok(json!({})), "open");
    for (_, answer) in &answers[1..] {
        let failure = answer.as_ref().unwrap_err();
        assert_eq!(failure.message, "agent ended (exit code 1)");
    }
    assert!(bench.unanswered().is_empty());
}

#[test]
fn a_request_that_cannot_be_sent_does_not_keep_those_behind_it() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    bench.call_json("session/set_mode", "[]");
    bench.prompt("go");
    let answer = json!({"sessionId": "theirs"});
    let effects = crate::reply(&mut bench, child, new, &answer);
    let failure = effects.answers()[1].1.clone().unwrap_err();
    assert_eq!(failure.code, Failure::INVALID_PARAMS);
    sent(&effects, "session/prompt");
    assert_eq!(bench.unanswered().len(), 1, "the turn");
}

#[test]
fn an_agent_that_ends_right_behind_its_first_answer_fails_the_open() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, _) = opened.spawned();
    let id = sent(&opened, "initialize");
    let answer = json!({"id": id, "result": {"protocolVersion": 1}});
    let exit = Exit::code(1);
    let effects = bench.events(vec![line(child, &answer), Event::Exited { child, exit }]);
    let failure = effects.answer().unwrap_err();
    assert_eq!(failure.message, "agent ended (exit code 1)");
}

#[test]
fn a_session_that_cannot_be_remembered_fails_the_open_at_once() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    let answer = json!({"sessionId": "x".repeat(65 << 10)});
    let effects = crate::reply(&mut bench, child, new, &answer);
    let failure = effects.answer().unwrap_err();
    assert!(failure.message.contains("checkpoint"), "{failure}");
}

#[test]
fn a_program_that_does_not_start_fails_open_with_the_reason() {
    let mut bench = configured();
    let (child, _) = bench.open().spawned();
    let effects = bench.event(Event::StartFailed {
        child,
        message: "agent: no such file".to_owned(),
    });
    assert_eq!(effects.answer().unwrap_err().message, "agent: no such file");
}

#[test]
fn a_program_that_is_not_granted_fails_open() {
    let mut bench = configured().deny("agent");
    assert!(bench.open().failed().is_some());
}

#[test]
fn garbage_is_logged_each_time_and_shown_once_a_turn() {
    let (mut bench, child, prompt) = in_turn();
    let first = bench.line(child, "Downloading model… 3 %");
    let second = bench.line(child, "[1, 2]");
    for effects in [&first, &second] {
        assert!(
            effects
                .logs()
                .iter()
                .any(|(level, _)| *level == Level::Warn)
        );
    }
    assert_eq!(first.updates()[0]["sessionUpdate"], "notice");
    assert!(second.updates().is_empty());
    assert_eq!(update(&mut bench, child, &text("on")).text(), "on");

    crate::reply(
        &mut bench,
        child,
        prompt,
        &json!({"stopReason": "end_turn"}),
    );
    sent(&bench.prompt("again"), "session/prompt");
    assert_eq!(bench.line(child, "garbage").updates().len(), 1);
}

#[test]
fn garbage_between_turns_is_only_logged() {
    let (mut bench, child) = ready();
    let effects = bench.line(child, "Welcome!");
    assert!(effects.updates().is_empty());
    assert_eq!(effects.logs().len(), 1);
}

#[test]
fn an_empty_line_is_nothing() {
    let (mut bench, child) = ready();
    assert!(bench.line(child, "  ").is_empty());
}

#[test]
fn an_update_that_is_no_object_is_garbage() {
    let (mut bench, child, _) = in_turn();
    for params in [
        json!({"sessionId": "theirs", "update": [1]}),
        json!({}),
        json!(7),
    ] {
        let line = json!({"method": "session/update", "params": params});
        assert_eq!(bench.json(child, &line).failed(), None);
    }
    assert_eq!(update(&mut bench, child, &text("on")).text(), "on");
}

#[test]
fn an_answer_that_nobody_waits_for_is_logged() {
    let (mut bench, child, _) = in_turn();
    let mut told = 0;
    for id in [json!(99), json!("1"), json!(null)] {
        let effects = bench.json(child, &json!({"id": id, "result": {}}));
        assert!(effects.answers().is_empty());
        assert!(effects.logs()[0].1.contains("nobody asked"));
        told += effects.updates().len();
    }
    assert_eq!(told, 1, "once a turn");
}

#[test]
fn a_second_answer_changes_nothing() {
    let (mut bench, child, prompt) = in_turn();
    let end = json!({"stopReason": "end_turn"});
    crate::reply(&mut bench, child, prompt, &end);
    let effects = crate::reply(&mut bench, child, prompt, &end);
    assert!(effects.answers().is_empty() && effects.updates().is_empty());
    sent(&bench.prompt("again"), "session/prompt");
}

#[test]
fn an_unknown_notification_is_ignored() {
    let (mut bench, child, _) = in_turn();
    let effects = bench.json(
        child,
        &json!({"method": "_auth/status_update", "params": {}}),
    );
    assert!(
        effects
            .logs()
            .iter()
            .all(|(level, _)| *level == Level::Debug)
    );
    assert!(effects.updates().is_empty());
}

#[test]
fn standard_error_goes_to_the_log() {
    let (mut bench, child) = ready();
    let effects = bench.stderr(child, "retrying");
    assert_eq!(
        effects.logs(),
        [(Level::Debug, "stderr: retrying".to_owned())]
    );
}

#[test]
fn a_line_that_lost_bytes_is_used_and_logged() {
    let (mut bench, child, _) = in_turn();
    let effects = bench.event(Event::Line {
        child,
        source: Stdio::Out,
        text: crate::notification(&text("caf\u{fffd}")).to_string(),
        lossy: true,
    });
    assert_eq!(effects.text(), "caf\u{fffd}");
    assert_eq!(effects.logs()[0].0, Level::Warn);
}

#[test]
fn events_of_an_agent_that_is_gone_change_nothing() {
    let (mut bench, child, _) = in_turn();
    bench.exited(child, Exit::code(1));
    let (next, _) = bench.prompt("again").spawned();
    assert_ne!(next, child);
    assert!(bench.exited(child, Exit::code(0)).is_empty());
    assert!(bench.line(child, "late").is_empty());
    assert_eq!(bench.unanswered().len(), 1, "the new turn still waits");
}
