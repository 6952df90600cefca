//! A stream that is lost: what people have seen is not shown twice, and what they
//! have not seen is shown.

use hostler_sdk::Error;
use serde_json::{Value, json};

use crate::stage::{LINK, LOOK, Stage, called, finish, text};

/// A run with everything in it, from its start.
fn run() -> Vec<Value> {
    let mut chunks = vec![
        json!({"type": "start", "messageId": "m1"}),
        json!({"type": "start-step"}),
        json!({"type": "reasoning-start", "id": "0"}),
        json!({"type": "reasoning-delta", "id": "0", "delta": "let me "}),
        json!({"type": "reasoning-delta", "id": "0", "delta": "see"}),
        json!({"type": "reasoning-end", "id": "0"}),
        json!({"type": "text-start", "id": "0"}),
        json!({"type": "text-delta", "id": "0", "delta": "I "}),
        json!({"type": "text-delta", "id": "0", "delta": "lööked"}),
        json!({"type": "text-end", "id": "0"}),
    ];
    chunks.extend(called("c", "bash", json!({"command": "ls"})));
    chunks.extend([
        json!({"type": "tool-output-available", "toolCallId": "c", "output": {"stdout": "a"}, "preliminary": true}),
        json!({"type": "tool-output-available", "toolCallId": "c", "output": {"stdout": "ab", "exitCode": 0}}),
        json!({"type": "finish-step"}),
        json!({"type": "start-step"}),
        json!({"type": "source-url", "sourceId": "s", "url": "https://a.example"}),
    ]);
    chunks.extend(called(
        "t",
        "todo_write",
        json!({"todos": [{"content": "rest", "status": "pending"}]}),
    ));
    chunks
        .push(json!({"type": "tool-output-available", "toolCallId": "t", "output": {"ok": true}}));
    chunks.extend(text("0", "Done."));
    chunks.push(json!({"type": "finish-step"}));
    chunks.push(finish("stop"));
    chunks
}

/// What people see of a run that is not lost.
fn whole() -> Vec<Value> {
    let mut stage = Stage::ready();
    stage.prompted("hello");
    stage.clear();
    stage.chunks(&run());
    stage.effects.updates()
}

fn said(updates: &[Value], kind: &str) -> String {
    let chunks = updates
        .iter()
        .filter(|update| update["sessionUpdate"] == kind);
    chunks
        .filter_map(|chunk| chunk["content"]["text"].as_str())
        .collect()
}

/// The same updates, where texts may have been cut at other places.
fn same(updates: &[Value], expected: &[Value]) {
    for kind in ["agent_message_chunk", "agent_thought_chunk"] {
        assert_eq!(said(updates, kind), said(expected, kind));
    }
    let others = |updates: &[Value]| -> Vec<Value> {
        let is_text = |update: &&Value| update["content"]["text"].is_string();
        updates
            .iter()
            .filter(|update| !is_text(update))
            .cloned()
            .collect()
    };
    assert_eq!(others(updates), others(expected));
}

fn reconnect(stage: &mut Stage) {
    stage.lose();
    stage.timer(LINK);
    stage.stream(200);
    stage.status("in_progress");
}

#[test]
fn wherever_it_breaks_everything_is_shown_once() {
    let (chunks, expected) = (run(), whole());
    for at in 1..chunks.len() {
        let mut stage = Stage::ready();
        stage.prompted("hello");
        stage.clear();
        stage.chunks(&chunks[..at]);
        reconnect(&mut stage);
        stage.chunks(&chunks);
        let mut updates = stage.effects.updates();
        updates.retain(|update| update["sessionUpdate"] != "notice");
        same(&updates, &expected);
        assert_eq!(stage.end(), Some(Ok("end_turn".into())), "at {at}");
    }
}

#[test]
fn a_replay_that_joins_pieces_is_the_same() {
    let mut stage = Stage::running();
    stage.chunks(&[
        json!({"type": "text-start", "id": "0"}),
        json!({"type": "text-delta", "id": "0", "delta": "Hel"}),
        json!({"type": "text-delta", "id": "0", "delta": "lo"}),
    ]);
    reconnect(&mut stage);
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunks(&text("0", "Hello world"));
    assert_eq!(stage.effects.text(), "Hello world");
}

#[test]
fn it_may_break_more_than_once() {
    let chunks = run();
    let mut stage = Stage::ready();
    stage.prompted("hello");
    stage.clear();
    for at in [3, 8, 5, 12] {
        stage.chunks(&chunks[..at]);
        reconnect(&mut stage);
    }
    stage.chunks(&chunks);
    let mut updates = stage.effects.updates();
    updates.retain(|update| update["sessionUpdate"] != "notice");
    same(&updates, &whole());
}

#[test]
fn people_are_told_once_and_again_when_it_was_back_in_between() {
    let mut stage = Stage::running();
    stage.lose();
    for _ in 0..3 {
        stage.timer(LINK);
        stage.stream(503);
    }
    assert_eq!(stage.notices().len(), 1);
    stage.timer(LINK);
    stage.stream(200);
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.lose();
    assert_eq!(stage.notices().len(), 2);
}

#[test]
fn what_ended_meanwhile_is_asked_for_and_shown() {
    let parts = json!([
        {"type": "step-start"},
        {"type": "text", "text": "Hello world", "state": "done"},
        {"type": "tool-bash", "toolCallId": "c", "state": "output-available", "input": {"command": "ls"}, "output": {"stdout": "x", "exitCode": 0}},
        {"type": "text", "text": " and more", "state": "done"},
    ]);
    let mut stage = Stage::running();
    stage.chunk(json!({"type": "start-step"}));
    stage.chunks(&text("0", "Hello world"));
    stage.chunks(&called("c", "bash", json!({"command": "ls"})));
    stage.lose();
    stage.timer(LINK);
    stage.stream(200);
    stage.status("completed");
    stage.messages(json!([{"id": "m1", "role": "assistant", "parts": parts}]));
    assert_eq!(stage.effects.text(), "Hello world and more");
    assert_eq!(stage.updates("tool_call").len(), 1);
    assert_eq!(stage.call("c")["status"], "completed");
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn a_run_that_began_and_ended_meanwhile_is_found_by_its_prompt() {
    let mut stage = Stage::ready();
    stage.prompt("hello");
    stage.respond(
        "COLLECTION_THREADS_CREATE",
        200,
        json!({"item": {"id": "thrd_1"}}),
    );
    stage.stream(200);
    let body = stage.respond("/messages", 202, json!({}));
    stage.lose();
    stage.timer(LINK);
    stage.stream(200);
    stage.status("completed");
    let part = |words: &str| json!([{"type": "text", "text": words}]);
    stage.messages(json!([
        {"id": "m0", "role": "assistant", "parts": part("old")},
        body["messages"][0],
        {"id": "m1", "role": "assistant", "parts": part("new")},
    ]));
    assert_eq!(stage.effects.text(), "new");
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn a_question_that_was_missed_is_asked() {
    let mut stage = Stage::running();
    stage.lose();
    stage.timer(LINK);
    stage.stream(200);
    stage.status("requires_action");
    let part = json!({"type": "tool-bash", "toolCallId": "c", "state": "approval-requested",
        "input": {"command": "ls"}, "approval": {"id": "a"}});
    stage.messages(json!([{"id": "m1", "role": "assistant", "parts": [part]}]));
    stage.choose("allow_once");
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(
        body["messages"][0]["parts"][0]["approval"]["approved"],
        true
    );
}

#[test]
fn an_end_that_comes_while_the_state_is_asked_for_counts_once() {
    let mut stage = Stage::running();
    stage.lose();
    stage.timer(LINK);
    stage.stream(200);
    stage.chunks(&[json!({"type": "start", "messageId": "m1"}), finish("stop")]);
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
    stage.clear();
    stage.status("completed");
    if stage.has("COLLECTION_THREAD_MESSAGES_LIST") {
        stage.messages(json!([]));
    }
    assert!(stage.effects.updates().is_empty());
    assert_eq!(stage.end(), None);
}

#[test]
fn no_buffer_is_no_reason_to_stop() {
    let mut stage = Stage::ready();
    stage.prompt("hello");
    stage.respond(
        "COLLECTION_THREADS_CREATE",
        200,
        json!({"item": {"id": "thrd_1"}}),
    );
    stage.stream(204);
    stage.respond("/messages", 202, json!({}));
    for _ in 0..20 {
        stage.stream(204);
        stage.status("in_progress");
        assert_eq!(stage.end(), None);
        stage.timer(LINK);
    }
    stage.stream(200);
    stage.status("in_progress");
    stage.chunks(&[json!({"type": "start", "messageId": "m1"})]);
    stage.chunks(&text("0", "there"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "there");
}

#[test]
fn a_service_that_stays_away_ends_the_turn_and_the_next_one_shows_what_was_missed() {
    let mut stage = Stage::running();
    stage.chunks(&text("0", "one"));
    stage.lose();
    let mut tries = 0;
    while stage.end().is_none() {
        stage.timer(LINK);
        stage.fail("/stream", "no route to host");
        tries += 1;
        assert!(tries < 50);
    }
    assert!(stage.failure().message.contains("could not be reached"));
    assert_eq!(stage.bench.timers(), [LINK], "it is tried again");
    stage.clear();
    stage.prompt("again");
    stage.stream(200);
    stage.status("in_progress");
    assert!(!stage.has("/messages"), "the run before is not at its end");
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunks(&text("0", "one"));
    stage.chunk(json!({"type": "start-step"}));
    stage.chunks(&text("0", "two"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "two");
    assert_eq!(stage.end(), None);
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["messages"][0]["parts"][0]["text"], "again");
}

#[test]
fn a_stream_that_is_refused_ends_the_turn_and_says_what_to_do() {
    for (status, says) in [
        (401, "hostler secret set"),
        (403, "lacks the right"),
        (404, "new session"),
    ] {
        let mut stage = Stage::running();
        stage.lose();
        stage.timer(LINK);
        stage.stream(status);
        assert!(stage.failure().message.contains(says), "{status}");
    }
}

/// A run whose end was missed: its messages are asked for.
fn ended_unseen() -> Stage {
    let mut stage = Stage::running();
    stage.lose();
    stage.timer(LINK);
    stage.stream(200);
    stage.status("completed");
    stage
}

#[test]
fn messages_that_are_refused_end_the_turn_and_the_next_prompt_is_taken() {
    for (status, says) in [(401, "hostler secret set"), (403, "right"), (404, "404")] {
        let mut stage = ended_unseen();
        stage.respond("COLLECTION_THREAD_MESSAGES_LIST", status, json!({}));
        let failure = stage.failure();
        assert!(failure.message.contains(says), "{failure}");
        assert!(stage.bench.timers().is_empty());
        stage.clear();
        stage.prompted("again");
        stage.chunk(json!({"type": "start", "messageId": "m2"}));
        stage.chunk(finish("stop"));
        assert_eq!(stage.end(), Some(Ok("end_turn".into())));
    }
}

#[test]
fn messages_that_cannot_be_had_end_the_turn() {
    for error in [
        Error::Limit("the response is too large".into()),
        Error::Denied("add hosts".into()),
    ] {
        let mut stage = ended_unseen();
        let (exchange, _) = stage.take("COLLECTION_THREAD_MESSAGES_LIST");
        let effects = stage.bench.http_failed(exchange, error);
        stage.note(effects);
        assert!(stage.failure().message.contains("the messages"));
        assert!(stage.bench.timers().is_empty());
    }
}

#[test]
fn a_service_that_never_says_how_the_thread_stands_ends_the_turn() {
    let mut stage = ended_unseen();
    let mut tries = 0;
    loop {
        stage.respond("COLLECTION_THREAD_MESSAGES_LIST", 503, json!({}));
        if stage.end().is_some() {
            break;
        }
        tries += 1;
        assert!(tries < 50, "it is asked for ever");
        // What came since counts as a sign of life once.
        while !stage.has("COLLECTION_THREADS_GET") {
            stage.timer(LOOK);
        }
        stage.status("completed");
    }
    assert!(stage.failure().message.contains("did not say"));
    assert!(stage.bench.timers().is_empty());
}
