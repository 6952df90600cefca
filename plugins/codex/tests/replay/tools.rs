//! Commands, file changes, MCP and other tools.

use serde_json::{Value, json};

use crate::stage::{Stage, play};

/// The texts of a tool call's content.
fn texts(call: &Value) -> String {
    let content = call["content"].as_array().unwrap().iter();
    let texts = content.filter_map(|block| block["content"]["text"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

fn command(status: &str) -> Value {
    json!({"type": "commandExecution", "id": "c", "command": "/bin/bash -lc 'make all'",
           "cwd": "/work", "status": status})
}

fn started(stage: &mut Stage) {
    stage.tell("item/started", &json!({"item": command("inProgress")}));
}

fn printed(stage: &mut Stage, text: &str) {
    stage.tell(
        "item/commandExecution/outputDelta",
        &json!({"itemId": "c", "delta": text}),
    );
}

#[test]
fn a_command_is_shown_with_its_output_and_exit_code() {
    let call = play("bash_allow").call("call_fake10_0");
    assert_eq!(call["title"], "touch made.txt && echo made");
    assert_eq!(call["kind"], "execute");
    assert_eq!(call["status"], "completed");
    assert_eq!(
        call["rawInput"],
        json!({"command": "touch made.txt && echo made", "cwd": "/work"})
    );
    assert_eq!(call["rawOutput"]["exitCode"], 0);
    assert_eq!(texts(&call), "```\nmade\n```");
}

#[test]
fn a_failed_command_says_how_it_failed() {
    let stage = play("bash_fail");
    let call = stage.call("call_fake360_0");
    assert_eq!(call["status"], "failed");
    assert!(texts(&call).contains("No such file"));
    assert!(texts(&call).ends_with("Exit code 3"));
}

#[test]
fn output_is_shown_while_it_comes_and_whole_at_the_end() {
    let stage = play("bash_stream_output");
    let updates = stage.effects.updates().into_iter();
    let outputs: Vec<_> = updates
        .filter(|update| update["sessionUpdate"] == "tool_call_update")
        .map(|update| texts(&update))
        .collect();
    let live = outputs
        .iter()
        .any(|text| text.contains("line 2") && !text.contains("line 1"));
    assert!(live, "{outputs:?}");
    // Codex leaves the first piece out of the stream, not out of the result.
    let call = stage.call("call_fake364_0");
    assert!(
        texts(&call).ends_with("```\nline 1\nline 2\nline 3\n```"),
        "{call}"
    );
}

#[test]
fn a_flood_of_output_costs_few_updates_and_shows_its_end() {
    let mut stage = Stage::prompted();
    started(&mut stage);
    stage.clear();
    for number in 0..10_000 {
        printed(&mut stage, &format!("line {number}\n"));
    }
    assert_eq!(stage.effects.updates().len(), 1);
    assert_eq!(stage.bench.timers(), [3]);
    let effects = stage.bench.timer(3);
    let [update] = effects.updates().try_into().unwrap();
    assert!(texts(&update).contains("line 9999"));
    assert!(update.to_string().len() < 6000);
    // Nothing new: the clock stops.
    assert!(stage.bench.timer(3).is_empty());
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn a_result_without_output_keeps_what_was_seen() {
    let mut stage = Stage::prompted();
    started(&mut stage);
    printed(&mut stage, "half of it\n");
    stage.tell("item/completed", &json!({"item": command("failed")}));
    assert!(texts(&stage.call("c")).contains("half of it"));
}

#[test]
fn an_edit_is_a_diff_at_its_place() {
    let call = play("patch_allow").call("call_fake368_0");
    assert_eq!(
        (&call["kind"], &call["status"]),
        (&"edit".into(), &"completed".into())
    );
    assert_eq!(call["title"], "Edit seed.txt");
    assert_eq!(
        call["locations"],
        json!([{"path": "/work/seed.txt", "line": 1}])
    );
    assert_eq!(
        call["content"],
        json!([{"type": "diff", "path": "/work/seed.txt",
                "oldText": "alpha\nbeta\ngamma\n", "newText": "alpha\nBETA\ngamma\n"}])
    );
}

#[test]
fn a_new_file_is_shown_whole() {
    let call = play("patch_add_allow").call("call_fake372_0");
    assert_eq!(call["title"], "Write hello.txt");
    assert_eq!(call["content"][0]["newText"], "line one\nline two\n");
    assert_eq!(call["content"][0]["oldText"], Value::Null);
}

#[test]
fn a_change_that_is_rewritten_before_it_is_applied_shows_the_last_version() {
    let mut stage = Stage::prompted();
    let change = |text: &str| json!([{"path": "/work/a", "kind": {"type": "add"}, "diff": text}]);
    stage.tell("item/started", &json!({"item": {"type": "fileChange", "id": "f", "changes": change("x"), "status": "inProgress"}}));
    stage.tell(
        "item/fileChange/patchUpdated",
        &json!({"itemId": "f", "changes": change("y")}),
    );
    assert_eq!(stage.call("f")["content"][0]["newText"], "y");
}

#[test]
fn a_tool_of_an_mcp_server_shows_its_result() {
    let stage = play("mcp_stdio");
    let call = stage.call("call_fake26_0");
    assert_eq!(call["title"], "fake: echo");
    assert_eq!(call["status"], "completed");
    assert_eq!(call["rawInput"]["arguments"], json!({"text": "ping"}));
    assert_eq!(texts(&call), "echo: ping");
}

#[test]
fn compacting_is_a_step_that_people_see() {
    let stage = play("compact");
    let compact = stage
        .shown()
        .into_iter()
        .find(|line| line.contains("Compact the conversation"));
    assert!(compact.unwrap().ends_with("(think)"));
    // It is a turn of its own, which ends.
    assert_eq!(stage.ends(), [Ok("end_turn".into()), Ok("end_turn".into())]);
}

#[test]
fn an_item_of_an_unknown_kind_is_a_tool_call() {
    let mut stage = Stage::prompted();
    let item = json!({"type": "timeTravel", "id": "i", "status": "inProgress"});
    stage.tell("item/started", &json!({"item": item}));
    stage.tell(
        "item/completed",
        &json!({"item": {"type": "timeTravel", "id": "i", "status": "completed"}}),
    );
    assert_eq!(stage.shown(), ["i new: Time travel (-)", "i completed"]);
}

#[test]
fn a_command_that_becomes_no_item_is_shown_all_the_same() {
    let mut stage = Stage::prompted();
    let raw = |stage: &mut Stage, item: Value| {
        stage.tell("rawResponseItem/completed", &json!({"item": item}))
    };
    let call = json!({"type": "function_call", "name": "exec_command", "call_id": "c", "arguments": "{\"cmd\":\"touch x\"}"});
    let output = json!({"type": "function_call_output", "call_id": "c", "output": "Process exited with code 1\nOutput:\nRead-only file system"});
    raw(&mut stage, call.clone());
    raw(&mut stage, output.clone());
    let shown = stage.call("c");
    assert_eq!(
        (&shown["title"], &shown["status"]),
        (&"touch x".into(), &"failed".into())
    );
    assert!(texts(&shown).contains("Read-only file system"));
    // One that has become an item is shown once.
    stage.clear();
    raw(&mut stage, call);
    started(&mut stage);
    stage.tell("item/completed", &json!({"item": command("completed")}));
    let before = stage.shown();
    raw(&mut stage, output);
    assert_eq!(stage.shown(), before);
}
