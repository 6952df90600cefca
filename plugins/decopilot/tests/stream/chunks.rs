//! Each kind of chunk, as people see it.

use serde_json::{Value, json};

use crate::stage::{Stage, called, finish, text};

fn seen(chunks: &[Value]) -> Stage {
    let mut stage = Stage::running();
    stage.chunks(chunks);
    stage
}

#[test]
fn text_and_thoughts_come_in_their_pieces() {
    let stage = seen(&[
        json!({"type": "start-step"}),
        json!({"type": "reasoning-start", "id": "0"}),
        json!({"type": "reasoning-delta", "id": "0", "delta": "hm"}),
        json!({"type": "reasoning-end", "id": "0"}),
        json!({"type": "text-start", "id": "0"}),
        json!({"type": "text-delta", "id": "0", "delta": "Hel"}),
        json!({"type": "text-delta", "id": "0", "delta": "lo"}),
        json!({"type": "text-end", "id": "0"}),
        json!({"type": "finish-step"}),
    ]);
    assert_eq!(stage.effects.text(), "Hello");
    let chunks = stage.updates("agent_message_chunk");
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[0]["messageId"], chunks[1]["messageId"]);
    let [thought] = stage.updates("agent_thought_chunk").try_into().unwrap();
    assert_eq!(thought["content"]["text"], "hm");
}

#[test]
fn the_texts_of_two_steps_are_two_messages() {
    let mut stage = Stage::running();
    for words in ["one", "two"] {
        stage.chunk(json!({"type": "start-step"}));
        stage.chunks(&text("0", words));
        stage.chunk(json!({"type": "finish-step"}));
    }
    let chunks = stage.updates("agent_message_chunk");
    assert_ne!(chunks[0]["messageId"], chunks[1]["messageId"]);
}

#[test]
fn a_call_is_pending_while_its_input_streams_and_then_says_what_it_does() {
    let mut stage = Stage::running();
    let chunks = called("c", "bash", json!({"command": "ls -l"}));
    stage.chunks(&chunks[..2]);
    let [call] = stage.updates("tool_call").try_into().unwrap();
    // `pending` is what a call is without a word.
    assert_ne!(call["status"], "in_progress");
    assert_eq!(
        (&call["kind"], &call["title"]),
        (&json!("execute"), &json!("bash"))
    );
    stage.chunks(&chunks[2..]);
    let call = stage.call("c");
    assert_eq!(
        (&call["status"], &call["title"]),
        (&json!("in_progress"), &json!("ls -l"))
    );
    assert_eq!(call["rawInput"]["command"], "ls -l");
}

#[test]
fn outputs_replace_the_preliminary_ones_before_them() {
    let mut stage = Stage::running();
    stage.chunks(&called("c", "bash", json!({"command": "make"})));
    for printed in ["a", "a b"] {
        let output = json!({"stdout": printed, "stderr": ""});
        stage.chunk(json!({"type": "tool-output-available", "toolCallId": "c", "output": output, "preliminary": true}));
        let call = stage.call("c");
        assert_eq!(call["status"], "in_progress");
        assert!(call["content"].to_string().contains(printed), "{call:#}");
    }
    let output = json!({"stdout": "done", "stderr": "", "exitCode": 0});
    stage.chunk(json!({"type": "tool-output-available", "toolCallId": "c", "output": output}));
    let call = stage.call("c");
    assert_eq!(call["status"], "completed");
    assert_eq!(call["rawOutput"], output);
    assert!(call["content"].to_string().contains("done"));
}

#[test]
fn what_makes_a_message_too_large_is_shown_all_the_same() {
    let mut stage = Stage::running();
    stage.chunks(&called("c", "bash", json!({"command": "make"})));
    let output = json!({"stdout": "x".repeat(7 << 20), "exitCode": 0});
    stage.chunk(json!({"type": "tool-output-available", "toolCallId": "c", "output": output}));
    let call = stage.call("c");
    assert_eq!(call["status"], "completed");
    assert!(call["content"].to_string().contains("xxx"));
    stage.chunks(&text("0", "made"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "made");
}

#[test]
fn data_for_the_services_own_page_is_not_kept() {
    let mut stage = Stage::running();
    for _ in 0..3 {
        stage.chunk(json!({"type": "data-queue-add", "data": {"x": 1}}));
    }
    stage.chunks(&called("c", "bash", json!({"command": "ls"})));
    stage.chunk(json!({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "c"}));
    stage.chunk(finish("tool-calls"));
    stage.choose("allow_once");
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["messages"][0]["parts"].as_array().unwrap().len(), 1);
}

#[test]
fn calls_that_fail_say_why() {
    for (chunk, says) in [
        (
            json!({"type": "tool-output-error", "toolCallId": "c", "errorText": "no disk"}),
            "no disk",
        ),
        (
            json!({"type": "tool-output-denied", "toolCallId": "c"}),
            "Denied.",
        ),
        (
            json!({"type": "tool-input-error", "toolCallId": "c", "toolName": "bash", "input": "x", "errorText": "no JSON"}),
            "no JSON",
        ),
        (
            json!({"type": "tool-output-available", "toolCallId": "c", "output": {"stdout": "", "stderr": "boom", "exitCode": 2}}),
            "boom",
        ),
        (
            json!({"type": "tool-output-available", "toolCallId": "c", "output": {"isError": true, "content": [{"type": "text", "text": "bad query"}]}}),
            "bad query",
        ),
    ] {
        let mut stage = Stage::running();
        stage.chunks(&called("c", "bash", json!({"command": "x"})));
        stage.chunk(chunk);
        let call = stage.call("c");
        assert_eq!(call["status"], "failed", "{says}");
        assert!(call["content"].to_string().contains(says), "{call:#}");
    }
}

#[test]
fn kinds_and_titles_follow_the_tool() {
    for (tool, input, kind, title) in [
        ("read", json!({"path": "a.rs"}), "read", "Read a.rs"),
        (
            "write",
            json!({"path": "a.rs", "content": "x"}),
            "edit",
            "Write a.rs",
        ),
        (
            "edit",
            json!({"path": "a.rs", "old_string": "x", "new_string": "y"}),
            "edit",
            "Edit a.rs",
        ),
        ("grep", json!({"pattern": "fn"}), "search", "Search for fn"),
        ("glob", json!({"pattern": "*.rs"}), "search", "Find *.rs"),
        (
            "web_search",
            json!({"query": "rust"}),
            "fetch",
            "Search the web for rust",
        ),
        (
            "scrape_url",
            json!({"url": "https://a"}),
            "fetch",
            "Look at https://a",
        ),
        (
            "subtask",
            json!({"prompt": "look"}),
            "think",
            "Subtask: look",
        ),
        (
            "generate_image",
            json!({"prompt": "a cat"}),
            "other",
            "Draw a cat",
        ),
        ("crm_list_deals", json!({}), "other", "crm list deals"),
    ] {
        let stage = seen(&called("c", tool, input));
        let call = stage.call("c");
        assert_eq!(call["kind"].as_str().unwrap_or("other"), kind, "{tool}");
        assert_eq!(call["title"], title, "{tool}");
    }
}

#[test]
fn changes_of_files_are_diffs() {
    let input = json!({"path": "a.rs", "old_string": "x", "new_string": "y"});
    let stage = seen(&called("c", "edit", input));
    let diff = &stage.call("c")["content"][0];
    assert_eq!(diff["type"], "diff");
    assert_eq!(
        (&diff["oldText"], &diff["newText"]),
        (&json!("x"), &json!("y"))
    );
    let stage = seen(&called(
        "c",
        "write",
        json!({"path": "a.rs", "content": "z"}),
    ));
    assert_eq!(stage.call("c")["content"][0]["newText"], "z");
}

#[test]
fn a_list_of_things_to_do_is_a_plan_and_no_call() {
    let todos = json!({"todos": [
        {"content": "look", "status": "completed", "activeForm": "Looking"},
        {"content": "leap", "status": "in_progress", "activeForm": "Leaping"},
        {"content": "rest", "status": "pending", "activeForm": "Resting"},
    ]});
    let mut stage = seen(&called("c", "todo_write", todos));
    stage
        .chunk(json!({"type": "tool-output-available", "toolCallId": "c", "output": {"ok": true}}));
    let [plan] = stage.updates("plan").try_into().unwrap();
    let entries: Vec<_> = plan["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["status"])
        .collect();
    assert_eq!(entries, ["completed", "in_progress", "pending"]);
    assert!(stage.calls().is_empty());
}

#[test]
fn sources_and_files_are_blocks_of_the_answer() {
    let stage = seen(&[
        json!({"type": "source-url", "sourceId": "s", "url": "https://a.example", "title": "A"}),
        json!({"type": "source-document", "sourceId": "d", "mediaType": "application/pdf", "title": "Handbook"}),
        json!({"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,iVBO"}),
    ]);
    let blocks = stage.updates("agent_message_chunk");
    assert_eq!(blocks[0]["content"]["uri"], "https://a.example");
    assert!(
        blocks[1]["content"]["text"]
            .as_str()
            .unwrap()
            .contains("Handbook")
    );
    assert_eq!(blocks[2]["content"]["data"], "iVBO");
}

#[test]
fn data_with_a_title_names_the_conversation() {
    for data in [json!({"title": "Rust"}), json!("Rust")] {
        let stage = seen(&[json!({"type": "data-title-result", "data": data, "transient": true})]);
        let [info] = stage.updates("session_info_update").try_into().unwrap();
        assert_eq!(info["title"], "Rust");
    }
}

#[test]
fn what_the_service_tells_of_the_message_comes_with_the_answer() {
    let mut stage = Stage::running();
    stage.chunk(json!({"type": "message-metadata", "messageMetadata": {"model": "m"}}));
    let usage = json!({"inputTokens": 3, "outputTokens": 4, "totalTokens": 7});
    stage.chunk(
        json!({"type": "finish", "finishReason": "stop", "messageMetadata": {"usage": usage}}),
    );
    let answer = stage.effects.answer().unwrap();
    assert_eq!(answer["_meta"]["decopilot"]["usage"], usage);
}

#[test]
fn the_beginning_of_the_first_prompt_is_the_title_at_first() {
    let mut stage = Stage::ready();
    stage.prompted("Explain it\nall");
    let [info] = stage.updates("session_info_update").try_into().unwrap();
    assert_eq!(info["title"], "Explain it …");
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunk(finish("stop"));
    stage.clear();
    stage.prompted("again");
    assert!(stage.updates("session_info_update").is_empty());
}

#[test]
fn a_prompt_is_one_message_to_the_agent() {
    let mut stage = Stage::ready();
    stage.prompt("hello");
    let data = stage.respond(
        "COLLECTION_THREADS_CREATE",
        200,
        json!({"item": {"id": "thrd_1"}}),
    );
    assert_eq!(data, json!({"data": {"virtual_mcp_id": "vir_1"}}));
    // The stream is there before anything is said on it.
    assert!(!stage.has("/messages"));
    stage.stream(200);
    let body = stage.respond("/messages", 202, json!({}));
    let message = &body["messages"][0];
    assert_eq!(message["role"], "user");
    assert_eq!(message["parts"], json!([{"type": "text", "text": "hello"}]));
    assert!(message["id"].as_str().unwrap().starts_with("hostler-"));
    assert_eq!(body["agent"], json!({"id": "vir_1"}));
    assert_eq!(
        (&body["tier"], &body["toolApprovalLevel"]),
        (&json!("smart"), &json!("readonly"))
    );
    assert!(body.get("temperature").is_none() && body.get("mode").is_none());
}
