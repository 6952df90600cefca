//! How turns end.

use hostler_sdk::Failure;
use serde_json::json;

use crate::stage::{LOOK, Stage, called, finish, text};

#[test]
fn finish_reasons_are_stop_reasons() {
    for (reason, stop) in [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content-filter", "refusal"),
        ("tool-calls", "max_turn_requests"),
        ("other", "end_turn"),
        ("a-later-one", "end_turn"),
    ] {
        let mut stage = Stage::running();
        stage.chunk(finish(reason));
        assert_eq!(stage.end(), Some(Ok(stop.into())), "{reason}");
        assert!(stage.bench.timers().is_empty());
    }
    let mut stage = Stage::running();
    stage.chunk(json!({"type": "finish"}));
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn an_error_of_the_run_is_the_turns() {
    let mut stage = Stage::running();
    stage.chunk(json!({"type": "error", "errorText": "overloaded"}));
    assert_eq!(stage.end(), None);
    stage.chunk(finish("error"));
    let failure = stage.failure();
    assert_eq!(failure.code, Failure::INTERNAL);
    assert!(failure.message.contains("overloaded"), "{failure}");
    let mut stage = Stage::running();
    stage.chunk(finish("error"));
    assert!(stage.failure().message.contains("does not say why"));
}

#[test]
fn an_error_without_an_end_is_looked_after() {
    let mut stage = Stage::running();
    stage.chunk(json!({"type": "error", "errorText": "overloaded"}));
    stage.timer(LOOK);
    stage.status("failed");
    stage.messages(json!([]));
    assert!(stage.failure().message.contains("overloaded"));
}

#[test]
fn a_run_that_was_stopped_elsewhere_says_so() {
    let mut stage = Stage::running();
    stage.chunks(&called("c", "bash", json!({"command": "x"})));
    stage.chunk(json!({"type": "abort", "reason": "by ann"}));
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    assert_eq!(
        stage.notices(),
        ["The run was stopped at Decopilot: by ann"]
    );
    assert_eq!(stage.call("c")["status"], "failed");
}

#[test]
fn calls_without_a_result_are_closed_with_the_turn() {
    let mut stage = Stage::running();
    stage.chunks(&called("c", "bash", json!({"command": "x"})));
    stage.chunk(finish("stop"));
    let call = stage.call("c");
    assert_eq!(call["status"], "failed");
    assert!(call["content"].to_string().contains("no result"));
}

#[test]
fn one_turn_follows_another_on_the_same_stream() {
    let mut stage = Stage::running();
    stage.chunks(&text("0", "one"));
    stage.chunk(finish("stop"));
    stage.clear();
    stage.prompted("again");
    stage.chunk(json!({"type": "start", "messageId": "m2"}));
    stage.chunks(&text("0", "two"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "two");
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn a_second_turn_beside_the_first_is_refused() {
    let mut stage = Stage::running();
    stage.prompt("me too");
    assert!(stage.failure().message.contains("running already"));
}

#[test]
fn a_run_that_somebody_else_began_is_shown_and_answers_nothing() {
    let mut stage = Stage::running();
    stage.chunk(finish("stop"));
    stage.clear();
    stage.chunk(json!({"type": "start", "messageId": "m9"}));
    stage.chunks(&text("0", "from the page"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "from the page");
    assert_eq!(stage.end(), None);
}

#[test]
fn a_thread_that_failed_or_expired_without_a_word_ends_the_turn() {
    for (status, says) in [("failed", "does not say why"), ("expired", "expired")] {
        let mut stage = Stage::running();
        // Something was heard since the prompt; then nothing.
        stage.timer(LOOK);
        stage.timer(LOOK);
        stage.status(status);
        stage.messages(json!([]));
        assert!(stage.failure().message.contains(says), "{status}");
    }
}

#[test]
fn a_prompt_that_nobody_works_on_is_given_up_at_last() {
    let mut stage = Stage::ready();
    stage.prompted("hello");
    stage.timer(LOOK);
    for _ in 0..3 {
        assert_eq!(stage.end(), None);
        stage.timer(LOOK);
        stage.status("completed");
        stage.messages(json!([]));
    }
    assert!(stage.failure().message.contains("no run came of it"));
}

#[test]
fn while_it_is_in_progress_silence_is_waited_out() {
    let mut stage = Stage::running();
    stage.timer(LOOK);
    stage.timer(LOOK);
    stage.status("in_progress");
    assert_eq!(stage.end(), None);
    assert!(stage.bench.timers().contains(&LOOK));
}
