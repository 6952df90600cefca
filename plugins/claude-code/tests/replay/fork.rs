//! A conversation goes on twice.

use hostler_sdk::{OpenParams, Origin, process::Exit, testing::Bench};
use serde_json::{Value, json};

use crate::stage::{Stage, fixture};

const ORIGINAL: &str = "11111111-2222-4333-8444-555555555555";
const COPY: &str = "99999999-2222-4333-8444-555555555555";

fn forked(checkpoint: &Value) -> Stage {
    let params = OpenParams {
        session: COPY.into(),
        cwd: "/work".into(),
        ..OpenParams::default()
    };
    let origin = Origin::Fork(checkpoint.to_string().into_bytes());
    Stage::opened_as(Bench::new(), params, origin)
}

fn arguments(stage: &Stage) -> Vec<String> {
    let args = stage.effects.spawned().1.args;
    args.into_iter().skip(10).collect()
}

fn saved(stage: &Stage) -> Value {
    serde_json::from_slice(stage.bench.checkpoint().unwrap()).unwrap()
}

fn original() -> Value {
    json!({"id": ORIGINAL, "kept": "yes", "mode": "default", "model": "default", "last": "m1"})
}

#[test]
fn a_copy_begins_as_its_original_stood_and_is_saved_before_it_is_ready() {
    let mut stage = forked(&original());
    let fork = format!("--resume={ORIGINAL} --fork-session --session-id={COPY}");
    assert_eq!(
        arguments(&stage).join(" "),
        format!("{fork} --resume-session-at=m1")
    );
    assert!(stage.effects.answers().is_empty());
    assert_eq!(
        saved(&stage),
        json!({"id": COPY, "kept": "no", "mode": "default", "model": "default",
               "copy_of": {"id": ORIGINAL, "at": "m1"}})
    );
    // Until it has been prompted Claude Code has nothing of it: it begins again.
    let mut again = Stage::opened(Bench::new(), stage.bench.checkpoint());
    assert_eq!(arguments(&again), arguments(&stage));
    assert_eq!(
        arguments(&forked(&saved(&stage))),
        arguments(&stage),
        "a copy of a copy that has nothing of its own"
    );
    for stage in [&mut stage, &mut again] {
        stage.play(fixture("resume_4_fork"));
        assert_eq!(stage.ends(), [Ok("end_turn".into())]);
        let saved = saved(stage);
        assert_eq!(saved["kept"], "yes");
        assert_eq!(saved.get("copy_of"), None);
        let titles = stage.effects.updates();
        let titles = titles
            .iter()
            .filter(|it| it["sessionUpdate"] == "session_info_update");
        assert_eq!(
            titles.count(),
            0,
            "it is called what its original is called"
        );
    }
}

#[test]
fn a_copy_of_a_conversation_that_has_not_begun_begins_like_it() {
    let stage = forked(&json!({"id": ORIGINAL, "kept": "no", "mode": "plan", "model": null}));
    assert_eq!(arguments(&stage), [format!("--session-id={COPY}")]);
    assert_eq!(saved(&stage)["mode"], "plan");
}

#[test]
fn without_the_message_a_copy_begins_at_the_end() {
    let mut stage = forked(&original());
    let error = "No message found with message.uuid of: m1";
    let effects = stage.bench.stderr(stage.child, error);
    stage.note(effects);
    let effects = stage.bench.exited(stage.child, Exit::code(1));
    let args = effects.spawned().1.args;
    assert_eq!(args.last().unwrap(), &format!("--session-id={COPY}"));
    assert!(args.contains(&"--fork-session".to_owned()));
}

#[test]
fn what_the_last_message_was_is_saved_with_each_turn() {
    let (mut stage, _) = Stage::prompted();
    let said = |uuid: &str, parent: Value| {
        json!({"type": "assistant", "uuid": uuid, "parent_tool_use_id": parent,
               "message": {"id": "m", "content": []}})
    };
    stage.feed(&said("mine", Value::Null));
    stage.feed(&said("a sub-agent's", "call".into()));
    stage.feed(
        &json!({"type": "result", "subtype": "success", "origin": {"kind": "task-notification"}}),
    );
    assert_eq!(saved(&stage)["last"], "mine");
}
