//! Sub-agents, and work that goes on when the turn has ended.

use serde_json::{Value, json};

use crate::stage::{Stage, play, turn_of};

fn updates_of(stage: &Stage, id: &str) -> Vec<Value> {
    let mut updates = stage.effects.updates();
    updates.retain(|update| update["toolCallId"] == id);
    updates
}

#[test]
fn a_subagents_call_names_the_call_that_runs_it() {
    let stage = play("sub_agent");
    let marked = json!({"claudeCode": {"parentToolUseId": "toolu_rec9"}});
    assert_eq!(updates_of(&stage, "toolu_rec11")[0]["_meta"], marked);
    assert_eq!(stage.effects.asks()[0].2["toolCall"]["_meta"], marked);
    assert_eq!(updates_of(&stage, "toolu_rec9")[0]["_meta"], Value::Null);
}

#[test]
fn a_subagents_words_stand_in_the_call_that_runs_it_and_not_in_the_main_text() {
    let stage = play("sub_agent");
    assert!(!stage.effects.text().contains("Calling Bash"));
    let updates = updates_of(&stage, "toolu_rec9");
    let says = |update: &&Value| update["content"][0]["content"]["text"] == "Calling Bash.";
    let while_it_runs = updates.iter().find(says).unwrap();
    assert_eq!(while_it_runs["status"], Value::Null);
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_subagent_in_the_background_ends_with_its_report() {
    let stage = play("sub_agent");
    let updates = updates_of(&stage, "toolu_rec9");
    let end = updates.last().unwrap();
    assert_eq!(end["status"], "completed");
    // Its last words are the report.
    assert_eq!(end["content"][0]["content"]["text"], "Calling Bash.");
    assert_eq!(end["content"][1]["content"]["text"], "Hello there.");
    assert_eq!(end["content"][2], Value::Null);
    // What is meant for the model alone is not shown.
    let all = stage
        .effects
        .updates()
        .iter()
        .map(Value::to_string)
        .collect::<String>();
    assert!(!all.contains("internal metadata"));
}

#[test]
fn a_command_in_the_background_runs_on_after_the_turn() {
    let stage = play("background");
    let shown = stage.shown();
    let turn = shown
        .iter()
        .position(|line| line.starts_with("usage"))
        .unwrap();
    let end = shown
        .iter()
        .position(|line| line == "toolu_rec14 completed");
    assert!(turn < end.unwrap());
}

#[test]
fn a_turn_that_nobody_asked_for_is_announced() {
    let stage = play("background");
    let announced = "info: Claude Code goes on by itself: work in the background has ended";
    assert_eq!(
        stage
            .shown()
            .iter()
            .filter(|line| *line == announced)
            .count(),
        1
    );
}

#[test]
fn work_that_goes_on_in_the_background_ends_no_turn() {
    let (mut stage, uuid) = Stage::prompted();
    let result = turn_of("background", "another").into_iter().rev();
    let mut results = result.filter(|line| line["type"] == "result");
    let unprompted = results.next().unwrap();
    let anothers = results.next().unwrap();
    assert_eq!(unprompted["origin"]["kind"], "task-notification");
    stage.feed(&unprompted);
    stage.feed(&anothers);
    assert!(stage.ends().is_empty());
    for line in turn_of("simple", &uuid) {
        stage.feed(&line);
    }
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

fn started_in_background(stage: &mut Stage) {
    stage.feed(
        &json!({"type": "assistant", "message": {"id": "m", "content": [
        {"type": "tool_use", "id": "t", "name": "Task", "input": {"description": "look"}}]}}),
    );
    stage.feed(&json!({"type": "user", "message": {"content": [
        {"type": "tool_result", "tool_use_id": "t", "content": "launched"}]},
        "tool_use_result": {"isAsync": true}}));
    stage.feed(
        &json!({"type": "assistant", "parent_tool_use_id": "t", "message": {"id": "n",
        "content": [{"type": "tool_use", "id": "u", "name": "Bash", "input": {"command": "x"}}]}}),
    );
}

#[test]
fn an_ask_after_the_turn_reaches_people_and_its_answer_counts() {
    let (mut stage, uuid) = Stage::prompted();
    started_in_background(&mut stage);
    stage.feed(&json!({"type": "result", "subtype": "success", "user_message_uuids": [uuid]}));
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
    stage.feed(
        &json!({"type": "control_request", "request_id": "r", "request": {
        "subtype": "can_use_tool", "tool_name": "Bash", "tool_use_id": "u",
        "agent_id": "a", "input": {"command": "x"}}}),
    );
    let ask = stage.bench.open_asks()[0];
    let effects = stage.bench.selected(ask, "allow_once");
    let decision = &effects.written_json()[0]["response"]["response"];
    assert_eq!(decision["behavior"], "allow");
}

#[test]
fn an_answer_to_an_ask_of_a_turn_that_has_ended_still_counts() {
    let (mut stage, uuid) = Stage::prompted();
    stage.feed(
        &json!({"type": "control_request", "request_id": "r", "request": {
        "subtype": "can_use_tool", "tool_name": "Bash", "tool_use_id": "t",
        "input": {"command": "x"}}}),
    );
    stage.feed(&json!({"type": "result", "subtype": "success", "user_message_uuids": [uuid]}));
    let ask = stage.bench.open_asks()[0];
    let effects = stage.bench.selected(ask, "reject_once");
    assert_eq!(effects.written_json()[0]["response"]["request_id"], "r");
    assert_eq!(effects.failed(), None);
}

#[test]
fn what_a_subagent_left_ends_with_it() {
    let (mut stage, uuid) = Stage::prompted();
    started_in_background(&mut stage);
    stage.feed(&json!({"type": "result", "subtype": "success", "user_message_uuids": [uuid]}));
    assert!(!stage.shown().iter().any(|line| line.contains("failed")));
    stage.feed(
        &json!({"type": "system", "subtype": "task_notification", "tool_use_id": "t",
        "status": "killed", "summary": "stopped"}),
    );
    let shown = stage.shown();
    assert_eq!(shown[shown.len() - 2..], ["u failed", "t failed"]);
}

#[test]
fn work_in_the_background_that_fails_says_so() {
    let mut stage = Stage::ready();
    stage.feed(
        &json!({"type": "result", "subtype": "success", "is_error": true,
        "result": "API Error: 500", "origin": {"kind": "task-notification"}}),
    );
    let failed = "error: Work in the background failed: API Error: 500";
    assert_eq!(stage.shown(), [failed]);
}

#[test]
fn what_runs_in_the_background_ends_with_the_process() {
    let (mut stage, uuid) = Stage::prompted();
    started_in_background(&mut stage);
    stage.feed(&json!({"type": "result", "subtype": "success", "user_message_uuids": [uuid]}));
    stage.exit(1);
    let shown = stage.shown();
    assert_eq!(shown[shown.len() - 2..], ["t failed", "u failed"]);
}

/// The turn's command `id` goes on in the background.
fn command_in_background(stage: &mut Stage, id: &str) {
    stage.feed(
        &json!({"type": "assistant", "message": {"id": format!("m{id}"), "content": [
        {"type": "tool_use", "id": id, "name": "Bash", "input": {"command": "tail -f x"}}]}}),
    );
    stage.feed(&json!({"type": "user", "message": {"content": [
        {"type": "tool_result", "tool_use_id": id, "content": "running"}]},
        "tool_use_result": {"backgroundTaskId": format!("task-{id}")}}));
}

fn cancelled(stage: &mut Stage, uuid: &str) {
    let effects = stage.bench.cancel();
    stage.note(effects);
    stage.feed(
        &json!({"type": "result", "subtype": "error_during_execution", "is_error": true,
        "terminal_reason": "aborted_streaming", "user_message_uuids": [uuid]}),
    );
}

/// The requests to stop a task that were written, as (id, task).
fn stops(stage: &Stage) -> Vec<(Value, Value)> {
    let lines = stage.effects.written_json().into_iter();
    let stops = lines.filter(|line| line["request"]["subtype"] == "stop_task");
    stops
        .map(|line| {
            (
                line["request_id"].clone(),
                line["request"]["task_id"].clone(),
            )
        })
        .collect()
}

fn done(stage: &mut Stage, request: &Value) {
    stage.feed(&json!({"type": "control_response", "response":
        {"subtype": "success", "request_id": request, "response": {}}}));
}

#[test]
fn a_cancelled_turn_is_answered_when_its_commands_in_the_background_have_ended() {
    let (mut stage, uuid) = Stage::prompted();
    command_in_background(&mut stage, "b");
    cancelled(&mut stage, &uuid);
    let [(id, task)] = stops(&stage).try_into().unwrap();
    assert_eq!(task, "task-b");
    stage.feed(&json!({"type": "command_lifecycle", "command_uuid": uuid, "state": "cancelled"}));
    assert!(stage.ends().is_empty(), "its command runs");
    stage.feed(
        &json!({"type": "system", "subtype": "task_notification", "tool_use_id": "b",
        "task_id": "task-b", "status": "stopped", "summary": "d"}),
    );
    done(&mut stage, &id);
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    assert!(stage.shown().contains(&"b failed".to_owned()));
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn a_command_that_an_earlier_turn_left_running_goes_on() {
    let (mut stage, uuid) = Stage::prompted();
    command_in_background(&mut stage, "b");
    stage.feed(&json!({"type": "result", "subtype": "success", "user_message_uuids": [uuid]}));
    let line = stage.prompt("more");
    let uuid = line["uuid"].as_str().unwrap();
    command_in_background(&mut stage, "c");
    cancelled(&mut stage, uuid);
    let [(id, task)] = stops(&stage).try_into().unwrap();
    assert_eq!(task, "task-c");
    done(&mut stage, &id);
    assert_eq!(stage.ends().last(), Some(&Ok("cancelled".into())));
    assert!(!stage.shown().contains(&"b failed".to_owned()));
}

#[test]
fn a_process_that_ends_while_its_commands_do_ends_the_turn_once() {
    let (mut stage, uuid) = Stage::prompted();
    command_in_background(&mut stage, "b");
    cancelled(&mut stage, &uuid);
    stage.exit(1);
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn a_turn_that_words_make_longer_still_ends_its_commands_when_it_is_cancelled() {
    for dropped in [false, true] {
        let (mut stage, uuid) = Stage::prompted();
        command_in_background(&mut stage, "b");
        let words = json!({"prompt": [{"type": "text", "text": "and this"}]});
        let effects = stage.bench.call("_hostler/session/steer", &words);
        let words = effects.written_json()[0]["uuid"]
            .as_str()
            .unwrap()
            .to_owned();
        stage.feed(&json!({"type": "result", "subtype": "success", "user_message_uuids": [uuid]}));
        assert!(stage.ends().is_empty());
        match dropped {
            true => {
                let effects = stage.bench.cancel();
                stage.note(effects);
                stage.feed(&lifecycle(&words, "cancelled"));
            }
            false => cancelled(&mut stage, &words),
        }
        let [(id, task)] = stops(&stage).try_into().unwrap();
        assert_eq!(task, "task-b");
        assert!(stage.ends().is_empty(), "its command runs");
        done(&mut stage, &id);
        assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    }
}

fn lifecycle(uuid: &str, state: &str) -> Value {
    json!({"type": "command_lifecycle", "command_uuid": uuid, "state": state})
}

/// Claude Code goes on by itself, and has a command in the background.
fn goes_on_by_itself() -> Stage {
    let mut stage = Stage::ready();
    stage.feed(&json!({"type": "system", "subtype": "init"}));
    command_in_background(&mut stage, "b");
    stage
}

fn cancelled_by_itself() -> Value {
    json!({"type": "result", "subtype": "error_during_execution", "is_error": true,
        "terminal_reason": "aborted_tools", "origin": {"kind": "task-notification"}})
}

#[test]
fn a_prompt_that_comes_quickly_does_not_keep_the_commands_of_what_was_cancelled() {
    let mut stage = goes_on_by_itself();
    let effects = stage.bench.cancel();
    stage.note(effects);
    stage.clear();
    let uuid = stage.prompt("hello")["uuid"].as_str().unwrap().to_owned();
    stage.feed(&cancelled_by_itself());
    let [(id, task)] = stops(&stage).try_into().unwrap();
    assert_eq!(task, "task-b");
    assert_eq!(stage.bench.timers(), [0; 0]);
    done(&mut stage, &id);
    for line in turn_of("simple", &uuid) {
        stage.feed(&line);
    }
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_cancelled_prompt_behind_what_goes_on_by_itself_ends_that_too() {
    for result_first in [true, false] {
        let mut stage = goes_on_by_itself();
        let uuid = stage.prompt("hello")["uuid"].as_str().unwrap().to_owned();
        let effects = stage.bench.cancel();
        stage.note(effects);
        match result_first {
            true => {
                stage.feed(&cancelled_by_itself());
                stage.feed(&lifecycle(&uuid, "cancelled"));
            }
            false => {
                stage.feed(&lifecycle(&uuid, "cancelled"));
                stage.feed(&cancelled_by_itself());
            }
        }
        let stops = stops(&stage);
        assert!(stops.iter().any(|(_, task)| task == "task-b"));
        for (id, _) in &stops {
            done(&mut stage, id);
        }
        assert_eq!(stage.ends(), [Ok("cancelled".into())]);
        assert_eq!(stage.bench.timers(), [0; 0]);
    }
}

#[test]
fn what_goes_on_by_itself_and_is_deaf_is_ended_after_the_prompt_behind_it() {
    let mut stage = Stage::ready();
    stage.feed(&json!({"type": "system", "subtype": "init"}));
    let uuid = stage.prompt("hello")["uuid"].as_str().unwrap().to_owned();
    let effects = stage.bench.cancel();
    stage.note(effects);
    stage.feed(&lifecycle(&uuid, "cancelled"));
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    assert_eq!(stage.bench.timers().len(), 1, "somebody still looks");
    stage.feed(&cancelled_by_itself());
    assert_eq!(stage.bench.timers(), [0; 0]);
}
