//! Cancelling, at every moment of a turn.

use hostler_sdk::{process::Signal, testing::Effect};
use serde_json::json;

use crate::stage::{Stage, play};

/// The adapter's timer for a cancel that takes too long.
const TIMER: u64 = 2;

#[test]
fn a_cancelled_text_stops_and_the_next_turn_is_whole() {
    let stage = play("cancel_text");
    assert_eq!(
        stage.ends(),
        [Ok("cancelled".into()), Ok("end_turn".into())]
    );
    assert!(stage.effects.text().ends_with("Hello from the fake model."));
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn a_model_that_hangs_can_be_cancelled() {
    assert_eq!(play("cancel_hang").ends(), [Ok("cancelled".into())]);
}

#[test]
fn a_command_that_runs_is_closed_although_codex_does_not_say_so() {
    let stage = play("cancel_tool_running");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    let call = stage.call("call_fake396_0");
    assert_eq!(call["status"], "failed");
    assert!(call["content"].to_string().contains("Cancelled."));
}

#[test]
fn compacting_can_be_cancelled_and_refused() {
    let mut stage = Stage::ready();
    let effects = stage.bench.prompt(" /compact\n");
    let asked = effects.written_json()[0].clone();
    assert_eq!(asked["method"], "thread/compact/start");
    stage.feed(&json!({"id": asked["id"], "result": {}}));
    stage.tell(
        "turn/started",
        &json!({"turn": {"id": "u", "status": "inProgress"}}),
    );
    let effects = stage.bench.cancel();
    assert_eq!(effects.written_json()[0]["params"]["turnId"], "u");
    stage.complete("interrupted");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    let effects = stage.bench.prompt("/compact");
    let id = effects.written_json()[0]["id"].clone();
    stage.feed(&json!({"id": id, "error": {"code": -32600, "message": "too short"}}));
    assert!(stage.failure().message.contains("too short"));
}

#[test]
fn a_cancel_without_a_turn_does_nothing() {
    assert!(Stage::ready().bench.cancel().is_empty());
}

#[test]
fn a_cancel_before_codex_has_named_the_turn_is_sent_when_it_has() {
    let mut stage = Stage::ready();
    let effects = stage.bench.prompt("hello");
    stage.note(effects);
    assert_eq!(stage.bench.cancel().written(), "");
    let effects = stage.reply(
        "turn/start",
        json!({"turn": {"id": "u", "status": "inProgress"}}),
    );
    let interrupt = &effects.written_json()[0];
    assert_eq!(interrupt["method"], "turn/interrupt");
    assert_eq!(interrupt["params"], json!({"threadId": "t", "turnId": "u"}));
    stage.complete("completed");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
}

#[test]
fn a_prompt_that_waits_for_the_start_is_cancelled_at_once() {
    let mut stage = Stage::ready();
    stage.exit(0);
    let (child, _) = stage.bench.prompt("hello").spawned();
    stage.child = child;
    let effects = stage.bench.cancel();
    assert_eq!(effects.answer(), Ok(json!({"stopReason": "cancelled"})));
    assert_eq!(effects.written(), "");
}

#[test]
fn a_cancel_answers_the_permission_that_is_open() {
    let mut stage = Stage::prompted();
    stage.feed(
        &json!({"id": 0, "method": "item/commandExecution/requestApproval",
        "params": {"threadId": "t", "itemId": "c", "command": "x"}}),
    );
    let effects = stage.bench.cancel();
    let written = effects.written_json();
    assert_eq!(written[0]["result"], json!({"decision": "cancel"}));
    assert_eq!(written[1]["method"], "turn/interrupt");
    stage.note(effects);
    stage.complete("interrupted");
    // It came too late, and that is fine.
    let error = json!({"code": -32600, "message": "no active turn to interrupt"});
    let effects = stage.feed(&json!({"id": written[1]["id"], "error": error}));
    assert!(effects.is_empty());
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
}

#[test]
fn a_process_that_does_not_stop_is_killed_and_resumed_later() {
    let mut stage = Stage::prompted();
    stage.bench.cancel();
    assert_eq!(stage.bench.timers(), [TIMER]);
    let child = stage.child;
    let kill = |signal| Effect::Kill { child, signal };
    for (signal, told) in [(Signal::Interrupt, 1), (Signal::Terminate, 0)] {
        let effects = stage.bench.timer(TIMER);
        assert!(effects.contains(&kill(signal)), "{effects:?}");
        assert_eq!(effects.updates().len(), told, "people are told once");
        assert_eq!(stage.bench.timers(), [TIMER]);
    }
    let effects = stage.bench.timer(TIMER);
    assert_eq!(effects.answer(), Ok(json!({"stopReason": "cancelled"})));
    assert!(effects.contains(&kill(Signal::Kill)));
    // What the killed process still says is not heard.
    let late = stage.bench.json(
        stage.child,
        &json!({"method": "warning", "params": {"message": "x"}}),
    );
    assert!(late.is_empty());
    let effects = stage.bench.prompt("again");
    stage.child = effects.spawned().0;
    stage.clear();
    stage.note(effects);
    stage.initialize();
    assert_eq!(stage.written[0]["method"], "thread/resume");
    assert_eq!(stage.written[0]["params"]["threadId"], "t");
}

#[test]
fn a_process_that_ends_at_the_interrupt_is_not_killed() {
    let mut stage = Stage::prompted();
    stage.bench.cancel();
    stage.bench.timer(TIMER);
    stage.exit(130);
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    assert_eq!(stage.bench.timers(), [0; 0]);
    assert!(stage.bench.timer(TIMER).is_empty());
}

#[test]
fn an_interrupt_that_comes_before_the_turn_has_begun_is_sent_again() {
    /// The adapter's timer for that.
    const AGAIN: u64 = 5;
    let mut stage = Stage::prompted();
    let interrupt = stage.bench.cancel().written_json()[0].clone();
    let error = json!({"code": -32600, "message": "no active turn to interrupt"});
    stage.feed(&json!({"id": interrupt["id"], "error": error}));
    assert!(stage.bench.timers().contains(&AGAIN));
    let effects = stage.bench.timer(AGAIN);
    let again = &effects.written_json()[0];
    assert_eq!(again["method"], "turn/interrupt");
    assert_eq!(again["params"], interrupt["params"]);
    stage.feed(&json!({"id": again["id"], "result": {}}));
    stage.complete("interrupted");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    assert_eq!(stage.bench.timers(), [0; 0]);
    assert!(stage.bench.timer(AGAIN).is_empty());
}
