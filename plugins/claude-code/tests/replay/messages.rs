//! Texts, thoughts, usage.

use serde_json::json;

use crate::stage::{Stage, play, turn_of};

#[test]
fn text_is_shown_as_it_streams_and_never_twice() {
    let stage = play("simple");
    assert_eq!(
        stage.shown(),
        [
            "msg_fake1: Hello",
            "msg_fake1:  from the",
            "msg_fake1:  fake model.",
            "usage 137 of 1000000",
        ]
    );
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn the_window_is_that_of_the_model_that_answered() {
    let (mut stage, uuid) = Stage::prompted();
    let event = |event: serde_json::Value| json!({"type": "stream_event", "event": event});
    stage.feed(&json!({"type": "system", "subtype": "init", "model": "claude-opus-5-5"}));
    stage.feed(&event(json!({"type": "message_start", "message":
        {"id": "m", "model": "claude-haiku-5-5", "usage": {"input_tokens": 7, "output_tokens": 1}}})));
    stage.feed(&event(
        json!({"type": "message_delta", "usage": {"output_tokens": 3}}),
    ));
    stage.feed(
        &json!({"type": "result", "subtype": "success", "user_message_uuids": [uuid],
        "modelUsage": {"claude-opus-5-5": {"contextWindow": 1000},
                       "claude-haiku-5-5": {"contextWindow": 200}}}),
    );
    assert_eq!(stage.shown(), ["usage 10 of 200"]);
}

#[test]
fn thoughts_are_apart_from_the_text() {
    let stage = play("think");
    assert_eq!(
        stage.shown()[..4],
        [
            "thinks msg_fake21: Let me ",
            "thinks msg_fake21: think about it.",
            "msg_fake21: Thought",
            "msg_fake21:  about it.",
        ]
    );
}

#[test]
fn a_second_turn_goes_to_the_same_process() {
    let stage = play("two_turns");
    let ends = stage.ends();
    assert_eq!(ends, [Ok("end_turn".into()), Ok("end_turn".into())]);
    assert_eq!(stage.effects.text().matches("Hello from").count(), 2);
}

#[test]
fn what_did_not_stream_is_shown_when_it_is_done() {
    let stage = play("slash_command");
    assert!(
        stage.shown()[0].contains("## Context Usage"),
        "{:?}",
        stage.shown()
    );
    assert_eq!(stage.effects.text().matches("## Context Usage").count(), 1);
}

#[test]
fn an_answer_that_is_streamed_again_has_a_new_message_id() {
    let stage = play("drop_midtext_capped");
    let shown = stage.shown();
    assert_eq!(
        shown[..4],
        [
            "msg_fake1: partial ",
            "warning: The connection to the model failed: next attempt in 1 s (1 of 2)",
            "msg_fake3: partial ",
            "warning: The connection to the model failed: next attempt in 2 s (2 of 2)",
        ]
    );
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_subagents_words_stay_out_of_the_main_text() {
    let stage = play("sub_agent");
    assert!(
        !stage.effects.text().contains("Calling Bash"),
        "{:?}",
        stage.shown()
    );
    assert!(stage.shown().contains(&"toolu_rec9 in_progress".into()));
    assert!(stage.shown().contains(&"toolu_rec11 completed".into()));
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn work_that_goes_on_in_the_background_ends_no_turn() {
    let (mut stage, uuid) = Stage::prompted();
    let result = turn_of("background", "another").into_iter().rev();
    let mut results = result.filter(|line| line["type"] == "result");
    let unprompted = results.next().unwrap();
    let anothers = results.next().unwrap();
    assert_eq!(unprompted["origin"]["kind"], "task-notification");
    stage.feed(&unprompted);
    stage.feed(&anothers);
    assert!(stage.ends().is_empty());
    for line in turn_of("simple", &uuid) {
        stage.feed(&line);
    }
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn words_from_the_background_are_shown_without_a_turn() {
    let stage = play("background");
    let last = stage
        .shown()
        .into_iter()
        .rfind(|line| line.starts_with("msg_"));
    assert_eq!(last.as_deref(), Some("msg_rec16: there."));
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}
