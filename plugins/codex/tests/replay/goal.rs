//! Goals, and turns that nobody asked for.

use hostler_sdk::{process::Signal, testing::Effect};
use serde_json::{Value, json};

use crate::stage::Stage;

/// The adapter's timers for a cancel that takes too long, and to interrupt again.
const TIMER: u64 = 2;
const AGAIN: u64 = 5;

fn goal(status: &str) -> Value {
    json!({"goal": {"threadId": "t", "objective": "A poem", "status": status, "tokensUsed": 7,
        "tokenBudget": null, "timeUsedSeconds": 1, "createdAt": 1, "updatedAt": 1}})
}

fn prompt(stage: &mut Stage, text: &str) -> Value {
    let effects = stage.bench.prompt(text);
    stage.note(effects);
    stage.written.back().unwrap()["params"].clone()
}

/// Codex begins the turn `id`, for which nobody has asked.
fn begins(stage: &mut Stage, id: &str) {
    let turn = json!({"turn": {"id": id, "rootTurnId": id, "status": "inProgress"}});
    stage.tell("turn/started", &turn);
}

fn ends(stage: &mut Stage, id: &str, status: &str) {
    let turn = json!({"turn": {"id": id, "status": status}});
    stage.tell("turn/completed", &turn);
}

fn cancel(stage: &mut Stage) {
    let effects = stage.bench.cancel();
    stage.note(effects);
}

/// The turn `a` runs this command.
fn running(id: &str) -> Value {
    let item = json!({"type": "commandExecution", "id": id, "status": "inProgress",
        "command": "/bin/bash -lc 'tail -f x'", "cwd": "/work"});
    json!({"turnId": "a", "item": item})
}

/// Codex asks whether it may.
fn asks(stage: &mut Stage, id: &str) {
    stage.feed(
        &json!({"id": 0, "method": "item/commandExecution/requestApproval",
        "params": {"threadId": "t", "itemId": id, "command": "x"}}),
    );
}

fn notices(stage: &Stage) -> usize {
    let shown = stage.shown().into_iter();
    shown
        .filter(|line| line.contains("goes on by itself"))
        .count()
}

#[test]
fn a_goal_is_set_told_paused_and_cleared() {
    let mut stage = Stage::ready();
    let asked = prompt(&mut stage, "/goal A poem");
    let set = json!({"threadId": "t", "objective": "A poem", "status": "active", "origin": "user"});
    assert_eq!(asked, set);
    stage.reply("thread/goal/set", goal("active"));
    assert!(
        stage
            .effects
            .text()
            .contains("Goal: A poem\n- Codex works on it")
    );
    prompt(&mut stage, "/goal pause");
    stage.reply("thread/goal/set", goal("paused"));
    prompt(&mut stage, "/goal");
    stage.reply("thread/goal/get", goal("paused"));
    assert_eq!(stage.effects.text().matches("it rests").count(), 2);
    prompt(&mut stage, "/goal clear");
    stage.reply("thread/goal/clear", json!({"cleared": true}));
    assert!(stage.effects.text().ends_with("There is no goal."));
    let end = Ok("end_turn".to_owned());
    assert_eq!(stage.ends(), [end.clone(), end.clone(), end.clone(), end]);
    assert!(stage.written.is_empty(), "the model hears nothing of it");
}

#[test]
fn a_goal_that_codex_does_not_take_is_an_error() {
    let mut stage = Stage::ready();
    prompt(&mut stage, "/goal resume");
    let asked = stage.written.pop_front().unwrap();
    let error = json!({"code": -32600, "message": "no goal"});
    stage.feed(&json!({"id": asked["id"], "error": error}));
    assert!(stage.failure().message.contains("no goal"));
}

#[test]
fn what_codex_does_by_itself_is_announced_once_and_ends_no_prompt() {
    let mut stage = Stage::ready();
    for id in ["a", "b"] {
        begins(&mut stage, id);
        ends(&mut stage, id, "completed");
    }
    assert_eq!((notices(&stage), stage.ends()), (1, vec![]));
    // After a prompt it is news again.
    let effects = stage.bench.prompt("hello");
    stage.note(effects);
    let turn = json!({"turn": {"id": "u", "status": "inProgress"}});
    stage.tell("turn/started", &turn);
    stage.reply("turn/start", turn);
    stage.complete("completed");
    assert_eq!(notices(&stage), 1);
    begins(&mut stage, "c");
    assert_eq!(notices(&stage), 2);
}

#[test]
fn what_codex_does_by_itself_is_cancelled_with_its_commands_and_the_goal_rests() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    stage.tell("item/started", &running("c"));
    cancel(&mut stage);
    let paused = json!({"threadId": "t", "status": "paused", "origin": "user"});
    assert_eq!(stage.written[0]["params"], paused);
    let interrupt = json!({"threadId": "t", "turnId": "a"});
    assert_eq!(stage.written[1]["params"], interrupt);
    stage.reply("thread/goal/set", goal("paused"));
    stage.reply("turn/interrupt", json!({}));
    ends(&mut stage, "a", "interrupted");
    let terminal = json!({"data": [{"itemId": "c", "processId": "p"}]});
    stage.reply("thread/backgroundTerminals/list", terminal);
    let method = "thread/backgroundTerminals/terminate";
    stage.reply(method, json!({"terminated": true}));
    let item = json!({"type": "commandExecution", "id": "c", "status": "failed",
        "command": "/bin/bash -lc 'tail -f x'", "cwd": "/work"});
    stage.tell("item/completed", &json!({"turnId": "a", "item": item}));
    assert_eq!(stage.call("c")["status"], "failed");
    assert_eq!((stage.ends(), stage.bench.timers()), (vec![], vec![]));
}

#[test]
fn a_prompt_that_joins_what_codex_does_by_itself_ends_and_is_cancelled_with_it() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    let effects = stage.bench.prompt("hello");
    stage.note(effects);
    stage.reply(
        "turn/start",
        json!({"turn": {"id": "a", "status": "inProgress"}}),
    );
    cancel(&mut stage);
    // It would go on after the next prompt.
    assert_eq!(stage.written[0]["params"]["status"], "paused");
    stage.reply("thread/goal/set", goal("paused"));
    assert_eq!(stage.written[0]["params"]["turnId"], "a");
    stage.reply("turn/interrupt", json!({}));
    ends(&mut stage, "a", "interrupted");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
}

#[test]
fn a_command_of_hostler_leaves_what_codex_does_by_itself_alone() {
    for command in ["/status", "/skills", "/goal", "/rename A poem", "/mcp"] {
        let mut stage = Stage::ready();
        begins(&mut stage, "a");
        stage.tell("item/started", &running("c"));
        asks(&mut stage, "c");
        let effects = stage.bench.prompt(command);
        stage.note(effects);
        if let Some(asked) = stage.written.pop_front() {
            stage.feed(&json!({"id": asked["id"], "result": {"goal": null, "data": []}}));
        }
        assert_eq!(stage.ends(), [Ok("end_turn".into())], "{command}");
        assert_eq!(stage.open_calls(), ["c"], "{command}");
        let [ask] = stage.bench.open_asks().try_into().unwrap();
        let effects = stage.bench.selected(ask, "allow_once");
        let answer = json!({"decision": "accept"});
        assert_eq!(effects.written_json()[0]["result"], answer, "{command}");
    }
}

#[test]
fn a_prompt_that_is_refused_leaves_what_codex_does_by_itself_alone() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    stage.tell("item/started", &running("c"));
    asks(&mut stage, "c");
    prompt(&mut stage, "hello");
    let asked = stage.written.pop_front().unwrap();
    stage.feed(&json!({"id": asked["id"], "error": {"code": -32600, "message": "full"}}));
    assert!(stage.failure().message.contains("full"));
    assert_eq!(stage.bench.open_asks().len(), 1);
    assert_eq!(stage.open_calls(), ["c"]);
}

#[test]
fn the_end_of_what_codex_does_by_itself_leaves_nothing_open() {
    for (status, cancels) in [("completed", false), ("interrupted", true)] {
        let mut stage = Stage::ready();
        begins(&mut stage, "a");
        let call = json!({"type": "function_call", "name": "exec_command", "call_id": "r",
            "arguments": r#"{"cmd":"touch x"}"#});
        stage.tell("rawResponseItem/completed", &json!({"item": call}));
        stage.tell("item/started", &running("c"));
        asks(&mut stage, "c");
        let piece = |id: &str| json!({"itemId": id, "delta": "Hello"});
        let broken = json!({"willRetry": true, "error": {"message": "lost the connection"}});
        stage.tell("item/agentMessage/delta", &piece("m"));
        stage.tell("error", &broken);
        if cancels {
            cancel(&mut stage);
        }
        ends(&mut stage, "a", status);
        assert_eq!(stage.bench.open_asks(), [0; 0], "{status}");
        assert_eq!(stage.open_calls(), [""; 0], "{status}");
        assert_eq!(stage.call("r")["status"], "failed", "{status}");
        // What comes next is new, although it begins with the same words.
        begins(&mut stage, "b");
        stage.tell("item/agentMessage/delta", &piece("n"));
        stage.tell("error", &broken);
        assert_eq!(stage.effects.text().matches("Hello").count(), 2, "{status}");
        let shown = stage.shown().into_iter();
        let told = shown.filter(|line| line.contains("lost the connection"));
        assert_eq!(told.count(), 2, "{status}");
    }
}

#[test]
fn the_end_of_another_turn_takes_nothing_from_the_prompt() {
    let mut stage = Stage::prompted();
    stage.tell("item/started", &running("c"));
    stage.tell(
        "item/started",
        &json!({"turnId": "u", "item": {
        "type": "fileChange", "id": "f", "changes": [], "status": "inProgress"}}),
    );
    asks(&mut stage, "f");
    ends(&mut stage, "z", "completed");
    assert_eq!(stage.open_calls(), ["c", "f"]);
    assert_eq!(stage.bench.open_asks().len(), 1);
}

#[test]
fn a_command_that_codex_leaves_running_on_the_way_to_its_goal_stays_in_progress() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    stage.tell("item/started", &running("c"));
    ends(&mut stage, "a", "completed");
    assert_eq!(stage.call("c")["status"], "in_progress");
}

#[test]
fn a_codex_that_dies_while_it_works_by_itself_is_said_to_be_dead() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    stage.tell("item/started", &running("c"));
    stage.bench.stderr(stage.child, "out of memory");
    stage.clear();
    stage.exit(134);
    let notices = stage.effects.updates().into_iter();
    let mut notices = notices.filter(|update| update["sessionUpdate"] == "notice");
    let notice = notices.next().unwrap();
    assert_eq!(notice["severity"], "error");
    let text = notice.to_string();
    assert!(text.contains("exit code 134: out of memory"), "{text}");
    assert!(notices.next().is_none());
    assert_eq!(stage.call("c")["status"], "failed");
    // The next prompt starts it again.
    stage.bench.prompt("hello").spawned();
}

#[test]
fn between_the_turns_of_codex_a_cancel_lets_the_goal_rest() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    ends(&mut stage, "a", "completed");
    cancel(&mut stage);
    let paused = json!({"threadId": "t", "status": "paused", "origin": "user"});
    assert_eq!(stage.written[0]["params"], paused);
    // The next turn was on its way.
    begins(&mut stage, "b");
    assert_eq!(stage.written[1]["method"], "turn/interrupt");
    assert_eq!(stage.written[1]["params"]["turnId"], "b");
    stage.reply("thread/goal/set", goal("paused"));
    stage.reply("turn/interrupt", json!({}));
    ends(&mut stage, "b", "interrupted");
    assert_eq!(stage.bench.timers(), [0; 0]);
    assert!(stage.bench.cancel().is_empty(), "it rests");
}

#[test]
fn a_goal_that_is_reached_or_rests_is_not_set_to_rest() {
    for status in ["complete", "paused", "budgetLimited"] {
        let mut stage = Stage::ready();
        begins(&mut stage, "a");
        stage.tell("thread/goal/updated", &goal(status));
        ends(&mut stage, "a", "completed");
        assert!(stage.bench.cancel().is_empty(), "{status}");
    }
    let mut stage = Stage::ready();
    stage.tell("thread/goal/updated", &goal("active"));
    stage.tell("thread/goal/cleared", &json!({}));
    assert!(stage.bench.cancel().is_empty());
}

#[test]
fn what_codex_does_by_itself_is_interrupted_again_when_it_was_too_early() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    cancel(&mut stage);
    stage.reply("thread/goal/set", goal("paused"));
    let interrupt = stage.written.pop_front().unwrap();
    let error = json!({"code": -32600, "message": "no active turn to interrupt"});
    stage.feed(&json!({"id": interrupt["id"], "error": error}));
    assert_eq!(stage.bench.timers(), [TIMER, AGAIN]);
    let effects = stage.bench.timer(AGAIN);
    let again = &effects.written_json()[0];
    assert_eq!(again["method"], "turn/interrupt");
    assert_eq!(again["params"], interrupt["params"]);
    // A prompt that Hostler answers itself stops no clock.
    stage.note(effects);
    let effects = stage.bench.prompt("/status");
    stage.note(effects);
    assert_eq!(stage.bench.timers(), [TIMER]);
    ends(&mut stage, "a", "interrupted");
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn a_codex_that_does_not_stop_what_it_does_by_itself_is_ended() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    cancel(&mut stage);
    let child = stage.child;
    let kill = |signal| Effect::Kill { child, signal };
    for (signal, told) in [
        (Signal::Interrupt, 1),
        (Signal::Terminate, 0),
        (Signal::Kill, 0),
    ] {
        assert_eq!(stage.bench.timers(), [TIMER]);
        let effects = stage.bench.timer(TIMER);
        assert!(effects.contains(&kill(signal)), "{effects:?}");
        assert_eq!(effects.updates().len(), told, "people are told once");
    }
    assert_eq!(stage.bench.timers(), [0; 0]);
    stage.bench.prompt("hello").spawned();
}

#[test]
fn a_codex_that_ends_at_the_interrupt_of_what_it_does_by_itself_is_no_error() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    cancel(&mut stage);
    stage.clear();
    stage.exit(130);
    assert_eq!(stage.effects.updates().len(), 0);
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn a_prompt_that_is_cancelled_before_it_has_joined_lets_the_goal_rest_too() {
    let mut stage = Stage::ready();
    begins(&mut stage, "a");
    let effects = stage.bench.prompt("hello");
    stage.note(effects);
    cancel(&mut stage);
    let turn = json!({"turn": {"id": "a", "status": "inProgress"}});
    stage.reply("turn/start", turn);
    assert_eq!(stage.written[0]["params"]["status"], "paused");
    assert_eq!(stage.written[1]["params"]["turnId"], "a");
}
