//! Texts, thoughts, usage.

use serde_json::json;

use crate::stage::{Stage, play};

#[test]
fn text_is_shown_as_it_streams_and_never_twice() {
    let stage = play("simple");
    assert_eq!(
        stage.shown(),
        [
            "msg_fake1: Hello",
            "msg_fake1:  from the",
            "msg_fake1:  fake model.",
            "usage 137 of 1000000 for $0.0008",
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
fn an_answer_that_is_streamed_again_is_shown_once() {
    let stage = play("drop_midtext_capped");
    assert_eq!(stage.effects.text(), "partial ");
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

fn event(event: serde_json::Value) -> serde_json::Value {
    json!({"type": "stream_event", "event": event})
}

/// The line of an answer that begins, with one block of text.
fn begins(stage: &mut Stage, id: &str) {
    stage.feed(&event(
        json!({"type": "message_start", "message": {"id": id}}),
    ));
    text_begins(stage, 0);
}

fn text_begins(stage: &mut Stage, index: usize) {
    stage.feed(&event(
        json!({"type": "content_block_start", "index": index,
        "content_block": {"type": "text", "text": ""}}),
    ));
}

fn says(stage: &mut Stage, words: &[&str]) {
    for words in words {
        stage.feed(&event(json!({"type": "content_block_delta",
            "delta": {"type": "text_delta", "text": words}})));
    }
}

fn breaks_off(stage: &mut Stage, from: usize) {
    stage.feed(
        &json!({"type": "stream_event", "event": {"type": "message_stop"},
        "abandoned_blocks": {"api_message_id": "x", "from_block_index": from}}),
    );
}

#[test]
fn an_answer_that_comes_again_goes_on_where_it_broke_off() {
    let (mut stage, _) = Stage::prompted();
    begins(&mut stage, "m1");
    says(&mut stage, &["Hel", "lo"]);
    breaks_off(&mut stage, 0);
    begins(&mut stage, "m2");
    says(&mut stage, &["H", "ell"]);
    breaks_off(&mut stage, 0);
    begins(&mut stage, "m3");
    says(&mut stage, &["Hello w", "orld"]);
    stage.feed(
        &json!({"type": "assistant", "message": {"id": "m3", "content": [
        {"type": "text", "text": "Hello world"}]}}),
    );
    assert_eq!(stage.shown(), ["m1: Hel", "m1: lo", "m1:  w", "m1: orld"]);
}

#[test]
fn an_answer_that_comes_again_in_other_words_is_a_message_of_its_own() {
    let (mut stage, _) = Stage::prompted();
    begins(&mut stage, "m1");
    says(&mut stage, &["One.", " Two"]);
    breaks_off(&mut stage, 0);
    begins(&mut stage, "m2");
    says(&mut stage, &["One", ", two", "."]);
    assert_eq!(
        stage.shown(),
        ["m1: One.", "m1:  Two", "m2: One, two", "m2: ."]
    );
}

#[test]
fn blocks_that_were_finished_before_the_break_stay() {
    let (mut stage, _) = Stage::prompted();
    begins(&mut stage, "m1");
    says(&mut stage, &["First."]);
    text_begins(&mut stage, 1);
    says(&mut stage, &["Sec"]);
    breaks_off(&mut stage, 1);
    begins(&mut stage, "m2");
    says(&mut stage, &["Second."]);
    assert_eq!(stage.shown(), ["m1: First.", "m1: Sec", "m1: ond."]);
}

#[test]
fn an_answer_that_begins_again_before_its_end_is_the_same_one() {
    let (mut stage, _) = Stage::prompted();
    begins(&mut stage, "m1");
    says(&mut stage, &["Hel"]);
    begins(&mut stage, "m2");
    says(&mut stage, &["Hello"]);
    assert_eq!(stage.shown(), ["m1: Hel", "m1: lo"]);
}

#[test]
fn an_answer_that_did_not_break_off_may_say_the_same_again() {
    let (mut stage, _) = Stage::prompted();
    begins(&mut stage, "m1");
    says(&mut stage, &["Yes"]);
    stage.feed(&event(json!({"type": "message_stop"})));
    begins(&mut stage, "m2");
    says(&mut stage, &["Yes"]);
    assert_eq!(stage.shown(), ["m1: Yes", "m2: Yes"]);
}
