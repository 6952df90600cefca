//! Commands that Codex lets go on when the work of their sub-agents is cancelled.

use hostler_sdk::testing::Effects;
use serde_json::{Value, json};

use crate::stage::Stage;

const LIST: &str = "thread/backgroundTerminals/list";
const TERMINATE: &str = "thread/backgroundTerminals/terminate";

/// The adapter's timer for looking again.
const TIMER: u64 = 4;

/// A notification about the thread `s`, of a sub-agent.
fn tell(stage: &mut Stage, method: &str, params: Value) -> Effects {
    let mut params = params;
    params["threadId"] = "s".into();
    stage.feed(&json!({"method": method, "params": params}))
}

/// A turn of the sub-agent that works for the turn `root`.
fn turn(stage: &mut Stage, what: &str, id: &str, root: &str, status: &str) -> Effects {
    let turn = json!({"id": id, "rootTurnId": root, "status": status});
    tell(stage, what, json!({ "turn": turn }))
}

fn command(stage: &mut Stage, what: &str, id: &str, turn: &str, status: &str) -> Effects {
    let item = json!({"type": "commandExecution", "id": id, "status": status,
        "command": "/bin/bash -lc 'tail -f x'", "cwd": "/work"});
    tell(stage, what, json!({"turnId": turn, "item": item}))
}

/// For the turn `u` a sub-agent runs the command `c` in its turn `v`.
fn stage() -> Stage {
    let mut stage = Stage::prompted();
    turn(&mut stage, "turn/started", "v", "u", "inProgress");
    command(&mut stage, "item/started", "c", "v", "inProgress");
    stage
}

fn cancel(stage: &mut Stage) {
    let effects = stage.bench.cancel();
    stage.note(effects);
}

/// Codex has interrupted both.
fn interrupted(stage: &mut Stage) {
    turn(stage, "turn/completed", "v", "u", "interrupted");
    stage.complete("interrupted");
}

fn terminals(items: &[&str]) -> Value {
    let terminal = |id: &&str| json!({"itemId": id, "processId": format!("p-{id}")});
    json!({"data": items.iter().map(terminal).collect::<Vec<_>>()})
}

/// What was written since the last look, of this method.
fn asked(stage: &mut Stage, method: &str) -> Vec<Value> {
    let lines = stage.written.iter().filter(|line| line["method"] == method);
    lines.map(|line| line["params"].clone()).collect()
}

#[test]
fn a_cancelled_turn_is_answered_when_the_commands_of_its_sub_agents_have_ended() {
    let mut stage = stage();
    cancel(&mut stage);
    stage.written.clear();
    turn(&mut stage, "turn/completed", "v", "u", "interrupted");
    assert_eq!(asked(&mut stage, LIST), [json!({"threadId": "s"})]);
    stage.complete("interrupted");
    assert_eq!(stage.ends(), [], "the command of its sub-agent runs");
    stage.reply(LIST, terminals(&["c"]));
    let expected = json!({"threadId": "s", "processId": "p-c"});
    assert_eq!(asked(&mut stage, TERMINATE), [expected]);
    stage.reply(TERMINATE, json!({"terminated": true}));
    command(&mut stage, "item/completed", "c", "v", "failed");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    assert_eq!(stage.call("c")["status"], "failed");
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn what_a_sub_agent_of_the_cancelled_turn_had_left_running_ends_too() {
    let mut stage = stage();
    turn(&mut stage, "turn/completed", "v", "u", "completed");
    assert_eq!(stage.call("c")["status"], "failed");
    cancel(&mut stage);
    stage.written.clear();
    stage.complete("interrupted");
    assert_eq!(asked(&mut stage, LIST), [json!({"threadId": "s"})]);
    stage.reply(LIST, terminals(&["c"]));
    assert_eq!(asked(&mut stage, TERMINATE).len(), 1);
    stage.reply(TERMINATE, json!({"terminated": true}));
    command(&mut stage, "item/completed", "c", "v", "failed");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
}

#[test]
fn what_sub_agents_of_earlier_turns_left_running_goes_on() {
    let mut stage = stage();
    turn(&mut stage, "turn/completed", "v", "u", "completed");
    stage.complete("completed");
    let effects = stage.bench.prompt("more");
    stage.note(effects);
    let begun = json!({"turn": {"id": "u2", "status": "inProgress"}});
    stage.reply("turn/start", begun);
    turn(&mut stage, "turn/started", "w", "u2", "inProgress");
    command(&mut stage, "item/started", "d", "w", "inProgress");
    cancel(&mut stage);
    stage.written.clear();
    turn(&mut stage, "turn/completed", "w", "u2", "interrupted");
    let ended = json!({"turn": {"id": "u2", "status": "interrupted"}});
    stage.tell("turn/completed", &ended);
    assert_eq!(asked(&mut stage, LIST).len(), 1);
    stage.reply(LIST, terminals(&["c", "d"]));
    let expected = json!({"threadId": "s", "processId": "p-d"});
    assert_eq!(asked(&mut stage, TERMINATE), [expected]);
}

#[test]
fn sub_agents_alone_can_be_cancelled_with_their_commands() {
    let mut stage = stage();
    stage.complete("completed");
    cancel(&mut stage);
    stage.written.clear();
    turn(&mut stage, "turn/completed", "v", "u", "interrupted");
    stage.reply(LIST, terminals(&["c"]));
    assert_eq!(asked(&mut stage, TERMINATE).len(), 1);
    stage.reply(TERMINATE, json!({"terminated": true}));
    for _ in 0..3 {
        assert!(stage.bench.timers().contains(&TIMER));
        let effects = stage.bench.timer(TIMER);
        stage.note(effects);
        stage.reply(LIST, terminals(&[]));
    }
    let call = stage.call("c");
    assert_eq!(call["status"], "failed");
    assert!(call["content"].to_string().contains("Cancelled."));
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn a_sub_agent_that_begins_after_the_cancelled_turn_is_stopped() {
    let mut stage = Stage::prompted();
    cancel(&mut stage);
    stage.complete("interrupted");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    stage.written.clear();
    turn(&mut stage, "turn/started", "v", "u", "inProgress");
    let expected = json!({"threadId": "s", "turnId": "v"});
    assert_eq!(asked(&mut stage, "turn/interrupt"), [expected]);
}

#[test]
fn a_command_of_a_sub_agent_that_begins_after_its_cancelled_turn_is_terminated() {
    let mut stage = Stage::prompted();
    turn(&mut stage, "turn/started", "v", "u", "inProgress");
    cancel(&mut stage);
    interrupted(&mut stage);
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    stage.written.clear();
    command(&mut stage, "item/started", "c", "v", "inProgress");
    stage.reply(LIST, terminals(&["c"]));
    assert_eq!(asked(&mut stage, TERMINATE).len(), 1);
}

#[test]
fn answers_of_a_sweep_that_is_over_harm_no_later_one_of_the_same_turn() {
    let mut stage = stage();
    cancel(&mut stage);
    stage.written.clear();
    interrupted(&mut stage);
    // The command ends by itself, and another one begins.
    command(&mut stage, "item/completed", "c", "v", "failed");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    command(&mut stage, "item/started", "d", "v", "inProgress");
    stage.reply(LIST, terminals(&[]));
    stage.reply(LIST, terminals(&["d"]));
    assert_eq!(asked(&mut stage, TERMINATE).len(), 1);
    stage.reply(TERMINATE, json!({"terminated": true}));
    command(&mut stage, "item/completed", "d", "v", "failed");
    assert_eq!(stage.bench.timers(), [0; 0]);
}
