//! Dialogues with the built program. Every message that it prints is checked
//! against the published schema on the way (see `client`).

mod client;

use client::{Client, allow, answer};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A client that can do nothing itself, in a folder of its own.
fn plain() -> (TempDir, Client) {
    start(json!({}))
}

fn start(capabilities: Value) -> (TempDir, Client) {
    let folder = TempDir::new().unwrap();
    let client = Client::start(folder.path(), &capabilities);
    (folder, client)
}

fn stopped(reason: &str) -> Value {
    json!({"stopReason": reason})
}

#[test]
fn text_streams_in_words_of_one_message() {
    let (_folder, mut client) = plain();
    let turn = client.prompt("say hello you; think hm", allow);
    assert_eq!(turn.result, Ok(stopped("end_turn")));
    let said = turn.updates("agent_message_chunk");
    assert_eq!(said.len(), 2);
    assert_eq!(said[0]["messageId"], said[1]["messageId"]);
    assert_eq!(turn.text("agent_message_chunk"), "hello you");
    let thought = turn.updates("agent_thought_chunk");
    assert_eq!(thought[0]["content"]["text"], "hm");
    assert_ne!(thought[0]["messageId"], said[0]["messageId"]);
}

#[test]
fn plain_words_are_answered_with_what_the_agent_understands() {
    let (_folder, mut client) = plain();
    let turn = client.prompt("good morning", allow);
    let said = turn.text("agent_message_chunk");
    assert!(said.contains("\"good morning\""), "{said}");
    assert!(said.contains("edit note.txt hello"), "{said}");
}

#[test]
fn a_plan_goes_from_pending_to_completed() {
    let (_folder, mut client) = plain();
    let turn = client.prompt("plan one | two", allow);
    let of = |update: &&Value| {
        let entries = update["entries"].as_array().unwrap();
        let status = |entry: &Value| entry["status"].as_str().unwrap().to_owned();
        entries.iter().map(status).collect::<Vec<_>>().join(" ")
    };
    let plans: Vec<_> = turn.updates("plan").iter().map(of).collect();
    assert_eq!(
        plans,
        [
            "pending pending",
            "in_progress pending",
            "completed pending",
            "completed in_progress",
            "completed completed",
        ]
    );
}

#[test]
fn an_allowed_edit_writes_the_file_and_shows_the_diff() {
    let (folder, mut client) = plain();
    let path = folder.path().join("a.txt");
    std::fs::write(&path, "old").unwrap();
    let turn = client.prompt("edit a.txt new\\ntext", allow);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new\ntext");
    assert_eq!(turn.statuses(), ["pending", "in_progress", "completed"]);
    let updates = turn.updates("tool_call_update");
    let diff = &updates.last().unwrap()["content"][0];
    assert_eq!(
        (&diff["oldText"], &diff["newText"]),
        (&json!("old"), &json!("new\ntext"))
    );
    let call = turn.updates("tool_call")[0];
    assert_eq!(call["locations"][0]["path"], json!(path));
    assert_eq!(turn.asked, ["session/request_permission"]);
}

#[test]
fn a_rejected_edit_fails_and_leaves_the_file() {
    let (folder, mut client) = plain();
    let turn = client.prompt("edit a.txt x; say on", |_, _| answer("reject_once"));
    assert!(!folder.path().join("a.txt").exists());
    assert_eq!(turn.statuses(), ["pending", "failed"]);
    assert_eq!(turn.text("agent_message_chunk"), "on");
}

#[test]
fn allow_always_is_remembered_for_its_kind() {
    let (_folder, mut client) = plain();
    let always = |_: &str, _: &Value| answer("allow_always");
    let turn = client.prompt("edit a x; edit a y; run true", always);
    assert_eq!(turn.asked, ["session/request_permission"; 2]);
    assert!(client.prompt("edit a z", always).asked.is_empty());
}

#[test]
fn the_mode_auto_asks_nothing() {
    let (folder, mut client) = plain();
    let session = client.session.clone();
    let set = client.call(
        "session/set_mode",
        json!({"sessionId": session, "modeId": "auto"}),
    );
    assert_eq!(set, Ok(json!({})));
    assert!(client.prompt("edit a.txt x", allow).asked.is_empty());
    assert!(folder.path().join("a.txt").exists());
}

#[test]
fn a_client_with_files_reads_and_writes_them() {
    let (folder, mut client) = start(json!({"fs": {"readTextFile": true, "writeTextFile": true}}));
    let turn = client.prompt("edit a.txt new; read a.txt", |method, _| match method {
        "fs/read_text_file" => Ok(json!({"content": "from the client"})),
        "fs/write_text_file" => Ok(json!({})),
        _ => answer("allow_once"),
    });
    assert_eq!(
        turn.asked,
        [
            "fs/read_text_file",
            "session/request_permission",
            "fs/write_text_file",
            "fs/read_text_file",
        ]
    );
    assert!(!folder.path().join("a.txt").exists());
    let updates = turn.updates("tool_call_update");
    let read = &updates.last().unwrap()["content"][0]["content"]["text"];
    assert_eq!(read, "from the client");
}

#[test]
fn a_file_error_of_the_client_fails_the_call_alone() {
    let (_folder, mut client) = start(json!({"fs": {"readTextFile": true}}));
    let turn = client.prompt("read a.txt", |_, _| Err("no such file"));
    assert_eq!(turn.statuses(), ["pending", "failed"]);
    let text = turn.updates("tool_call_update")[0]["content"][0]["content"]["text"].clone();
    assert!(text.as_str().unwrap().contains("no such file"), "{text}");
    assert_eq!(turn.result, Ok(stopped("end_turn")));
}

#[test]
fn a_command_runs_in_the_clients_terminal() {
    let (_folder, mut client) = start(json!({"terminal": true}));
    let mut command = Value::Null;
    let turn = client.prompt("run echo hi", |method, params| match method {
        "terminal/create" => {
            command = params["args"][1].clone();
            Ok(json!({"terminalId": "t1"}))
        }
        "terminal/wait_for_exit" => Ok(json!({"exitCode": 0})),
        "terminal/output" => Ok(json!({"output": "hi\n", "truncated": false})),
        "terminal/release" => Ok(json!({})),
        _ => answer("allow_once"),
    });
    assert_eq!(command, "echo hi");
    assert_eq!(turn.asked.last().unwrap(), "terminal/release");
    assert_eq!(turn.statuses().last(), Some(&"completed"));
    let updates = turn.updates("tool_call_update");
    assert_eq!(updates[1]["content"][0]["terminalId"], "t1");
    assert_eq!(updates[2]["content"][0]["content"]["text"], "hi\n");
}

#[test]
fn a_command_that_fails_is_a_failed_call_with_its_code() {
    let (_folder, mut client) = start(json!({"terminal": true}));
    let turn = client.prompt("run false", |method, _| match method {
        "terminal/create" => Ok(json!({"terminalId": "t1"})),
        "terminal/wait_for_exit" => Ok(json!({"exitCode": 7})),
        "terminal/output" => Ok(json!({"output": "oh", "truncated": false})),
        _ => answer("allow_once"),
    });
    let updates = turn.updates("tool_call_update");
    let last = updates.last().unwrap();
    assert_eq!(last["status"], "failed");
    assert_eq!(last["content"][0]["content"]["text"], "Exit code 7\noh");
}

#[test]
fn a_cancel_ends_what_hangs_and_what_streams() {
    let (_folder, mut client) = plain();
    for prompt in ["say a; hang", "count 4000000000", "flood 4000"] {
        client.begin(prompt);
        client.wait_for_update("agent_message_chunk");
        client.cancel();
        let turn = client.end(allow);
        assert_eq!(turn.result, Ok(stopped("cancelled")), "{prompt}");
    }
}

#[test]
fn a_cancel_while_a_permission_is_open_fails_the_call() {
    let (folder, mut client) = plain();
    client.begin("edit a.txt x");
    let permission = client.wait_for_request("session/request_permission");
    client.cancel();
    client.respond(
        &permission,
        Ok(json!({"outcome": {"outcome": "cancelled"}})),
    );
    let turn = client.end(allow);
    assert_eq!(turn.result, Ok(stopped("cancelled")));
    assert_eq!(turn.statuses().last(), Some(&"failed"));
    assert!(!folder.path().join("a.txt").exists());
    assert_eq!(
        client.prompt("say on", allow).result,
        Ok(stopped("end_turn"))
    );
}

#[test]
fn a_cancel_kills_and_releases_the_terminal() {
    let (_folder, mut client) = start(json!({"terminal": true}));
    client.begin("run sleep 100");
    let permission = client.wait_for_request("session/request_permission");
    client.respond(&permission, answer("allow_once"));
    let create = client.wait_for_request("terminal/create");
    client.respond(&create, Ok(json!({"terminalId": "t1"})));
    client.wait_for_request("terminal/wait_for_exit");
    client.cancel();
    let turn = client.end(|_, _| Ok(json!({})));
    assert_eq!(turn.asked, ["terminal/kill", "terminal/release"]);
    assert_eq!(turn.result, Ok(stopped("cancelled")));
}

#[test]
fn a_deaf_turn_ignores_its_cancel() {
    let (_folder, mut client) = plain();
    client.begin("say a; deaf");
    client.wait_for_update("agent_message_chunk");
    client.cancel();
    // The cancel was read before this, and the turn still runs.
    let session = client.session.clone();
    let again = json!({"sessionId": session, "prompt": [{"type": "text", "text": "say b"}]});
    let error = client.call("session/prompt", again).unwrap_err();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("a turn is running")
    );
}

#[test]
fn a_crash_leaves_in_the_middle_with_exit_code_3() {
    let (_folder, mut client) = plain();
    client.begin("crash");
    client.wait_for_update("agent_message_chunk");
    let (code, stderr) = client.wait_for_exit();
    assert_eq!(code, Some(3));
    assert!(stderr.contains("crashing"), "{stderr}");
}

#[test]
fn the_end_of_stdin_ends_even_a_deaf_turn() {
    let (_folder, mut client) = plain();
    client.begin("say a; deaf");
    client.wait_for_update("agent_message_chunk");
    client.close_stdin();
    assert_eq!(client.wait_for_exit().0, Some(0));
}

#[test]
fn a_flood_has_the_size_that_was_asked_for() {
    let (_folder, mut client) = plain();
    let turn = client.prompt("flood 2", allow);
    assert_eq!(turn.text("agent_message_chunk").len(), 2 * 1024 * 1024);
}

#[test]
fn garbage_is_one_line_that_is_no_json() {
    let (_folder, mut client) = plain();
    let turn = client.prompt("garbage; say on", allow);
    assert_eq!(turn.garbage, ["this line is not JSON"]);
    assert_eq!(turn.text("agent_message_chunk"), "on");
}

#[test]
fn a_failure_is_the_error_of_the_prompt() {
    let (_folder, mut client) = plain();
    let error = client.prompt("fail out of ink", allow).result.unwrap_err();
    assert_eq!(error, json!({"code": -32603, "message": "out of ink"}));
}

#[test]
fn usage_is_an_update() {
    let (_folder, mut client) = plain();
    let turn = client.prompt("usage", allow);
    assert!(turn.updates("usage_update")[0]["size"].as_u64() > Some(0));
}

#[test]
fn an_option_is_set_and_all_options_come_back() {
    let (_folder, mut client) = plain();
    let session = client.session.clone();
    let set = |value: &str| json!({"sessionId": session, "configId": "model", "value": value});
    let options = client
        .call("session/set_config_option", set("raven"))
        .unwrap();
    assert_eq!(options["configOptions"][0]["currentValue"], "raven");
    let error = client
        .call("session/set_config_option", set("owl"))
        .unwrap_err();
    assert_eq!(error["code"], -32602);
    assert!(error["message"].as_str().unwrap().contains("parrot, raven"));
}

#[test]
fn a_closed_session_is_gone_and_its_turn_ends() {
    let (_folder, mut client) = plain();
    client.begin("say a; hang");
    client.wait_for_update("agent_message_chunk");
    let session = json!({"sessionId": client.session});
    client.begin_call("session/close", session.clone());
    assert_eq!(client.end(allow).result, Ok(stopped("cancelled")));
    let error = client.call("session/close", session).unwrap_err();
    assert_eq!(error["code"], -32002);
}

#[test]
fn bad_messages_get_an_error_and_the_agent_lives_on() {
    let (_folder, mut client) = plain();
    for (line, code) in [
        ("not json", -32700),
        ("\u{fffd}\"", -32700),
        ("[]", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":900}", -32600),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":901,\"method\":\"session/fork\"}",
            -32601,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":902,\"method\":\"session/prompt\",\"params\":{}}",
            -32602,
        ),
    ] {
        assert_eq!(client.error_for(line)["code"], code, "{line}");
    }
    assert_eq!(
        client.prompt("say on", allow).result,
        Ok(stopped("end_turn"))
    );
}
