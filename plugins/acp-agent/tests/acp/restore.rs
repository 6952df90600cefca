//! An agent that was started again stands where people left it.

use hostler_acp_agent::AcpAgent;
use hostler_sdk::OpenParams;
use hostler_sdk::process::{Child, Exit};
use hostler_sdk::testing::{Bench, Effects};
use serde_json::{Value, json};

use crate::{configured, initialized, ready, ready_with, refuse, reply, sent};

fn modes(current: &str) -> Value {
    let modes = ["ask", "plan"].map(|id| json!({"id": id, "name": id}));
    json!({"currentModeId": current, "availableModes": modes})
}

fn options(current: &str) -> Value {
    json!([{"id": "effort", "name": "Effort", "type": "select", "currentValue": current, "options": []}])
}

fn standing() -> Value {
    json!({"sessionId": "theirs", "modes": modes("ask"), "configOptions": options("low")})
}

/// A session in which a mode and an option were chosen.
fn chosen() -> (Bench<AcpAgent>, Child) {
    let (mut bench, child) = ready_with(&standing());
    let mode = json!({"modeId": "plan"});
    let call = sent(&bench.call("session/set_mode", &mode), "session/set_mode");
    reply(&mut bench, child, call, &json!({}));
    let option = json!({"configId": "effort", "value": "high"});
    let effects = bench.call("session/set_config_option", &option);
    let call = sent(&effects, "session/set_config_option");
    let answer = json!({"configOptions": options("high")});
    reply(&mut bench, child, call, &answer);
    (bench, child)
}

/// The agent of this bench was started again and resumes.
fn resumed(bench: &mut Bench<AcpAgent>, opened: &Effects) -> (Child, Effects) {
    let resume = json!({
        "protocolVersion": 1,
        "agentCapabilities": {"sessionCapabilities": {"resume": {}}},
    });
    let (child, effects) = initialized(bench, opened, &resume);
    let resume = sent(&effects, "session/resume");
    (child, reply(bench, child, resume, &standing()))
}

#[test]
fn what_was_chosen_is_chosen_again_before_the_next_prompt() {
    let (mut bench, child) = chosen();
    bench.exited(child, Exit::code(1));
    let again = bench.prompt("on");
    let (child, effects) = resumed(&mut bench, &again);
    let written = effects.written_json();
    let methods: Vec<_> = written.iter().map(|message| &message["method"]).collect();
    assert_eq!(methods, ["session/set_mode", "session/set_config_option"]);
    assert_eq!(
        written[0]["params"],
        json!({"sessionId": "theirs", "modeId": "plan"})
    );
    assert_eq!(
        written[1]["params"],
        json!({"sessionId": "theirs", "configId": "effort", "value": "high"})
    );
    let id = |index: usize| written[index]["id"].as_u64().unwrap();
    assert!(reply(&mut bench, child, id(0), &json!(null)).is_empty());
    let answer = json!({"configOptions": options("high")});
    let effects = reply(&mut bench, child, id(1), &answer);
    assert_eq!(
        effects.updates()[0]["configOptions"][0]["currentValue"],
        "high"
    );
    assert_eq!(effects.updates()[1]["currentModeId"], "plan");
    sent(&effects, "session/prompt");
}

#[test]
fn it_outlives_the_instance() {
    let (bench, _) = chosen();
    let checkpoint = bench.checkpoint().unwrap().to_vec();
    let mut bench = configured();
    let opened = bench.open_with(OpenParams::default(), Some(&checkpoint[..]));
    let (_, effects) = resumed(&mut bench, &opened);
    assert_eq!(effects.written_json().len(), 2);
}

#[test]
fn what_cannot_be_chosen_any_more_is_told_and_forgotten() {
    let (mut bench, child) = chosen();
    bench.exited(child, Exit::code(1));
    let again = bench.prompt("on");
    let (child, effects) = resumed(&mut bench, &again);
    let ids = effects.written_json();
    let id = |index: usize| ids[index]["id"].as_u64().unwrap();
    let error = json!({"code": -32602, "message": "no such mode"});
    let effects = refuse(&mut bench, child, id(0), &error);
    assert!(
        effects.updates()[0]
            .to_string()
            .contains("the mode \\\"plan\\\""),
        "{effects:#?}"
    );
    let kept: Value = serde_json::from_slice(bench.checkpoint().unwrap()).unwrap();
    assert_eq!(kept["chosen"], json!({"options": {"effort": "high"}}));
    // An answer that never comes is not waited for.
    let effects = bench.timer(2);
    sent(&effects, "session/prompt");
}

#[test]
fn what_an_agent_says_of_itself_while_it_is_taken_up_again_changes_no_choice() {
    for (can, method) in [
        (
            json!({"sessionCapabilities": {"resume": {}}}),
            "session/resume",
        ),
        (json!({"loadSession": true}), "session/load"),
    ] {
        let (mut bench, child) = chosen();
        let kept = bench.checkpoint().unwrap().to_vec();
        bench.exited(child, Exit::code(1));
        let again = bench.prompt("on");
        let about = json!({"protocolVersion": 1, "agentCapabilities": can});
        let (child, effects) = initialized(&mut bench, &again, &about);
        let call = sent(&effects, method);
        let mode = json!({"sessionUpdate": "current_mode_update", "currentModeId": "ask"});
        let option =
            json!({"sessionUpdate": "config_option_update", "configOptions": options("low")});
        let tell = |bench: &mut Bench<AcpAgent>| {
            crate::update(bench, child, &mode);
            crate::update(bench, child, &option);
        };
        tell(&mut bench);
        let mut effects = reply(&mut bench, child, call, &standing());
        if method == "session/load" {
            tell(&mut bench);
            effects = bench.timer(2);
        }
        let written = effects.written_json();
        let methods: Vec<_> = written.iter().map(|message| &message["method"]).collect();
        assert_eq!(
            methods,
            ["session/set_mode", "session/set_config_option"],
            "{method}"
        );
        // The first choice may change how the rest stands.
        tell(&mut bench);
        assert_eq!(bench.checkpoint(), Some(&kept[..]), "{method}");
    }
}

#[test]
fn a_mode_that_the_agent_changed_by_itself_is_the_one_that_counts() {
    let (mut bench, child) = chosen();
    let changed = json!({"sessionUpdate": "current_mode_update", "currentModeId": "ask"});
    crate::update(&mut bench, child, &changed);
    bench.exited(child, Exit::code(1));
    let again = bench.prompt("on");
    let (_, effects) = resumed(&mut bench, &again);
    assert_eq!(effects.written_json().len(), 1, "the option alone");
}

#[test]
fn models_are_shown_as_an_option_and_chosen_by_their_own_method() {
    let models = json!({
        "currentModelId": "small",
        "availableModels": [
            {"modelId": "small", "name": "Small"},
            {"modelId": "large", "name": "Large", "description": "slow"},
        ],
    });
    let (mut bench, child) = ready_with(&json!({"sessionId": "theirs", "models": models}));
    let choice = json!({"configId": "model", "value": "large"});
    let effects = bench.call("session/set_config_option", &choice);
    let call = sent(&effects, "session/set_model");
    assert_eq!(
        effects.written_json()[0]["params"],
        json!({"sessionId": "theirs", "modelId": "large"})
    );
    let answer = reply(&mut bench, child, call, &json!(null))
        .answer()
        .unwrap();
    assert_eq!(
        answer["configOptions"],
        json!([{
            "id": "model", "name": "Model", "category": "model", "type": "select",
            "currentValue": "large",
            "options": [
                {"value": "small", "name": "Small"},
                {"value": "large", "name": "Large", "description": "slow"},
            ],
        }])
    );
    let choice = json!({"configId": "model", "value": "huge"});
    let effects = bench.call("session/set_config_option", &choice);
    let call = sent(&effects, "session/set_model");
    let error = json!({"code": -32602, "message": "no model huge"});
    let failure = refuse(&mut bench, child, call, &error)
        .answer()
        .unwrap_err();
    assert_eq!(failure.message, "no model huge");
}

#[test]
fn an_agent_that_ended_is_started_again_by_the_next_prompt() {
    let (mut bench, child) = ready();
    assert!(bench.exited(child, Exit::code(0)).answers().is_empty());
    let again = bench.prompt("go");
    let answer = json!({
        "protocolVersion": 1,
        "agentCapabilities": {"sessionCapabilities": {"resume": {}}},
    });
    let (child, effects) = initialized(&mut bench, &again, &answer);
    let resume = sent(&effects, "session/resume");
    let standing = json!({"modes": {"currentModeId": "plan"}, "configOptions": []});
    let effects = reply(&mut bench, child, resume, &standing);
    assert!(effects.answers().is_empty());
    let kinds: Vec<_> = effects
        .updates()
        .iter()
        .map(|update| update["sessionUpdate"].clone())
        .collect();
    assert_eq!(kinds, ["config_option_update", "current_mode_update"]);
    assert_eq!(effects.written_json()[0]["method"], "session/prompt");
}
