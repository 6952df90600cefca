//! The host is killed in the middle of a run, which goes on at the service.

use hostler_sdk::testing::Effect;
use serde_json::{Value, json};

use crate::stage::{Stage, called, finish, text};

fn checkpoint(stage: &Stage) -> Value {
    serde_json::from_slice(stage.bench.checkpoint().unwrap()).unwrap()
}

/// A run that is cut off after a text, a call with its output, and half a text.
fn cut_off() -> Stage {
    let mut stage = Stage::running();
    stage.chunks(&so_far());
    stage
}

fn so_far() -> Vec<Value> {
    let mut chunks = vec![json!({"type": "start-step"})];
    chunks.extend(text("0", "First."));
    chunks.extend(called("c", "bash", json!({"command": "ls"})));
    chunks.push(json!({"type": "tool-output-available", "toolCallId": "c", "output": "x"}));
    chunks.push(json!({"type": "finish-step"}));
    chunks.push(json!({"type": "start-step"}));
    chunks.push(json!({"type": "text-start", "id": "0"}));
    chunks.push(json!({"type": "text-delta", "id": "0", "delta": "Sec"}));
    chunks
}

#[test]
fn the_next_prompt_shows_what_was_missed_and_then_runs() {
    let mut stage = Stage::resumed(&cut_off());
    stage.prompt("and now?");
    stage.stream(200);
    stage.status("in_progress");
    assert_eq!(stage.notices().len(), 1);
    assert!(!stage.has("/messages"));
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunks(&so_far());
    stage.chunks(&[
        json!({"type": "text-delta", "id": "0", "delta": "ond."}),
        json!({"type": "text-end", "id": "0"}),
        json!({"type": "finish-step"}),
        finish("stop"),
    ]);
    assert_eq!(stage.effects.text(), "ond.");
    assert!(stage.calls().is_empty(), "{:?}", stage.calls());
    assert_eq!(stage.end(), None);
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["messages"][0]["parts"][0]["text"], "and now?");
    stage.chunk(json!({"type": "start", "messageId": "m2"}));
    stage.chunks(&text("0", "Now."));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "ond.Now.");
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn what_ended_while_the_host_was_away_is_shown() {
    for status in ["completed", "failed", "expired"] {
        let mut stage = Stage::resumed(&cut_off());
        stage.prompt("and now?");
        stage.stream(200);
        stage.status(status);
        stage.messages(json!([{"id": "m1", "role": "assistant", "parts": [
            {"type": "step-start"},
            {"type": "text", "text": "First."},
            {"type": "tool-bash", "toolCallId": "c", "state": "output-available", "input": {"command": "ls"}, "output": "x"},
            {"type": "step-start"},
            {"type": "text", "text": "Second."},
        ]}]));
        assert_eq!(stage.effects.text(), "ond.", "{status}");
        assert!(stage.calls().is_empty());
        assert!(stage.has("/messages"), "the prompt follows");
        assert_eq!(stage.end(), None);
    }
}

#[test]
fn a_question_of_before_gives_way_to_the_prompt() {
    let mut stage = Stage::running();
    stage.chunks(&called("c", "bash", json!({"command": "ls"})));
    stage.chunk(json!({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "c"}));
    let mut stage = Stage::resumed(&stage);
    stage.prompt("leave it");
    stage.stream(200);
    stage.status("requires_action");
    let part = json!({"type": "tool-bash", "toolCallId": "c", "state": "approval-requested", "input": {}, "approval": {"id": "a"}});
    stage.messages(json!([{"id": "m1", "role": "assistant", "parts": [part]}]));
    assert!(stage.bench.open_asks().is_empty());
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["messages"][0]["role"], "user");
}

#[test]
fn a_run_that_went_on_after_an_answer_is_replayed_from_there() {
    let mut stage = Stage::running();
    stage.chunks(&text("0", "May I?"));
    stage.chunks(&called("c", "bash", json!({"command": "ls"})));
    stage.chunk(json!({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "c"}));
    stage.chunk(finish("tool-calls"));
    stage.choose("allow_once");
    stage.respond("/messages", 202, json!({}));
    let mut chunks = vec![
        json!({"type": "start", "messageId": "m1"}),
        json!({"type": "tool-output-available", "toolCallId": "c", "output": "x"}),
        json!({"type": "start-step"}),
    ];
    chunks.extend(text("0", "It did."));
    stage.chunks(&chunks);
    let mut stage = Stage::resumed(&stage);
    stage.prompt("more");
    stage.stream(200);
    stage.status("in_progress");
    stage.chunks(&chunks);
    stage.chunks(&text("1", " Really."));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), " Really.");
    assert!(stage.updates("tool_call").is_empty());
}

#[test]
fn a_question_in_words_is_still_answered_by_the_next_prompt() {
    let mut stage = Stage::running();
    stage.chunks(&called(
        "q",
        "user_ask",
        json!({"type": "text", "prompt": "Its name?"}),
    ));
    stage.chunk(finish("tool-calls"));
    assert_eq!(checkpoint(&stage)["question"]["call"], "q");
    let mut stage = Stage::resumed(&stage);
    stage.prompt("Rex");
    stage.stream(200);
    stage.status("requires_action");
    let part = json!({"type": "tool-user_ask", "toolCallId": "q", "state": "input-available", "input": {}});
    // Others have done nothing meanwhile.
    let kept = json!([{"id": "m1", "role": "assistant", "parts": [part]}]);
    stage.messages(kept.clone());
    stage.messages(kept);
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(
        body["messages"][0]["parts"][0]["output"],
        json!({"response": "Rex"})
    );
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunks(&text("0", "Good."));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "Good.");
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn after_a_turn_a_fresh_instance_goes_on_with_the_thread() {
    let mut stage = Stage::running();
    stage.chunk(finish("stop"));
    assert_eq!(checkpoint(&stage)["run"], Value::Null);
    for status in [200, 204] {
        let mut stage = Stage::resumed(&stage);
        stage.prompt("again");
        stage.stream(status);
        stage.status("completed");
        stage.messages(json!([{"id": "m1", "role": "assistant", "parts": []}]));
        assert!(stage.has("/threads/thrd_1/messages"));
    }
}

#[test]
fn a_checkpoint_stays_small_however_long_the_run_is() {
    let mut stage = Stage::running();
    for index in 0..2000 {
        stage.chunk(json!({"type": "start-step"}));
        stage.chunks(&text("0", "some words"));
        let id = format!("call_{index}");
        stage.chunks(&called(&id, "bash", json!({"command": "ls"})));
        stage.chunk(json!({"type": "tool-output-available", "toolCallId": id, "output": "x"}));
        stage.chunk(json!({"type": "finish-step"}));
    }
    assert!(stage.bench.checkpoint().unwrap().len() < 1024);
}

#[test]
fn many_pieces_at_once_are_one_checkpoint() {
    let mut stage = Stage::running();
    stage.chunk(json!({"type": "text-start", "id": "0"}));
    stage.clear();
    let piece = json!({"type": "text-delta", "id": "0", "delta": "word "});
    stage.events(&vec![piece; 100]);
    let effects = stage.effects.iter();
    let saved = effects.filter(|effect| matches!(effect, Effect::Checkpoint(_)));
    assert_eq!(saved.count(), 1);
    assert_eq!(checkpoint(&stage)["run"]["seen"]["text"]["open"]["0"], 500);
}

#[test]
fn a_checkpoint_that_cannot_be_read_says_what_to_do() {
    let mut bench = hostler_sdk::testing::Bench::<hostler_decopilot::Decopilot>::new();
    bench = bench.config(crate::stage::config());
    let failed = bench.open_with(Default::default(), Some(&b"nonsense"[..]));
    assert!(
        failed
            .failed()
            .unwrap()
            .to_string()
            .contains("start a new session")
    );
}

#[test]
fn a_prompt_that_is_cancelled_while_it_waits_does_not_block_the_next_one() {
    let mut stage = Stage::resumed(&cut_off());
    stage.prompt("and now?");
    stage.stream(200);
    stage.status("in_progress");
    stage.cancel();
    stage.respond("/cancel/thrd_1", 202, json!({"cancelled": true}));
    stage.timer(crate::stage::CANCEL);
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    stage.clear();
    stage.prompt("again");
    stage.status("completed");
    stage.messages(json!([{"id": "m1", "role": "assistant", "parts": []}]));
    stage.respond("/messages", 202, json!({}));
    stage.chunk(json!({"type": "start", "messageId": "m2"}));
    stage.chunk(finish("stop"));
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn without_a_stream_a_run_that_lasts_is_looked_at_now_and_then() {
    let mut stage = Stage::resumed(&cut_off());
    stage.prompt("and now?");
    stage.stream(204);
    for _ in 0..20 {
        stage.status("in_progress");
        assert!(!stage.has("/stream"), "it waits before it tries again");
        stage.timer(crate::stage::LINK);
        stage.stream(204);
    }
    assert_eq!(stage.notices().len(), 1, "people are told once");
    stage.status("completed");
    stage.messages(json!([{"id": "m1", "role": "assistant", "parts": []}]));
    if !stage.has("/messages") {
        stage.timer(crate::stage::LINK);
        stage.stream(204);
    }
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["messages"][0]["parts"][0]["text"], "and now?");
}
