//! Ends, refusals and losses at the wrong moment: everyone who waits is answered.

use hostler_sdk::{
    Event,
    process::{Exit, Stdio},
    testing::{Bench, Effect},
};
use serde_json::{Value, json};

use crate::stage::{Stage, fixture, start_of, turn_of};

const ID: &str = "11111111-2222-4333-8444-555555555555";

/// The adapter's timer for a start that takes too long.
const TIMER: u64 = 1;

/// The line that makes Claude Code ready, for the process that was started with
/// these effects.
fn welcome(started: &Value) -> Value {
    let mut reply = start_of("simple").pop().unwrap()["msg"].clone();
    reply["response"]["request_id"] = started["request_id"].clone();
    reply
}

#[test]
fn an_end_right_behind_the_start_leaves_no_request_open() {
    // A mode other than Claude Code's own: it is to be set at once.
    let checkpoint = json!({"id": ID, "kept": "yes", "mode": "plan", "model": "haiku"});
    let mut stage = Stage::opened(Bench::new(), Some(checkpoint.to_string().as_bytes()));
    let hello = welcome(&stage.effects.written_json()[0]);
    stage.bench.prompt("hello");
    let child = stage.child;
    let line = Event::Line {
        child,
        source: Stdio::Out,
        text: hello.to_string(),
        lossy: false,
    };
    let exit = Exit::code(1);
    let effects = stage
        .bench
        .events(vec![line, Event::Exited { child, exit }]);
    let answers = effects.answers();
    assert_eq!(answers.len(), 2);
    for (_, answer) in answers {
        let failure = answer.unwrap_err();
        assert!(failure.message.contains("exit code 1"), "{failure}");
    }
    assert!(stage.bench.unanswered().is_empty());
}

#[test]
fn a_second_start_that_is_refused_fails_the_open_at_once() {
    let mut stage = Stage::open();
    let mut lines = fixture("session_id_reused");
    lines.pop();
    stage.play(lines);
    stage.bench = stage.bench.deny("claude");
    let effects = stage.bench.exited(stage.child, Exit::code(1));
    assert!(effects.answer().is_err());
    assert!(stage.bench.timers().is_empty());
}

#[test]
fn a_second_start_has_no_more_time_than_is_left() {
    let mut stage = Stage::open();
    let mut lines = fixture("session_id_reused");
    lines.pop();
    stage.play(lines);
    let effects = stage.bench.exited(stage.child, Exit::code(1));
    effects.spawned();
    let sets_timer = |effect: &Effect| matches!(effect, Effect::TimerSet { .. });
    assert!(!effects.iter().any(sets_timer));
    assert_eq!(stage.bench.timers(), [TIMER]);
}

#[test]
fn state_that_cannot_be_kept_leaves_no_request_open() {
    // Longer than a checkpoint may be.
    let model = "x".repeat(65 << 10);
    let (mut stage, uuid) = Stage::prompted();
    let effects = stage
        .bench
        .call("session/set_mode", &json!({"modeId": "plan"}));
    let request = effects.written_json()[0]["request_id"].clone();
    stage.feed(&json!({"type": "system", "subtype": "init", "model": model}));
    stage.feed(&json!({"type": "control_response", "response": {
        "subtype": "success", "request_id": request}}));
    for line in turn_of("simple", &uuid) {
        stage.feed(&line);
    }
    assert!(stage.bench.unanswered().is_empty());
}

#[test]
fn an_ask_of_a_process_that_did_not_start_is_withdrawn() {
    let mut stage = Stage::open();
    stage.feed(
        &json!({"type": "control_request", "request_id": "r1", "request": {
        "subtype": "can_use_tool", "tool_name": "Bash", "tool_use_id": "t1", "input": {}}}),
    );
    assert_eq!(stage.bench.open_asks().len(), 1);
    stage.bench.timer(TIMER);
    assert!(stage.bench.open_asks().is_empty());
}

#[test]
fn the_ids_of_asks_rise_over_the_restarts() {
    let (mut stage, _) = Stage::prompted();
    let ask = json!({"type": "control_request", "request_id": "r1", "request": {
        "subtype": "can_use_tool", "tool_name": "Bash", "tool_use_id": "t1", "input": {}}});
    let first = stage.feed(&ask).asks()[0].0;
    stage.exit(1);
    let again = stage.bench.prompt("again");
    stage.child = again.spawned().0;
    stage.feed(&welcome(&again.written_json()[0]));
    assert!(first < stage.feed(&ask).asks()[0].0);
}
