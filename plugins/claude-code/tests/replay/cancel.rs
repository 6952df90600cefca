//! Cancelling, at every moment of a turn.

use hostler_sdk::{process::Signal, testing::Effect};
use serde_json::json;

use crate::stage::{Stage, play, start_of, turn_of};

/// The adapter's timer for a cancel that takes too long.
const TIMER: u64 = 2;

fn cancelled(name: &str) -> Stage {
    let stage = play(name);
    assert_eq!(stage.ends()[0], Ok("cancelled".into()), "{name}");
    assert!(stage.bench.unanswered().is_empty());
    assert!(stage.bench.timers().is_empty());
    stage
}

#[test]
fn a_cancelled_text_stops_and_the_next_turn_is_whole() {
    let stage = cancelled("cancel_text");
    assert_eq!(stage.ends()[1], Ok("end_turn".into()));
    let text = stage.effects.text();
    assert_eq!(text, "w0 w1 w2 w3 w4 w5 Hello from the fake model.");
}

#[test]
fn a_model_that_hangs_can_be_cancelled() {
    cancelled("cancel_hang");
}

#[test]
fn retries_can_be_cancelled() {
    cancelled("cancel_during_retry");
}

#[test]
fn a_tool_that_runs_is_ended_and_failed() {
    let stage = cancelled("cancel_tool_running");
    assert!(stage.shown().contains(&"toolu_fake88_0 failed".into()));
}

#[test]
fn a_cancel_answers_the_permission_that_is_open() {
    let stage = cancelled("cancel_permission");
    assert!(stage.bench.open_asks().is_empty());
    assert_eq!(stage.ends()[1], Ok("end_turn".into()));
}

#[test]
fn a_turn_that_claude_aborts_by_itself_is_cancelled_too() {
    cancelled("bash_deny_interrupt");
}

#[test]
fn a_prompt_that_has_not_begun_never_does() {
    let stage = cancelled("cancel_at_once");
    assert_eq!(
        stage.ends(),
        [Ok("cancelled".into()), Ok("end_turn".into())]
    );
}

#[test]
fn the_reply_alone_is_enough_to_end_a_prompt_that_has_not_begun() {
    let (mut stage, uuid) = Stage::prompted();
    let effects = stage.bench.cancel();
    let interrupt = &effects.written_json()[0];
    assert_eq!(
        interrupt["request"],
        json!({"subtype": "interrupt", "cancel_queued": true})
    );
    stage.feed(
        &json!({"type": "control_response", "response": {"subtype": "success",
        "request_id": interrupt["request_id"], "response": {"cancelled": [uuid]}}}),
    );
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
}

#[test]
fn a_prompt_that_waits_for_the_start_is_cancelled_at_once() {
    let mut stage = Stage::ready();
    stage.exit(0);
    let (child, _) = stage.bench.prompt("hello").spawned();
    let effects = stage.bench.cancel();
    assert_eq!(effects.answer(), Ok(json!({"stopReason": "cancelled"})));
    assert_eq!(effects.written(), "");
    // And nothing is left of it when the start is done.
    stage.child = child;
    let effects = stage.feed(&start_of("simple").last().unwrap()["msg"].clone());
    assert_eq!(effects.written(), "");
}

#[test]
fn a_cancel_without_a_turn_ends_what_runs_in_the_background() {
    let mut stage = Stage::ready();
    let effects = stage.bench.cancel();
    assert_eq!(effects.written_json()[0]["request"]["subtype"], "interrupt");
    assert!(stage.bench.timers().is_empty());
    // One that is being started has nothing to end.
    assert!(Stage::open().bench.cancel().is_empty());
}

fn goes_on_by_itself() -> Stage {
    let mut stage = Stage::ready();
    stage.feed(&json!({"type": "system", "subtype": "init"}));
    stage.feed(
        &json!({"type": "assistant", "message": {"id": "m", "content": [
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "x"}}]}}),
    );
    stage.clear();
    let effects = stage.bench.cancel();
    assert_eq!(effects.written_json()[0]["request"]["subtype"], "interrupt");
    assert_eq!(stage.bench.timers(), [TIMER]);
    stage
}

#[test]
fn a_turn_that_nobody_asked_for_can_be_cancelled() {
    let mut stage = goes_on_by_itself();
    stage.feed(
        &json!({"type": "result", "subtype": "error_during_execution", "is_error": true,
        "terminal_reason": "aborted_tools", "origin": {"kind": "task-notification"}}),
    );
    let told = "info: Cancelled: Claude Code no longer goes on by itself";
    assert_eq!(stage.shown(), [told, "t failed"]);
    assert!(stage.bench.timers().is_empty());
}

#[test]
fn a_turn_that_nobody_asked_for_and_that_does_not_stop_is_killed() {
    let mut stage = goes_on_by_itself();
    for signal in [Signal::Interrupt, Signal::Terminate, Signal::Kill] {
        let effects = stage.bench.timer(TIMER);
        let child = stage.child;
        assert!(effects.contains(&Effect::Kill { child, signal }));
    }
    stage.bench.prompt("again").spawned();
}

#[test]
fn a_prompt_behind_a_turn_that_has_to_be_killed_is_told() {
    let mut stage = goes_on_by_itself();
    stage.bench.prompt("hello");
    stage.bench.timer(TIMER);
    stage.bench.timer(TIMER);
    let failure = stage.bench.timer(TIMER).answer().unwrap_err();
    assert!(failure.message.contains("send the prompt again"));
}

#[test]
fn a_turn_that_ends_well_after_the_cancel_is_still_cancelled() {
    let (mut stage, uuid) = Stage::prompted();
    stage.bench.cancel();
    for line in turn_of("simple", &uuid) {
        stage.feed(&line);
    }
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
}

#[test]
fn a_process_that_does_not_stop_is_killed_and_resumed_later() {
    let (mut stage, _) = Stage::prompted();
    stage.feed(
        &json!({"type": "assistant", "message": {"id": "m", "content": [
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "x"}}]}}),
    );
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
    assert!(stage.bench.timers().is_empty());
    assert!(
        effects
            .updates()
            .iter()
            .any(|update| update["status"] == "failed")
    );
    // What the killed process still says is not heard.
    let late = stage.bench.json(
        stage.child,
        &json!({"type": "result", "subtype": "success"}),
    );
    assert!(late.updates().is_empty());
    let (_, command) = stage.bench.prompt("again").spawned();
    let last = command.args.last().unwrap();
    assert_eq!(last, "--resume=11111111-2222-4333-8444-555555555555");
}

#[test]
fn a_process_that_ends_at_the_interrupt_is_not_killed() {
    let (mut stage, _) = Stage::prompted();
    stage.bench.cancel();
    stage.bench.timer(TIMER);
    stage.exit(130);
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    assert!(stage.bench.timers().is_empty());
    assert!(stage.bench.timer(TIMER).is_empty());
}

#[test]
fn a_permission_that_claude_takes_back_on_interrupt_is_withdrawn() {
    // Recorded without an answer to the permission before the interrupt.
    let lines = turn_of("interrupt_permission", "u");
    let (mut stage, _) = Stage::prompted();
    let mut lines = lines.into_iter();
    for line in lines
        .by_ref()
        .take_while(|line| line["type"] != "control_response")
    {
        stage.feed(&line);
    }
    assert_eq!(stage.effects.asks().len(), 1);
    assert!(stage.bench.open_asks().is_empty());
}
