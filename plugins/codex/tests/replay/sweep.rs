//! Commands that Codex lets go on when their turn is cancelled.

use hostler_sdk::testing::Effects;
use serde_json::{Value, json};

use crate::stage::Stage;

/// The adapter's timer for looking again.
const TIMER: u64 = 4;

const LIST: &str = "thread/backgroundTerminals/list";

fn item(stage: &mut Stage, what: &str, id: &str, turn: &str, status: &str) -> Effects {
    let item = json!({"type": "commandExecution", "id": id, "status": status,
        "command": "/bin/bash -lc 'tail -f x'", "cwd": "/work"});
    stage.tell(what, &json!({"turnId": turn, "item": item}))
}

fn started(stage: &mut Stage, id: &str, turn: &str) -> Effects {
    item(stage, "item/started", id, turn, "inProgress")
}

/// The turn `u` runs this command, is cancelled, and has ended at Codex.
fn cancelled(stage: &mut Stage) -> Effects {
    started(stage, "c", "u");
    let effects = stage.bench.cancel();
    stage.note(effects);
    stage.reply("turn/interrupt", json!({}));
    stage.complete("interrupted")
}

fn terminals(items: &[&str]) -> Value {
    let terminal = |id: &&str| json!({"itemId": id, "processId": format!("p-{id}")});
    json!({"data": items.iter().map(terminal).collect::<Vec<_>>()})
}

fn look(stage: &mut Stage) {
    assert!(stage.bench.timers().contains(&TIMER));
    let effects = stage.bench.timer(TIMER);
    stage.note(effects);
}

#[test]
fn a_cancelled_turn_is_answered_when_its_command_has_ended() {
    let mut stage = Stage::prompted();
    let effects = cancelled(&mut stage);
    assert!(effects.answers().is_empty(), "its command runs");
    let effects = stage.reply(LIST, terminals(&["c"]));
    let terminate = &effects.written_json()[0];
    assert_eq!(terminate["method"], "thread/backgroundTerminals/terminate");
    let params = json!({"threadId": "t", "processId": "p-c"});
    assert_eq!(terminate["params"], params);
    assert!(effects.answers().is_empty());
    let method = "thread/backgroundTerminals/terminate";
    stage.reply(method, json!({"terminated": true}));
    item(&mut stage, "item/completed", "c", "u", "failed");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    assert_eq!(stage.bench.timers(), [0; 0]);
    let shown = stage.shown();
    assert_eq!(shown.iter().filter(|it| it.contains("new:")).count(), 1);
    assert_eq!(stage.call("c")["status"], "failed");
}

#[test]
fn a_command_that_is_gone_is_looked_for_a_few_times() {
    let mut stage = Stage::prompted();
    cancelled(&mut stage);
    for _ in 0..2 {
        let effects = stage.reply(LIST, terminals(&[]));
        assert!(effects.answers().is_empty());
        look(&mut stage);
    }
    stage.reply(LIST, terminals(&[]));
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    let call = stage.call("c");
    assert_eq!(call["status"], "failed");
    assert!(call["content"].to_string().contains("Cancelled."));
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn a_command_of_an_earlier_turn_goes_on() {
    let mut stage = Stage::prompted();
    started(&mut stage, "server", "u");
    stage.complete("completed");
    let effects = stage.bench.prompt("more");
    stage.note(effects);
    stage.reply(
        "turn/start",
        json!({"turn": {"id": "v", "status": "inProgress"}}),
    );
    started(&mut stage, "c", "v");
    let effects = stage.bench.cancel();
    stage.note(effects);
    stage.reply("turn/interrupt", json!({}));
    stage.tell(
        "turn/completed",
        &json!({"turn": {"id": "v", "status": "interrupted"}}),
    );
    let effects = stage.reply(LIST, terminals(&["server", "c"]));
    let ended: Vec<_> = effects.written_json();
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(ended[0]["params"]["processId"], "p-c");
    let method = "thread/backgroundTerminals/terminate";
    stage.reply(method, json!({"terminated": true}));
    item(&mut stage, "item/completed", "c", "v", "failed");
    assert_eq!(stage.ends().last(), Some(&Ok("cancelled".into())));
    assert_eq!(stage.call("c")["status"], "failed");
    assert_eq!(stage.call("server")["status"], "in_progress");
}

#[test]
fn a_command_that_begins_after_the_cancelled_turn_is_terminated_too() {
    let mut stage = Stage::prompted();
    let effects = stage.bench.cancel();
    stage.note(effects);
    stage.reply("turn/interrupt", json!({}));
    stage.complete("interrupted");
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    started(&mut stage, "c", "u");
    let effects = stage.reply(LIST, terminals(&["c"]));
    assert_eq!(effects.written_json()[0]["params"]["processId"], "p-c");
    let method = "thread/backgroundTerminals/terminate";
    stage.reply(method, json!({"terminated": true}));
    for _ in 0..3 {
        look(&mut stage);
        stage.reply(LIST, terminals(&[]));
    }
    assert_eq!(stage.call("c")["status"], "failed");
    assert_eq!(stage.ends().len(), 1);
    assert_eq!(stage.bench.timers(), [0; 0]);
}

#[test]
fn a_codex_that_lists_no_terminals_ends_the_turn_all_the_same() {
    let mut stage = Stage::prompted();
    cancelled(&mut stage);
    let asked = stage.written.pop_front().unwrap();
    let error = json!({"code": -32600, "message": "unknown variant"});
    stage.feed(&json!({"id": asked["id"], "error": error}));
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
}

#[test]
fn a_command_that_goes_on_over_the_end_of_its_turn_stays_in_progress_until_it_ends() {
    let mut stage = Stage::prompted();
    started(&mut stage, "server", "u");
    stage.complete("completed");
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
    assert_eq!(stage.call("server")["status"], "in_progress");
    stage.tell(
        "item/commandExecution/outputDelta",
        &json!({"turnId": "u", "itemId": "server", "delta": "ready"}),
    );
    assert!(stage.call("server").to_string().contains("ready"));
    item(&mut stage, "item/completed", "server", "u", "completed");
    assert_eq!(stage.call("server")["status"], "completed");
    let shown = stage.shown();
    assert_eq!(shown.iter().filter(|it| it.contains("new:")).count(), 1);
    assert!(!shown.iter().any(|it| it.contains("failed")), "{shown:?}");
}

#[test]
fn a_command_that_goes_on_fails_when_codex_ends() {
    let mut stage = Stage::prompted();
    started(&mut stage, "server", "u");
    stage.complete("completed");
    stage.exit(1);
    let call = stage.call("server");
    assert_eq!(call["status"], "failed");
    assert!(call["content"].to_string().contains("Codex has ended."));
}

#[test]
fn what_is_not_yet_allowed_does_not_go_on_over_the_end_of_its_turn() {
    let mut stage = Stage::prompted();
    started(&mut stage, "c", "u");
    stage.feed(
        &json!({"id": 0, "method": "item/commandExecution/requestApproval",
        "params": {"threadId": "t", "itemId": "c", "command": "x"}}),
    );
    let edit = json!({"type": "fileChange", "id": "f", "changes": [], "status": "inProgress"});
    stage.tell("item/started", &json!({"turnId": "u", "item": edit}));
    stage.complete("completed");
    for id in ["c", "f"] {
        assert_eq!(stage.call(id)["status"], "failed");
    }
}

#[test]
fn commands_that_go_on_are_as_many_as_codex_keeps() {
    let mut stage = Stage::prompted();
    for number in 0..70 {
        started(&mut stage, &format!("c{number}"), "u");
    }
    stage.complete("completed");
    assert_eq!(stage.open_calls().len(), 64);
}

#[test]
fn a_process_that_ends_while_its_commands_do_ends_the_turn() {
    let mut stage = Stage::prompted();
    cancelled(&mut stage);
    stage.exit(1);
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    assert_eq!(stage.bench.timers(), [0; 0]);
}
