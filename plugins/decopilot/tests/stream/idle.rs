//! The stream is lost while nobody waits, and others go on.

use hostler_sdk::Error;
use serde_json::{Value, json};

use crate::stage::{LINK, LOOK, Stage, called, finish, text};

/// A turn was answered, and then the stream was lost.
fn lost() -> Stage {
    let mut stage = Stage::running();
    stage.chunk(finish("stop"));
    stage.clear();
    stage.lose();
    stage
}

/// The stream is back, and a thread of that state.
fn back(stage: &mut Stage, status: &str) {
    stage.timer(LINK);
    stage.stream(200);
    stage.status(status);
}

#[test]
fn without_a_turn_the_next_prompt_makes_a_lost_stream_again_at_once() {
    let mut stage = lost();
    assert_eq!(stage.bench.timers(), [LINK]);
    assert!(stage.notices().is_empty());
    stage.prompt("again");
    assert!(stage.bench.timers().is_empty());
    stage.stream(200);
    assert!(!stage.has("/messages"), "others may have begun a run");
    stage.status("completed");
    assert!(!stage.has("/messages"), "and ended it");
    stage.messages(json!([{"id": "m1", "role": "assistant", "parts": []}]));
    assert!(stage.has("/messages"));
}

fn of_others() -> Value {
    json!([
        {"id": "m1", "role": "assistant", "parts": [{"type": "text", "text": "Seen."}]},
        {"id": "u2", "role": "user", "parts": [{"type": "text", "text": "And you?"}]},
        {"id": "m2", "role": "assistant", "parts": [
            {"type": "text", "text": "For them."},
            {"type": "tool-bash", "toolCallId": "c", "state": "output-available",
                "input": {"command": "ls"}, "output": "x"},
        ]},
    ])
}

#[test]
fn what_others_did_while_the_stream_was_lost_is_shown_without_a_prompt() {
    let mut stage = lost();
    for _ in 0..20 {
        stage.timer(LINK);
        stage.fail("/stream", "connection refused");
    }
    back(&mut stage, "completed");
    stage.messages(of_others());
    assert_eq!(stage.effects.text(), "For them.");
    assert_eq!(stage.call("c")["status"], "completed");
    assert!(stage.notices().is_empty() && stage.bench.timers().is_empty());
    // Once, also when the service tells it again, and after a restart of the host.
    stage.clear();
    stage.chunk(json!({"type": "start", "messageId": "m2"}));
    stage.chunks(&text("0", "For them."));
    stage.chunk(finish("stop"));
    stage.lose();
    back(&mut stage, "completed");
    stage.messages(of_others());
    assert_eq!(stage.effects.text(), "");
    let mut stage = Stage::resumed(&stage);
    stage.prompt("again");
    stage.stream(200);
    stage.status("completed");
    stage.messages(of_others());
    assert_eq!(stage.effects.text(), "");
    assert!(stage.has("/messages"));
}

#[test]
fn a_question_of_a_run_of_others_is_asked_when_the_stream_is_back() {
    let mut stage = lost();
    back(&mut stage, "requires_action");
    stage.messages(asked_before());
    assert_eq!(stage.bench.open_asks().len(), 1);
}

/// A question in `m2`, which nobody here has seen.
fn asked_before() -> Value {
    let part = json!({"type": "tool-bash", "toolCallId": "c", "state": "approval-requested",
        "input": {"command": "ls"}, "approval": {"id": "a"}});
    json!([
        {"id": "m1", "role": "assistant", "parts": []},
        {"id": "m2", "role": "assistant", "parts": [part]},
    ])
}

/// The same, and others went on with these words.
fn asked_before_and_over() -> Value {
    let mut items = asked_before();
    let said = |id: &str, role: &str, words: &str| json!({"id": id, "role": role, "parts": [{"type": "text", "text": words}]});
    let more = [
        said("u3", "user", "Never mind."),
        said("m3", "assistant", "Fine."),
    ];
    items.as_array_mut().unwrap().extend(more);
    items
}

#[test]
fn a_question_behind_which_others_went_on_is_shown_and_not_asked() {
    let mut stage = lost();
    back(&mut stage, "completed");
    stage.messages(asked_before_and_over());
    assert!(stage.bench.open_asks().is_empty());
    assert_eq!(stage.effects.text(), "Fine.");
    assert_eq!(stage.call("c")["status"], "failed");
}

#[test]
fn beside_a_run_of_others_only_its_own_question_is_asked() {
    let mut stage = lost();
    stage.timer(LINK);
    stage.stream(200);
    stage.chunk(json!({"type": "start", "messageId": "m3"}));
    stage.status("in_progress");
    stage.messages(asked_before_and_over());
    assert!(stage.bench.open_asks().is_empty());
    assert_eq!(stage.call("c")["status"], "failed");
    stage.chunks(&called("d", "bash", json!({"command": "ls"})));
    stage.chunk(json!({"type": "tool-approval-request", "approvalId": "b", "toolCallId": "d"}));
    stage.chunk(finish("tool-calls"));
    stage.choose("allow_once");
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["messages"][0]["id"], "m3");
    assert!(!body.to_string().contains(r#""toolCallId":"c""#));
}

#[test]
fn a_prompt_that_waits_takes_the_place_of_a_missed_question() {
    let mut stage = lost();
    stage.prompt("again");
    stage.stream(200);
    stage.status("requires_action");
    stage.messages(asked_before());
    assert!(stage.bench.open_asks().is_empty());
    assert_eq!(stage.call("c")["status"], "failed");
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["messages"][0]["parts"][0]["text"], "again");
}

#[test]
fn more_than_can_be_shown_is_said() {
    let mut stage = lost();
    back(&mut stage, "completed");
    stage.messages(json!([{"id": "m9", "role": "assistant",
        "parts": [{"type": "text", "text": "Late."}]}]));
    assert_eq!(stage.effects.text(), "");
    assert!(stage.notices()[0].contains("further than is shown"));
}

#[test]
fn a_prompt_is_not_answered_with_a_run_that_somebody_else_began_meanwhile() {
    let mut stage = lost();
    stage.prompt("again");
    stage.stream(200);
    stage.chunk(json!({"type": "start", "messageId": "m7"}));
    stage.chunks(&text("0", "for them"));
    stage.status("in_progress");
    assert!(!stage.has("/messages"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.end(), None);
    stage.respond("/messages", 202, json!({}));
    stage.chunk(json!({"type": "start", "messageId": "m8"}));
    stage.chunks(&text("0", ", for us"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "for them, for us");
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn what_others_did_and_cannot_be_had_is_told_and_prompts_go_on() {
    for error in [
        Error::Limit("the response is too large".into()),
        Error::Denied("add hosts".into()),
    ] {
        let mut stage = lost();
        back(&mut stage, "completed");
        let (exchange, _) = stage.take("COLLECTION_THREAD_MESSAGES_LIST");
        let effects = stage.bench.http_failed(exchange, error);
        stage.note(effects);
        assert!(stage.notices()[0].contains("What others did cannot be shown"));
        stage.clear();
        stage.prompted("again");
        stage.chunk(json!({"type": "start", "messageId": "m2"}));
        stage.chunk(finish("stop"));
        assert_eq!(stage.end(), Some(Ok("end_turn".into())));
    }
}

/// Two of others: one that has ended, and one that runs.
fn two_of_others() -> Value {
    json!([
        {"id": "m1", "role": "assistant", "parts": [{"type": "text", "text": "Seen."}]},
        {"id": "u2", "role": "user", "parts": [{"type": "text", "text": "And you?"}]},
        {"id": "m2", "role": "assistant", "parts": [{"type": "text", "text": "The first."}]},
        {"id": "u3", "role": "user", "parts": [{"type": "text", "text": "And now?"}]},
        {"id": "m3", "role": "assistant", "parts": [{"type": "text", "text": "The sec"}]},
    ])
}

#[test]
fn of_two_runs_of_others_the_first_is_shown_too() {
    for (state_first, ends_first) in [(true, false), (false, false), (true, true)] {
        let mut stage = lost();
        stage.timer(LINK);
        stage.stream(200);
        if state_first {
            stage.status("in_progress");
        }
        stage.chunk(json!({"type": "start", "messageId": "m3"}));
        stage.chunks(&text("0", "The second."));
        if !state_first {
            stage.status("in_progress");
        }
        if ends_first {
            stage.chunk(finish("stop"));
        }
        stage.messages(two_of_others());
        if !ends_first {
            stage.chunk(finish("stop"));
        }
        let said = stage.effects.text();
        assert_eq!(said.matches("The first.").count(), 1, "{said}");
        assert_eq!(said.matches("The second.").count(), 1, "{said}");
        assert_eq!(said.matches("Seen.").count(), 0, "{said}");
        assert!(stage.notices().is_empty() && stage.bench.timers().is_empty());
        // A prompt goes behind both.
        stage.clear();
        stage.prompted("again");
        stage.chunk(json!({"type": "start", "messageId": "m4"}));
        stage.chunk(finish("stop"));
        assert_eq!(stage.end(), Some(Ok("end_turn".into())));
        assert_eq!(stage.effects.text(), "");
    }
}

#[test]
fn a_prompt_behind_two_runs_of_others_shows_the_first_too() {
    let mut stage = lost();
    stage.prompt("again");
    stage.stream(200);
    stage.chunk(json!({"type": "start", "messageId": "m3"}));
    stage.chunks(&text("0", "The second."));
    stage.status("in_progress");
    stage.messages(two_of_others());
    stage.chunk(finish("stop"));
    let said = stage.effects.text();
    assert_eq!(said.matches("The first.").count(), 1, "{said}");
    stage.respond("/messages", 202, json!({}));
    stage.chunk(json!({"type": "start", "messageId": "m4"}));
    stage.chunk(finish("stop"));
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn a_state_that_is_not_told_while_nobody_waits_is_asked_for_again() {
    let mut stage = lost();
    stage.timer(LINK);
    stage.stream(200);
    for _ in 0..20 {
        stage.fail("COLLECTION_THREADS_GET", "connection reset");
        assert_eq!(stage.bench.timers(), [LOOK]);
        stage.timer(LOOK);
    }
    stage.status("completed");
    stage.messages(of_others());
    assert_eq!(stage.effects.text(), "For them.");
    assert!(stage.notices().is_empty() && stage.bench.timers().is_empty());
}
