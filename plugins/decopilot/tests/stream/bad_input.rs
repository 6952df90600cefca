//! What a service should not send, and the session lives on.

use serde_json::json;

use crate::stage::{Stage, finish, text};

fn lives_on(mut stage: Stage) {
    stage.chunks(&text("9", "alive"));
    stage.chunk(finish("stop"));
    assert!(stage.effects.text().ends_with("alive"));
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn kinds_that_are_not_known_are_told_once_each_and_not_for_ever() {
    let mut stage = Stage::running();
    for index in 0..40 {
        for _ in 0..2 {
            stage.chunk(json!({"type": format!("hologram-{index}"), "x": 1}));
        }
    }
    assert_eq!(stage.notices().len(), 16);
    assert!(stage.notices()[0].contains("hologram-0"));
    lives_on(stage);
}

#[test]
fn unknown_data_is_told_and_the_services_own_is_not() {
    let mut stage = Stage::running();
    for kind in [
        "data-weather",
        "data-weather",
        "data-queue-add",
        "data-tool-metadata",
    ] {
        stage.chunk(json!({"type": kind, "data": {"x": 1}}));
    }
    assert_eq!(stage.notices().len(), 1);
    lives_on(stage);
}

#[test]
fn events_that_cannot_be_read_are_left_out() {
    let mut stage = Stage::running();
    for event in [
        "{\"type\":\"text-del",
        "[1]",
        "null",
        "{\"type\":7}",
        "{}",
        "\u{fffd}",
    ] {
        stage.event(event);
    }
    for _ in 0..40 {
        stage.event("nonsense");
    }
    assert_eq!(stage.notices().len(), 16);
    lives_on(stage);
}

#[test]
fn chunks_without_what_belongs_to_them_do_no_harm() {
    let mut stage = Stage::running();
    for kind in [
        "text-start",
        "text-delta",
        "text-end",
        "reasoning-start",
        "reasoning-delta",
        "reasoning-end",
        "tool-input-start",
        "tool-input-delta",
        "tool-input-available",
        "tool-input-error",
        "tool-approval-request",
        "tool-output-available",
        "tool-output-error",
        "tool-output-denied",
        "source-url",
        "source-document",
        "file",
        "data-x",
        "message-metadata",
        "start-step",
        "finish-step",
    ] {
        stage.chunk(json!({"type": kind}));
        stage.chunk(json!({"type": kind, "id": "z", "toolCallId": "z"}));
    }
    assert_eq!(stage.end(), None);
}

#[test]
fn marks_and_copies_of_the_service_are_no_chunks() {
    let mut stage = Stage::running();
    stage.event("[DONE]");
    stage.named_event("snapshot", r#"{"messages":[{"id":"m0"}]}"#);
    assert!(stage.effects.updates().is_empty());
    lives_on(stage);
}

#[test]
fn what_comes_outside_a_run_is_left_out() {
    let mut stage = Stage::running();
    stage.chunk(finish("stop"));
    stage.clear();
    stage.chunks(&text("0", "stray"));
    stage.chunk(finish("stop"));
    assert!(stage.effects.updates().is_empty());
    assert_eq!(stage.end(), None);
}

#[test]
fn answers_of_another_shape_end_the_turn_with_a_reason() {
    let mut stage = Stage::ready();
    stage.prompt("hello");
    stage.respond("COLLECTION_THREADS_CREATE", 200, json!([1, 2]));
    assert!(stage.failure().message.contains("a new thread"));
    let mut stage = Stage::running();
    stage.timer(crate::stage::LOOK);
    stage.timer(crate::stage::LOOK);
    stage.respond("COLLECTION_THREADS_GET", 200, json!({"item": null}));
    assert!(
        stage
            .failure()
            .message
            .contains("no longer has this conversation")
    );
}

#[test]
fn a_prompt_that_cannot_be_sent_is_refused() {
    let mut stage = Stage::ready();
    let sound = json!([{"type": "audio", "mimeType": "audio/wav", "data": "AA"}]);
    let effects = stage.bench.prompt_blocks(&sound);
    stage.note(effects);
    assert_eq!(stage.failure().code, hostler_sdk::Failure::INVALID_PARAMS);
}
