//! Tool calls from their first sign to their end.

use serde_json::{Value, json};

use crate::stage::{Stage, play};

fn updates_of<'a>(updates: &'a [Value], id: &str) -> Vec<&'a Value> {
    let of = |update: &&Value| update["toolCallId"] == id;
    updates.iter().filter(of).collect()
}

#[test]
fn a_command_goes_from_pending_over_running_to_done() {
    let stage = play("bash_allow");
    assert_eq!(
        stage.shown()[2..6],
        [
            "toolu_fake4_0 new: Bash (execute)",
            "toolu_fake4_0: touch made.txt && echo made",
            "toolu_fake4_0 in_progress",
            "toolu_fake4_0 completed",
        ]
    );
    let updates = stage.effects.updates();
    let updates = updates_of(&updates, "toolu_fake4_0");
    assert_eq!(updates[0]["name"], "Bash");
    assert_eq!(
        updates[1]["rawInput"],
        json!({"command": "touch made.txt && echo made",
               "description": "Run touch made.txt && echo made"})
    );
    assert_eq!(updates[3]["rawOutput"], "made");
    assert_eq!(
        updates[3]["content"][0]["content"]["text"],
        "```\nmade\n```"
    );
}

#[test]
fn a_command_that_fails_is_failed_and_says_why() {
    let stage = play("bash_fail");
    let updates = stage.effects.updates();
    let failed = updates
        .iter()
        .find(|update| update["status"] == "failed")
        .unwrap();
    let output = failed["rawOutput"].as_str().unwrap();
    assert!(output.starts_with("Exit code 3\n"), "{output}");
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn an_edit_shows_its_change_before_and_after() {
    let stage = play("edit_allow");
    let updates = stage.effects.updates();
    let read = updates_of(&updates, "toolu_fake62_0");
    assert_eq!(read[1]["title"], "Read seed.txt");
    assert_eq!(read[1]["locations"], json!([{"path": "/work/seed.txt"}]));
    let edit = updates_of(&updates, "toolu_fake64_0");
    assert_eq!(edit[0]["kind"], "edit");
    assert_eq!(
        edit[1]["content"],
        json!([{"type": "diff", "path": "/work/seed.txt", "oldText": "beta", "newText": "BETA"}])
    );
    let done = edit.last().unwrap();
    assert_eq!(done["status"], "completed");
    assert_eq!(
        done["content"],
        json!([{"type": "diff", "path": "/work/seed.txt",
                "oldText": "alpha\nbeta\ngamma\n", "newText": "alpha\nBETA\ngamma\n"}])
    );
    assert_eq!(
        done["locations"],
        json!([{"path": "/work/seed.txt", "line": 1}])
    );
}

#[test]
fn a_new_file_is_a_diff_without_an_old_text() {
    let stage = play("write_allow");
    let updates = stage.effects.updates();
    let write = updates_of(&updates, "toolu_fake58_0");
    assert_eq!(
        write[1]["content"],
        json!([{"type": "diff", "path": "/work/hello.txt", "newText": "line one\nline two\n"}])
    );
    assert_eq!(write.last().unwrap()["status"], "completed");
}

#[test]
fn a_call_in_an_answer_that_broke_off_does_not_stay_pending() {
    let (mut stage, _) = Stage::prompted();
    let event = |event: Value| json!({"type": "stream_event", "event": event});
    stage.feed(&event(
        json!({"type": "message_start", "message": {"id": "m"}}),
    ));
    stage.feed(&event(
        json!({"type": "content_block_start", "content_block":
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}}),
    ));
    stage.feed(&event(json!({"type": "message_stop"})));
    assert_eq!(stage.shown(), ["t new: Bash (execute)", "t failed"]);
}

#[test]
fn a_call_without_a_result_ends_with_its_turn() {
    let (mut stage, uuid) = Stage::prompted();
    stage.feed(
        &json!({"type": "assistant", "message": {"id": "m", "content": [
        {"type": "tool_use", "id": "t", "name": "Read", "input": {"file_path": "/work/a"}}]}}),
    );
    stage.feed(&json!({"type": "result", "subtype": "success", "user_message_uuids": [uuid]}));
    assert_eq!(stage.shown(), ["t new: Read a (read)", "t failed"]);
}
