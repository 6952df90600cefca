//! Sub-agents: marked, kept apart, and never asked about blind.

use serde_json::{Value, json};

use crate::stage::Stage;

/// A notification about the thread `s`, of a sub-agent.
fn tell(stage: &mut Stage, method: &str, params: &Value) {
    let mut params = params.clone();
    params["threadId"] = "s".into();
    stage.feed(&json!({"method": method, "params": params}));
}

/// The conversation has begun the sub-agent `s`.
fn stage() -> Stage {
    let mut stage = Stage::prompted();
    activity(&mut stage, "started");
    stage.clear();
    stage
}

fn activity(stage: &mut Stage, kind: &str) {
    let item = json!({"type": "subAgentActivity", "id": format!("call-{kind}"), "kind": kind,
                      "agentThreadId": "s", "agentPath": "/root/helper", "model": "m"});
    stage.tell("item/started", &json!({"item": item}));
    stage.tell("item/completed", &json!({"item": item}));
}

fn edit(status: &str) -> Value {
    let change = json!({"path": "/work/f", "kind": {"type": "add"}, "diff": "deadly\n"});
    json!({"item": {"type": "fileChange", "id": "e", "changes": [change], "status": status}})
}

fn ask(stage: &mut Stage) -> (u64, Value) {
    tell(stage, "item/started", &edit("inProgress"));
    let effects = stage.feed(
        &json!({"id": 7, "method": "item/fileChange/requestApproval",
        "params": {"threadId": "s", "turnId": "v", "itemId": "e"}}),
    );
    let [(id, _, asked)] = effects.asks().try_into().unwrap();
    (id, asked)
}

#[test]
fn an_edit_of_a_sub_agent_is_asked_about_with_its_diff_and_its_name() {
    let mut stage = stage();
    let (id, asked) = ask(&mut stage);
    let call = &asked["toolCall"];
    assert_eq!(call["content"][0]["newText"], "deadly\n");
    assert!(
        call["content"]
            .to_string()
            .contains("The sub-agent helper asks.")
    );
    let mark = json!({"threadId": "s", "parentThreadId": "t", "parentToolCallId": "call-started",
                      "agent": "/root/helper"});
    assert_eq!(call["_meta"]["codex"], mark);
    let effects = stage.bench.selected(id, "allow_once");
    stage.note(effects);
    let reply = stage.written.pop_front().unwrap();
    assert_eq!(reply["result"], json!({"decision": "accept"}));
    tell(&mut stage, "item/completed", &edit("completed"));
    assert_eq!(stage.call("e")["status"], "completed");
    let updates = stage.effects.updates().into_iter();
    let marks = updates.filter(|update| update["toolCallId"] == "e");
    let marks: Vec<_> = marks
        .map(|update| update["_meta"]["codex"].clone())
        .collect();
    assert!(
        marks.len() >= 4 && marks.iter().all(|it| *it == mark),
        "{marks:?}"
    );
}

#[test]
fn the_words_of_a_sub_agent_are_its_report_and_no_part_of_the_conversation() {
    let mut stage = stage();
    let item = json!({"type": "agentMessage", "id": "m", "text": "I have looked at it."});
    tell(
        &mut stage,
        "item/agentMessage/delta",
        &json!({"itemId": "m", "delta": "I have"}),
    );
    tell(&mut stage, "item/completed", &json!({"item": item}));
    tell(
        &mut stage,
        "turn/completed",
        &json!({"turn": {"id": "v", "status": "completed"}}),
    );
    assert_eq!(stage.shown(), [""; 0]);
    assert_eq!(stage.ends(), []);
    activity(&mut stage, "completed");
    let call = stage.call("call-completed");
    assert_eq!(call["title"], "Agent helper: is done");
    assert!(call["content"].to_string().contains("I have looked at it."));
}

#[test]
fn a_denial_of_a_sub_agent_is_shown_and_marked() {
    let mut stage = stage();
    let call = json!({"type": "custom_tool_call", "name": "exec", "call_id": "s1", "input": "x()"});
    let output = json!({"type": "custom_tool_call_output", "call_id": "s1",
                        "output": "Script failed\nOutput:\nRead-only"});
    tell(
        &mut stage,
        "rawResponseItem/completed",
        &json!({"item": call}),
    );
    tell(
        &mut stage,
        "rawResponseItem/completed",
        &json!({"item": output}),
    );
    assert_eq!(stage.call("s1")["status"], "failed");
    assert_eq!(stage.call("s1")["_meta"]["codex"]["threadId"], "s");
}

#[test]
fn what_a_sub_agent_asks_outlives_the_turn_and_ends_with_its_own() {
    let mut stage = stage();
    let (id, _) = ask(&mut stage);
    stage.complete("completed");
    assert_eq!(stage.bench.open_asks(), [id]);
    assert_eq!(stage.open_calls(), ["e"]);
    tell(
        &mut stage,
        "serverRequest/resolved",
        &json!({"requestId": 7}),
    );
    assert_eq!(stage.bench.open_asks(), [0; 0]);
    tell(
        &mut stage,
        "turn/completed",
        &json!({"turn": {"id": "v", "status": "interrupted"}}),
    );
    assert_eq!(stage.open_calls(), [""; 0]);
}

#[test]
fn a_cancel_stops_sub_agents_too() {
    let mut stage = stage();
    let turn = json!({"turn": {"id": "v", "status": "inProgress"}});
    tell(&mut stage, "turn/started", &turn);
    let effects = stage.bench.cancel();
    stage.note(effects);
    let stopped = stage.written.iter().map(|line| line["params"].clone());
    let expected = [
        json!({"threadId": "s", "turnId": "v"}),
        json!({"threadId": "t", "turnId": "u"}),
    ];
    assert_eq!(stopped.collect::<Vec<_>>(), expected);
    // One that has ended is not stopped.
    let ended = json!({"turn": {"id": "v", "status": "interrupted"}});
    tell(&mut stage, "turn/completed", &ended);
    stage.complete("interrupted");
    stage.clear();
    assert_eq!(stage.bench.cancel().written(), "");
}

#[test]
fn what_a_sub_agent_asks_ends_with_codex() {
    let mut stage = stage();
    ask(&mut stage);
    stage.exit(1);
    assert_eq!(stage.bench.open_asks(), [0; 0]);
    assert_eq!(stage.open_calls(), [""; 0]);
}
