//! A conversation goes on twice.

use hostler_sdk::{OpenParams, Origin, testing::Bench};
use serde_json::{Value, json};

use crate::stage::{Stage, fixture};

fn forked(checkpoint: &Value) -> Stage {
    let mut bench = Bench::new();
    let params = OpenParams {
        session: "99999999-2222-4333-8444-555555555555".into(),
        cwd: "/work".into(),
        ..OpenParams::default()
    };
    let origin = Origin::Fork(checkpoint.to_string().into_bytes());
    let effects = bench.open_with(params, origin);
    let mut stage = Stage::of(bench, effects);
    stage.initialize();
    stage
}

fn saved(stage: &Stage) -> Value {
    serde_json::from_slice(stage.bench.checkpoint().unwrap()).unwrap()
}

/// The reply to a recorded `thread/fork`.
fn reply() -> Value {
    let lines = fixture("resume_3_unknown_and_fork");
    let reply = lines
        .iter()
        .find(|line| line["msg"]["result"]["thread"]["id"].is_string());
    reply.unwrap()["msg"]["result"].clone()
}

#[test]
fn a_copy_is_a_thread_of_its_own_and_saved_before_it_is_ready() {
    let original = "01a1f73c-f151-7ae2-b93b-4a485f1dbed9";
    let chosen = json!({"model": "gpt-5.5"});
    let mut stage = forked(&json!({"thread": original, "kept": "yes", "settings": chosen}));
    let request = stage.written.pop_front().unwrap();
    assert_eq!(request["method"], "thread/fork");
    assert_eq!(request["params"]["threadId"], original);
    assert_eq!(request["params"]["excludeTurns"], true);
    assert_eq!(request["params"]["cwd"], "/work");
    assert!(stage.effects.answers().is_empty());
    // What it is to be a copy of is not what it would resume.
    assert_eq!(saved(&stage)["thread"], Value::Null);
    assert_eq!(saved(&stage)["copy_of"], original);

    let reply = reply();
    stage.feed(&json!({"id": request["id"], "result": reply}));
    assert!(stage.effects.answer().is_ok());
    let saved = saved(&stage);
    assert_eq!(saved["thread"], reply["thread"]["id"]);
    assert_ne!(saved["thread"], original);
    assert_eq!(saved["kept"], "yes");
    assert_eq!(saved["settings"]["model"], "gpt-5.5");
    assert_eq!(saved.get("copy_of"), None);

    let mut again = Stage::opened(Bench::new(), stage.bench.checkpoint());
    again.initialize();
    let request = again.written.pop_front().unwrap();
    assert_eq!(request["method"], "thread/resume");
    assert_eq!(request["params"]["threadId"], saved["thread"]);
}

#[test]
fn a_copy_of_a_conversation_that_has_not_begun_begins_like_it() {
    let mut stage = forked(&json!({"thread": "t", "kept": "no", "settings": null}));
    assert_eq!(stage.written.pop_front().unwrap()["method"], "thread/start");
}

#[test]
fn a_copy_that_was_not_made_yet_is_made_after_a_restart_and_copied_itself() {
    let stage = forked(&json!({"thread": "t", "kept": "yes", "settings": null}));
    let before = saved(&stage);
    let mut again = Stage::opened(Bench::new(), stage.bench.checkpoint());
    again.initialize();
    let mut copy = forked(&before);
    for stage in [&mut again, &mut copy] {
        let request = stage.written.pop_front().unwrap();
        assert_eq!(request["method"], "thread/fork");
        assert_eq!(request["params"]["threadId"], "t");
    }
    let id = reply()["thread"]["id"].clone();
    again.feed(&json!({"id": 4, "result": reply()}));
    assert_eq!(saved(&again)["thread"], id);
    assert_eq!(saved(&again).get("copy_of"), None);
}

#[test]
fn what_cannot_be_copied_is_said() {
    let mut stage = forked(&json!({"thread": "t", "kept": "yes", "settings": null}));
    let request = stage.written.pop_front().unwrap();
    let error = json!({"code": -32600, "message": "no rollout found for thread id t"});
    stage.feed(&json!({"id": request["id"], "error": error}));
    let message = stage.failure().message;
    assert!(message.contains("no rollout found"), "{message}");
}
