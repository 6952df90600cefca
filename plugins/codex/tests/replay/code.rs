//! Models in code mode: scripts, and what is told of them or not.

use serde_json::{Value, json};

use crate::stage::Stage;

fn raw(stage: &mut Stage, item: &Value) {
    stage.tell("rawResponseItem/completed", &json!({"item": item}));
}

fn script(stage: &mut Stage, source: &str) {
    let call = json!({"type": "custom_tool_call", "name": "exec", "call_id": "s", "input": source});
    raw(stage, &call);
}

fn brought(stage: &mut Stage, id: &str, texts: &[&str]) {
    let texts = texts
        .iter()
        .map(|text| json!({"type": "input_text", "text": text}));
    let output = texts.collect::<Vec<_>>();
    let kind = match id {
        "w" => "function_call_output",
        _ => "custom_tool_call_output",
    };
    raw(
        stage,
        &json!({"type": kind, "call_id": id, "output": output}),
    );
}

fn command(stage: &mut Stage, method: &str, status: &str) {
    let item = json!({"type": "commandExecution", "id": "exec-1", "command": "/bin/bash -lc ls",
                      "cwd": "/work", "status": status});
    stage.tell(method, &json!({"item": item}));
}

const TOUCH: &str = "const r = await tools.exec_command({cmd: \"touch x\"});\ntext(r);";
const DENIED: &str = r#"{"exit_code":1,"output":"touch: Read-only file system\n"}"#;
const COMPLETED: &str = "Script completed\nWall time 0.1 seconds\nOutput:\n";

#[test]
fn a_script_of_which_nothing_is_told_is_shown_with_source_and_output() {
    let mut stage = Stage::prompted();
    script(&mut stage, TOUCH);
    assert_eq!(stage.shown(), [""; 0]);
    brought(&mut stage, "s", &[COMPLETED, DENIED]);
    let call = stage.call("s");
    assert_eq!(call["status"], "failed");
    assert_eq!(call["kind"], "execute");
    assert_eq!(call["rawInput"]["script"], TOUCH);
    let content = call["content"].to_string();
    assert!(content.contains("touch x") && content.contains("Read-only file system"));
}

#[test]
fn a_script_whose_commands_are_told_of_is_not_shown_beside_them() {
    let mut stage = Stage::prompted();
    script(&mut stage, TOUCH);
    command(&mut stage, "item/started", "inProgress");
    command(&mut stage, "item/completed", "failed");
    let before = stage.shown();
    brought(&mut stage, "s", &[COMPLETED, DENIED]);
    assert_eq!(stage.shown(), before);
}

#[test]
fn a_failure_that_no_told_command_had_is_shown() {
    let mut stage = Stage::prompted();
    script(&mut stage, TOUCH);
    command(&mut stage, "item/started", "inProgress");
    command(&mut stage, "item/completed", "completed");
    brought(&mut stage, "s", &[COMPLETED, DENIED]);
    assert_eq!(stage.call("s")["status"], "failed");
}

#[test]
fn a_plan_that_a_script_writes_is_shown_as_a_plan_alone() {
    let mut stage = Stage::prompted();
    script(&mut stage, "await tools.update_plan({plan: []})");
    stage.tell("turn/plan/updated", &json!({"plan": []}));
    let before = stage.shown();
    brought(&mut stage, "s", &[COMPLETED]);
    assert_eq!(stage.shown(), before);
}

#[test]
fn a_script_that_goes_on_is_shown_once_with_all_that_it_brought() {
    let mut stage = Stage::prompted();
    script(&mut stage, "notify(1); yield_control(); text(2)");
    brought(&mut stage, "s", &["told in between"]);
    brought(
        &mut stage,
        "s",
        &["Script running with cell ID 3\nOutput:\n", "first"],
    );
    assert_eq!(stage.shown(), [""; 0]);
    let wait = json!({"type": "function_call", "name": "wait", "call_id": "w",
                      "arguments": "{\"cell_id\":\"3\"}"});
    raw(&mut stage, &wait);
    brought(&mut stage, "w", &[COMPLETED, "second"]);
    let call = stage.call("s");
    assert_eq!(call["status"], "completed");
    let content = call["content"].to_string();
    assert!(
        ["told in between", "first", "second"]
            .iter()
            .all(|text| content.contains(text))
    );
}

#[test]
fn a_script_that_is_cancelled_is_shown_as_that() {
    let mut stage = Stage::prompted();
    script(&mut stage, "await new Promise(() => {})");
    stage.complete("interrupted");
    let call = stage.call("s");
    assert_eq!(call["status"], "failed");
    assert!(call["content"].to_string().contains("Cancelled."));
}

#[test]
fn a_script_with_much_output_is_shown_as_completed_and_visibly_cut() {
    let mut stage = Stage::prompted();
    script(&mut stage, "text(await tools.exec_command({cmd: \"yes\"}))");
    let much = format!("first {} last", "y\n".repeat(64 << 10));
    brought(&mut stage, "s", &[COMPLETED, &much]);
    let call = stage.call("s");
    assert_eq!(call["status"], "completed");
    let content = call["content"].to_string();
    assert!(content.len() < 192 << 10, "{}", content.len());
    for part in [
        "Script completed",
        "first",
        "bytes are left out here",
        "last",
    ] {
        assert!(content.contains(part), "{part} is not there");
    }
}

#[test]
fn a_failure_in_what_is_cut_out_counts() {
    let mut stage = Stage::prompted();
    script(&mut stage, TOUCH);
    let filler = "y".repeat(64 << 10);
    brought(&mut stage, "s", &[COMPLETED, &filler, DENIED, &filler]);
    assert_eq!(stage.call("s")["status"], "failed");
}
