//! Cancel at each stage of a turn.

use serde_json::json;

use crate::stage::{CANCEL, POST, Stage, called, finish, text};

#[test]
fn before_the_thread_is_there_nothing_was_begun() {
    let mut stage = Stage::ready();
    stage.prompt("hello");
    stage.cancel();
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    stage.respond(
        "COLLECTION_THREADS_CREATE",
        200,
        json!({"item": {"id": "thrd_1"}}),
    );
    assert!(!stage.has("/stream"));
    // The next prompt uses the thread.
    stage.clear();
    stage.prompted("again");
    assert_eq!(stage.end(), None);
}

#[test]
fn a_message_on_its_way_is_stopped_once_it_was_taken() {
    let mut stage = Stage::ready();
    stage.prompt("hello");
    stage.respond(
        "COLLECTION_THREADS_CREATE",
        200,
        json!({"item": {"id": "thrd_1"}}),
    );
    stage.stream(200);
    stage.cancel();
    assert_eq!(stage.end(), None);
    stage.respond("/messages", 202, json!({}));
    stage.respond("/cancel/thrd_1", 200, json!({"cancelled": true}));
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunk(json!({"type": "abort"}));
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
}

#[test]
fn a_run_is_stopped_and_the_turn_ends_with_it() {
    for end in [
        json!({"type": "abort", "reason": "cancelled"}),
        finish("stop"),
    ] {
        let mut stage = Stage::running();
        stage.chunks(&called("c", "bash", json!({"command": "sleep 9"})));
        stage.cancel();
        assert_eq!(stage.end(), None);
        stage.respond(
            "/cancel/thrd_1",
            202,
            json!({"cancelled": true, "async": true}),
        );
        stage.chunk(end);
        assert_eq!(stage.end(), Some(Ok("cancelled".into())));
        assert!(stage.notices().is_empty());
        assert_eq!(stage.call("c")["status"], "failed");
        assert!(stage.bench.timers().is_empty());
    }
}

#[test]
fn a_service_that_does_not_stop_is_left_alone() {
    let mut stage = Stage::running();
    stage.cancel();
    stage.respond(
        "/cancel/thrd_1",
        202,
        json!({"cancelled": true, "async": true}),
    );
    stage.timer(CANCEL);
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    // Nobody wants the rest, not when it is told again either.
    stage.clear();
    stage.chunks(&text("0", "late"));
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunks(&text("0", "late"));
    assert_eq!(stage.effects.text(), "");
    // The next prompt would lie in the service's queue, and people would hear nothing.
    stage.prompt("again");
    stage.status("in_progress");
    assert!(!stage.has("/messages"));
    assert!(stage.notices()[0].contains("still works on the prompt before"));
    stage.respond("/cancel/thrd_1", 200, json!({"cancelled": true}));
    stage.status("in_progress");
    assert!(!stage.has("/cancel/thrd_1"), "once for each prompt");
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunks(&text("0", "late"));
    stage.chunk(finish("stop"));
    stage.status("completed");
    stage.messages(json!([{"id": "m1", "role": "assistant",
        "parts": [{"type": "text", "text": "late"}]}]));
    assert_eq!(stage.end(), None, "that was the run before");
    stage.respond("/messages", 202, json!({}));
    stage.chunk(json!({"type": "start", "messageId": "m2"}));
    stage.chunks(&text("0", "new"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "new");
}

#[test]
fn a_cancel_that_is_refused_says_so_and_ends_the_turn() {
    for (status, told) in [(404, 0), (409, 0), (500, 1), (401, 1)] {
        let mut stage = Stage::running();
        stage.cancel();
        stage.respond("/cancel/thrd_1", status, json!({"error": "no"}));
        assert_eq!(stage.end(), Some(Ok("cancelled".into())), "{status}");
        assert_eq!(stage.notices().len(), told, "{status}");
    }
    let mut stage = Stage::running();
    stage.cancel();
    stage.fail("/cancel/thrd_1", "no route to host");
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    assert!(stage.notices()[0].contains("may go on"));
}

#[test]
fn while_people_are_asked_there_is_no_run_to_stop() {
    let mut stage = Stage::running();
    stage.chunks(&called("c", "bash", json!({"command": "ls"})));
    stage.chunk(json!({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "c"}));
    stage.chunk(finish("tool-calls"));
    stage.cancel();
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    assert!(!stage.has("/messages") && !stage.has("/cancel/thrd_1"));
    assert_eq!(stage.call("c")["status"], "failed");
}

/// A tool that was allowed, and a cancel before the service has taken the answer.
fn cancelled_on_its_way() -> Stage {
    let mut stage = Stage::running();
    stage.chunks(&called("c", "bash", json!({"command": "sleep 600"})));
    stage.chunk(json!({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "c"}));
    stage.chunk(finish("tool-calls"));
    stage.choose("allow_once");
    stage.cancel();
    stage.respond("/messages", 202, json!({}));
    stage
}

#[test]
fn a_run_that_begins_after_its_cancel_is_stopped_again() {
    for nothing_to_stop_yet in [200, 202, 404] {
        let mut stage = cancelled_on_its_way();
        stage.respond(
            "/cancel/thrd_1",
            nothing_to_stop_yet,
            json!({"cancelled": true}),
        );
        stage.chunk(json!({"type": "start", "messageId": "m1"}));
        stage.respond("/cancel/thrd_1", 200, json!({"cancelled": true}));
        stage.chunk(json!({"type": "start", "messageId": "m1"}));
        assert!(!stage.has("/cancel/thrd_1"), "it is only told again");
        stage.chunk(json!({"type": "abort"}));
        assert_eq!(stage.end(), Some(Ok("cancelled".into())));
        assert_eq!(stage.call("c")["status"], "failed");
    }
}

#[test]
fn a_prompt_waits_for_a_cancel_that_is_on_its_way_which_would_stop_its_own_run() {
    for status in [200, 404, 500] {
        let mut stage = cancelled_on_its_way();
        stage.chunk(json!({"type": "start", "messageId": "m1"}));
        stage.chunk(json!({"type": "abort"}));
        assert_eq!(stage.end(), Some(Ok("cancelled".into())));
        stage.clear();
        stage.prompt("again");
        assert!(!stage.has("/messages"));
        while stage.has("/cancel/thrd_1") {
            assert!(!stage.has("/messages"));
            stage.respond("/cancel/thrd_1", status, json!({}));
        }
        assert!(stage.has("/messages"), "{status}");
    }
    let mut stage = Stage::running();
    stage.cancel();
    stage.chunk(json!({"type": "abort"}));
    stage.clear();
    stage.prompt("again");
    stage.fail("/cancel/thrd_1", "no route to host");
    assert!(stage.has("/messages"));
}

#[test]
fn while_it_is_sent_again_it_is_not_sent_any_more() {
    let mut stage = Stage::ready();
    stage.prompt("hello");
    stage.respond(
        "COLLECTION_THREADS_CREATE",
        200,
        json!({"item": {"id": "thrd_1"}}),
    );
    stage.stream(200);
    stage.respond("/messages", 503, json!({}));
    stage.cancel();
    stage.timer(POST);
    assert!(!stage.has("/messages"));
    stage.respond("/cancel/thrd_1", 200, json!({}));
    stage.timer(CANCEL);
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    assert!(!stage.has("/messages"));
}

#[test]
fn without_a_turn_nothing_is_cancelled() {
    let mut stage = Stage::ready();
    stage.cancel();
    assert!(stage.effects.exchanges().is_empty());
}

#[test]
fn a_session_that_is_closed_stops_its_run() {
    let mut stage = Stage::running();
    let effects = stage.bench.close();
    assert!(effects.exchange().1.url.ends_with("/cancel/thrd_1"));
    let mut stage = Stage::ready();
    assert!(stage.bench.close().exchanges().is_empty());
}

/// A prompt that waits behind a run that somebody else began.
fn behind_others() -> Stage {
    let mut stage = Stage::running();
    stage.chunk(finish("stop"));
    stage.chunk(json!({"type": "start", "messageId": "m7"}));
    stage.clear();
    stage.prompt("and mine?");
    stage.status("in_progress");
    stage
}

#[test]
fn without_a_prompt_a_run_that_somebody_else_began_is_stopped() {
    let mut stage = Stage::running();
    stage.chunk(finish("stop"));
    stage.chunk(json!({"type": "start", "messageId": "m7"}));
    stage.chunks(&called("c", "bash", json!({"command": "sleep 9"})));
    stage.clear();
    stage.cancel();
    stage.respond("/cancel/thrd_1", 200, json!({"cancelled": true}));
    stage.chunk(json!({"type": "abort"}));
    assert_eq!(stage.call("c")["status"], "failed");
    // Nothing runs any more.
    stage.clear();
    stage.cancel();
    assert!(!stage.has("/cancel/thrd_1"));
}

#[test]
fn a_prompt_behind_a_run_that_somebody_else_began_stops_only_itself() {
    let mut stage = behind_others();
    stage.cancel();
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    assert!(!stage.has("/cancel/thrd_1"));
    stage.chunks(&text("0", "for them"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "for them");
    assert!(!stage.has("/messages"));
    // Neither when the session is closed, nor after a restart of the host.
    assert!(behind_others().bench.close().exchanges().is_empty());
    let mut stage = Stage::resumed(&behind_others());
    stage.prompt("and mine?");
    stage.stream(200);
    stage.status("in_progress");
    stage.cancel();
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    assert!(!stage.has("/cancel/thrd_1"));
}
