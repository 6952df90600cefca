//! Modes, models and other settings.

use agent_client_protocol_schema::v1 as acp;
use hostler_sdk::{Failure, testing::Bench};
use serde_json::{Value, json};

use crate::{
    shape::check,
    stage::{Stage, play},
};

fn set(stage: &mut Stage, option: &str, value: &str) {
    let params = json!({"configId": option, "value": value});
    let effects = stage.bench.call("session/set_config_option", &params);
    stage.note(effects);
}

#[test]
fn a_session_opens_with_its_modes_and_options() {
    let mut stage = Stage::initialized();
    stage.begin_thread();
    let mut opened = stage.effects.answer().unwrap();
    let ids = |list: &Value, id: &str| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|entry| entry[id].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(opened["modes"]["currentModeId"], "read-only");
    let modes = ids(&opened["modes"]["availableModes"], "id");
    assert_eq!(modes, ["read-only", "agent", "full-access", "plan"]);
    let options = &opened["configOptions"];
    assert_eq!(
        ids(options, "id"),
        [
            "mode",
            "model",
            "effort",
            "approval",
            "sandbox",
            "collaboration"
        ]
    );
    let values = ids(options, "currentValue");
    assert_eq!(
        values,
        [
            "read-only",
            "gpt-5.5",
            "low",
            "on-request",
            "read-only",
            "default"
        ]
    );
    assert_eq!(ids(&options[1]["options"], "value"), ["gpt-5.5", "gpt-6"]);
    opened["sessionId"] = "s".into();
    check::<acp::NewSessionResponse>(&opened);
}

#[test]
fn a_mode_is_approval_and_sandbox_together() {
    let mut stage = Stage::ready();
    let effects = stage
        .bench
        .call("session/set_mode", &json!({"modeId": "full-access"}));
    stage.note(effects);
    let params = json!({"threadId": "t", "approvalPolicy": "never", "sandboxPolicy": {"type": "dangerFullAccess"}});
    assert_eq!(stage.written[0]["params"], params);
    let effects = stage.reply("thread/settings/update", json!({}));
    assert_eq!(effects.answer(), Ok(json!({})));
    let shown = [
        "mode full-access",
        "options full-access gpt-5.5 low never danger-full-access default",
    ];
    assert_eq!(stage.shown(), shown);
}

#[test]
fn plan_mode_is_codexs_own_and_leaves_approval_and_sandbox() {
    let mut stage = Stage::ready();
    set(&mut stage, "mode", "plan");
    let settings = |mode| {
        json!({"mode": mode, "settings": {
            "model": "gpt-5.5", "reasoning_effort": null, "developer_instructions": null}})
    };
    let params = json!({"threadId": "t", "collaborationMode": settings("plan")});
    assert_eq!(stage.written[0]["params"], params);
    stage.reply("thread/settings/update", json!({}));
    let shown = [
        "mode plan",
        "options plan gpt-5.5 low on-request read-only plan",
    ];
    assert_eq!(stage.shown(), shown);
    set(&mut stage, "collaboration", "default");
    let params = json!({"threadId": "t", "collaborationMode": settings("default")});
    assert_eq!(stage.written[0]["params"], params);
    stage.reply("thread/settings/update", json!({}));
    assert!(stage.shown().contains(&"mode read-only".into()));
}

#[test]
fn another_mode_ends_plan_mode() {
    let mut stage = Stage::ready();
    let told = json!({"threadSettings": {"model": "gpt-5.5", "effort": null,
        "approvalPolicy": "on-request", "sandboxPolicy": {"type": "readOnly"},
        "collaborationMode": {"mode": "plan"}}});
    stage.tell("thread/settings/updated", &told);
    assert_eq!(stage.shown()[0], "mode plan");
    set(&mut stage, "mode", "agent");
    let params = &stage.written[0]["params"];
    assert_eq!(params["collaborationMode"]["mode"], "default");
    assert_eq!(params["sandboxPolicy"]["type"], "workspaceWrite");
}

/// A conversation that goes on, with these settings chosen, in this sandbox.
fn resumed(chosen: &Value, sandbox: &str) -> Stage {
    let saved = json!({"thread": "t", "kept": "yes", "settings": chosen}).to_string();
    let mut stage = Stage::opened(Bench::new(), Some(saved.as_bytes()));
    stage.initialize();
    stage.reply(
        "thread/resume",
        json!({"thread": {"id": "t"}, "model": "gpt-5.5", "reasoningEffort": null,
               "approvalPolicy": "on-request", "sandbox": {"type": sandbox}}),
    );
    stage
}

#[test]
fn a_conversation_that_goes_on_plans_again_when_it_was_chosen() {
    let stage = resumed(&json!({"collaboration": "plan"}), "readOnly");
    let change = &stage.written[0];
    assert_eq!(change["method"], "thread/settings/update");
    assert_eq!(change["params"]["collaborationMode"]["mode"], "plan");
}

#[test]
fn a_conversation_that_goes_on_says_what_it_does_not_show() {
    let told = |sandbox: &str| {
        let shown = resumed(&json!({}), sandbox).shown().into_iter();
        shown
            .filter(|line| line.contains("its sandbox refuses"))
            .count()
    };
    assert_eq!(told("readOnly"), 1);
    // Nothing is refused there.
    assert_eq!(told("dangerFullAccess"), 0);
}

#[test]
fn a_pair_that_is_no_mode_is_shown_as_what_it_is() {
    let mut stage = Stage::ready();
    set(&mut stage, "approval", "untrusted");
    let effects = stage.reply("thread/settings/update", json!({}));
    let options = effects.answer().unwrap()["configOptions"].clone();
    assert_eq!(options[0]["currentValue"], "custom");
    assert_eq!(options[3]["currentValue"], "untrusted");
    // It is nothing to choose.
    set(&mut stage, "mode", "custom");
    assert_eq!(stage.failure().code, Failure::INVALID_PARAMS);
}

#[test]
fn a_model_that_does_not_have_the_effort_gets_its_own() {
    let mut stage = Stage::ready();
    set(&mut stage, "effort", "low");
    stage.reply("thread/settings/update", json!({}));
    set(&mut stage, "model", "gpt-6");
    let params = json!({"threadId": "t", "model": "gpt-6", "effort": "max"});
    assert_eq!(stage.written[0]["params"], params);
}

#[test]
fn what_does_not_exist_is_refused_with_what_does() {
    for (option, value, named) in [
        ("model", "secret", "gpt-6"),
        ("effort", "max", "high"),
        ("sandbox", "none", "workspace-write"),
        ("color", "red", "approval"),
    ] {
        let mut stage = Stage::ready();
        set(&mut stage, option, value);
        let failure = stage.failure();
        assert_eq!(failure.code, Failure::INVALID_PARAMS);
        assert!(failure.message.contains(named), "{failure}");
        assert!(stage.written.is_empty());
    }
    let failure = Stage::ready()
        .bench
        .call("session/fork", &json!({}))
        .answer();
    assert_eq!(failure.unwrap_err().code, Failure::METHOD_NOT_FOUND);
}

#[test]
fn a_choice_that_codex_refuses_changes_nothing() {
    let mut stage = Stage::ready();
    set(&mut stage, "model", "gpt-6");
    let id = stage.written.pop_front().unwrap()["id"].clone();
    stage.feed(&json!({"id": id, "error": {"code": -32600, "message": "no"}}));
    assert!(stage.failure().message.contains("Codex refused"));
    assert_eq!(stage.shown(), [""; 0]);
}

#[test]
fn a_choice_on_its_way_when_the_process_ends_fails() {
    let mut stage = Stage::ready();
    set(&mut stage, "model", "gpt-6");
    stage.exit(1);
    assert_eq!(stage.failure().code, Failure::INTERNAL);
    assert_eq!(stage.bench.unanswered(), []);
}

#[test]
fn what_codex_changes_by_itself_is_told() {
    let shown = play("model_switch").shown();
    let options: Vec<_> = shown
        .iter()
        .filter(|line| line.starts_with("options"))
        .collect();
    assert!(options[0].contains("gpt-5.4-mini low"), "{options:?}");
    let shown = play("mode_switch").shown();
    assert!(shown.contains(&"mode full-access".into()));
}

#[test]
fn settings_are_in_force_again_after_a_restart() {
    let mut stage = Stage::ready();
    set(&mut stage, "approval", "never");
    stage.reply("thread/settings/update", json!({}));
    let saved = stage.bench.checkpoint().unwrap().to_vec();
    let mut stage = Stage::opened(Bench::new(), Some(&saved));
    stage.initialize();
    stage.begin_thread();
    let params = json!({"threadId": "t", "approvalPolicy": "never"});
    assert_eq!(stage.written[0]["params"], params);
    let opened = stage.effects.answer().unwrap();
    assert_eq!(opened["configOptions"][3]["currentValue"], "never");
}

#[test]
fn settings_that_codex_does_not_take_after_a_restart_are_told_and_forgotten() {
    let saved = json!({"thread": null, "kept": "no", "settings": {"approval": "untrusted"}});
    let mut stage = Stage::opened(Bench::new(), Some(saved.to_string().as_bytes()));
    stage.initialize();
    stage.begin_thread();
    let id = stage.written.pop_front().unwrap()["id"].clone();
    stage.feed(&json!({"id": id, "error": {"code": -32600, "message": "gone"}}));
    assert_eq!(
        stage.shown(),
        ["warning: Codex does not take the settings of before: gone"]
    );
    let saved: Value = serde_json::from_slice(stage.bench.checkpoint().unwrap()).unwrap();
    assert_eq!(saved["settings"]["approval"], Value::Null);
}

#[test]
fn the_workspace_sandbox_comes_back_as_the_operator_set_it() {
    let mut stage = Stage::initialized();
    let own = json!({"type": "workspaceWrite", "writableRoots": ["/cache"], "networkAccess": true});
    stage.reply(
        "thread/start",
        json!({"thread": {"id": "t"}, "model": "gpt-5.5", "reasoningEffort": null,
        "approvalPolicy": "on-request", "sandbox": own}),
    );
    for (sandbox, policy) in [
        ("read-only", json!({"type": "readOnly"})),
        ("workspace-write", own),
    ] {
        set(&mut stage, "sandbox", sandbox);
        assert_eq!(stage.written[0]["params"]["sandboxPolicy"], policy);
        stage.reply("thread/settings/update", json!({}));
    }
}
