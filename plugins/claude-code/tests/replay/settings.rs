//! Modes and models.

use agent_client_protocol_schema::v1 as acp;
use hostler_sdk::{Failure, testing::Bench};
use serde_json::{Value, json};

use crate::{
    shape::check,
    stage::{Stage, play, start_of},
};

#[test]
fn a_session_opens_with_its_modes_and_models() {
    let mut stage = Stage::open();
    stage.play(start_of("simple"));
    let mut opened = stage.effects.answer().unwrap();
    let ids = |list: &Value, id: &str| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|entry| entry[id].as_str().unwrap().to_owned())
            .collect()
    };
    let modes = &opened["modes"];
    assert_eq!(modes["currentModeId"], "default");
    assert_eq!(
        ids(&modes["availableModes"], "id"),
        ["default", "acceptEdits", "plan", "auto"]
    );
    let options = &opened["configOptions"];
    assert_eq!(ids(options, "id"), ["mode", "model", "effort"]);
    assert_eq!(ids(options, "category"), ["mode", "model", "thought_level"]);
    assert_eq!(
        ids(options, "currentValue"),
        ["default", "default", "medium"]
    );
    let models = ids(&options[1]["options"], "value");
    assert_eq!(models, ["default", "opus", "fable", "sonnet", "haiku"]);
    opened["sessionId"] = "s".into();
    check::<acp::NewSessionResponse>(&opened);
}

#[test]
fn a_mode_is_in_force_when_claude_says_so() {
    let stage = play("modes");
    let changes = [
        "acceptEdits",
        "plan",
        "auto",
        "default",
        "acceptEdits",
        "plan",
        "acceptEdits",
    ];
    let shown = stage.shown();
    let modes = shown.iter().filter_map(|line| line.strip_prefix("mode "));
    assert_eq!(modes.collect::<Vec<_>>(), changes);
    let options = shown
        .iter()
        .filter_map(|line| line.strip_prefix("options "));
    let expected = changes.map(|mode| format!("{mode} default medium"));
    assert_eq!(options.collect::<Vec<_>>(), expected);
    // The last of them is Claude Code's own doing: it left the plan mode.
    let answers = stage.effects.answers();
    assert_eq!(
        answers
            .iter()
            .filter(|(_, answer)| *answer == Ok(json!({})))
            .count(),
        6
    );
}

#[test]
fn a_model_is_in_force_when_claude_says_so() {
    let mut lines = crate::stage::fixture("model_switch");
    // Claude Code takes any name; the adapter does not.
    let end = lines
        .iter()
        .position(|line| line["msg"]["request"]["model"] == "no-such-model-xyz");
    lines.truncate(end.unwrap());
    let mut stage = Stage::open();
    stage.play(lines);
    let options = stage
        .shown()
        .into_iter()
        .filter(|line| line.starts_with("options"));
    assert_eq!(
        options.collect::<Vec<_>>(),
        ["options default sonnet medium"]
    );
    let answer = stage.effects.answers().remove(2).1.unwrap();
    assert_eq!(answer["configOptions"][1]["currentValue"], "sonnet");
    check::<acp::SetSessionConfigOptionResponse>(&answer);
}

#[test]
fn what_is_not_offered_is_refused_without_asking_claude() {
    let mut stage = Stage::ready();
    for (method, params, says) in [
        (
            "session/set_mode",
            json!({"modeId": "bypassPermissions"}),
            "there are default",
        ),
        ("session/set_mode", json!({}), "modeId"),
        (
            "session/set_config_option",
            json!({"configId": "model", "value": "x"}),
            "haiku",
        ),
        (
            "session/set_config_option",
            json!({"configId": "x", "value": "x"}),
            "mode, model, effort",
        ),
        (
            "session/set_config_option",
            json!({"configId": "mode", "value": true}),
            "boolean",
        ),
    ] {
        let effects = stage.bench.call(method, &params);
        let failure = effects.answer().unwrap_err();
        assert_eq!(failure.code, Failure::INVALID_PARAMS);
        assert!(failure.message.contains(says), "{}", failure.message);
        assert_eq!(effects.written(), "");
    }
}

#[test]
fn an_unknown_method_is_refused() {
    let failure = Stage::ready()
        .bench
        .call("session/x", &json!({}))
        .answer()
        .unwrap_err();
    assert_eq!(failure.code, Failure::METHOD_NOT_FOUND);
}

#[test]
fn a_change_that_claude_refuses_does_not_happen() {
    let mut stage = Stage::ready();
    let written = stage
        .bench
        .call("session/set_mode", &json!({"modeId": "auto"}));
    let request = written.written_json()[0]["request_id"].clone();
    let effects = stage.feed(&json!({"type": "control_response", "response": {
        "subtype": "error", "request_id": request, "error": "auto mode is off"}}));
    let failure = effects.answer().unwrap_err();
    assert_eq!(
        failure.message,
        "Claude Code refused \"auto\": auto mode is off"
    );
    assert!(effects.updates().is_empty());
}

#[test]
fn choices_outlive_the_process() {
    let mut stage = Stage::ready();
    stage.exit(0);
    // Nobody listens: it is set at the next start.
    let effects = stage
        .bench
        .call("session/set_mode", &json!({"modeId": "plan"}));
    assert_eq!(effects.answer(), Ok(json!({})));
    let option = json!({"configId": "model", "value": "haiku"});
    let effects = stage.bench.call("session/set_config_option", &option);
    assert_eq!(
        effects.answer().unwrap()["configOptions"][1]["currentValue"],
        "haiku"
    );
    // Also for an instance that knows the checkpoint only.
    let checkpoint = stage.bench.checkpoint().unwrap().to_vec();
    let mut stage = Stage::opened(Bench::new(), Some(&checkpoint));
    let hello = stage.effects.written_json()[0]["request_id"].clone();
    let mut reply = start_of("simple").pop().unwrap()["msg"].clone();
    reply["response"]["request_id"] = hello;
    let effects = stage.feed(&reply);
    let requests = effects.written_json();
    let requests = requests.iter().map(|line| line["request"].clone());
    assert_eq!(
        requests.collect::<Vec<_>>(),
        [
            json!({"subtype": "set_permission_mode", "mode": "plan"}),
            json!({"subtype": "set_model", "model": "haiku"}),
            json!({"subtype": "get_settings"}),
        ]
    );
    assert_eq!(effects.answer().unwrap()["modes"]["currentModeId"], "plan");
}

#[test]
fn a_model_that_nobody_chose_is_shown_all_the_same() {
    let (mut stage, _) = Stage::prompted();
    stage.feed(&json!({"type": "system", "subtype": "init", "model": "claude-opus-5-5"}));
    assert!(stage.shown().is_empty());
    stage.feed(&json!({"type": "system", "subtype": "init", "model": "claude-next"}));
    assert_eq!(stage.shown(), ["options default claude-next"]);
}

#[test]
fn an_effort_can_be_chosen_and_outlives_the_process() {
    let stage = play("effort");
    assert!(
        stage
            .shown()
            .contains(&"options default default high".into())
    );
    let checkpoint = stage.bench.checkpoint().unwrap().to_vec();
    let mut stage = Stage::opened(Bench::new(), Some(&checkpoint));
    let hello = stage.effects.written_json()[0]["request_id"].clone();
    let mut reply = start_of("simple").pop().unwrap()["msg"].clone();
    reply["response"]["request_id"] = hello;
    let effects = stage.feed(&reply);
    let written = effects.written_json();
    let effort = json!({"subtype": "apply_flag_settings", "settings": {"effortLevel": "high"}});
    assert!(
        written.iter().any(|line| line["request"] == effort),
        "{written:#?}"
    );
}

#[test]
fn a_model_without_efforts_has_none_to_choose() {
    let mut stage = Stage::open();
    let mut lines = start_of("simple");
    let reply = &mut lines[1]["msg"]["response"]["response"];
    for model in reply["models"].as_array_mut().unwrap() {
        model
            .as_object_mut()
            .unwrap()
            .remove("supportedEffortLevels");
    }
    stage.play(lines);
    let opened = stage.effects.answer().unwrap();
    assert_eq!(opened["configOptions"].as_array().unwrap().len(), 2);
    let option = json!({"configId": "effort", "value": "high"});
    let effects = stage.bench.call("session/set_config_option", &option);
    let failure = effects.answer().unwrap_err();
    assert_eq!(
        failure.message,
        "there is no effort \"high\"; this model has none"
    );
}

#[test]
fn further_folders_are_made_known_before_the_session_opens() {
    let mut bench = Bench::<hostler_claude_code::ClaudeCode>::new();
    let params = hostler_sdk::OpenParams {
        session: "11111111-2222-4333-8444-555555555555".into(),
        cwd: "/work".into(),
        additional_directories: vec!["/lib".into()],
        mcp_servers: vec![],
    };
    let effects = bench.open_with(params, None);
    let (child, _) = effects.spawned();
    let mut reply = start_of("simple").pop().unwrap()["msg"].clone();
    reply["response"]["request_id"] = effects.written_json()[0]["request_id"].clone();
    let effects = bench.json(child, &reply);
    assert!(effects.answers().is_empty());
    let asked = effects.written_json();
    assert_eq!(
        asked[0]["request"],
        json!({"subtype": "apply_flag_settings",
               "settings": {"permissions": {"additionalDirectories": ["/lib"]}}})
    );
    assert_eq!(asked[1]["request"]["subtype"], "get_settings");
}

#[test]
fn the_mode_in_which_nobody_is_asked_is_offered_where_the_operator_allows_it() {
    let offers = |config: Value| {
        let mut stage = Stage::opened(Bench::new().config(config), None);
        stage.play(start_of("simple"));
        let (_, opened) = &stage.effects.answers()[0];
        let modes = opened.as_ref().unwrap()["modes"]["availableModes"].clone();
        let mut modes = modes.as_array().unwrap().clone().into_iter();
        modes.any(|mode| mode["id"] == "bypassPermissions")
    };
    assert!(!offers(json!({})));
    assert!(offers(json!({"bypass": true})));
}
