//! Mode and tier.

use hostler_sdk::Failure;
use serde_json::{Value, json};

use crate::stage::{Stage, config, finish};

fn set(stage: &mut Stage, option: &str, value: &str) -> Result<Value, Failure> {
    let params = json!({"configId": option, "value": value});
    let effects = stage.bench.call("session/set_config_option", &params);
    let answer = effects.answer();
    stage.note(effects);
    stage.clear();
    answer
}

#[test]
fn a_session_says_what_there_is() {
    let mut stage = Stage::opening(config(), None);
    stage.respond("allowed-models", 200, json!({}));
    let opened = stage.effects.answer().unwrap();
    assert_eq!(opened["modes"]["currentModeId"], "readonly");
    let options = opened["configOptions"].as_array().unwrap();
    let values: Vec<_> = options
        .iter()
        .map(|option| &option["currentValue"])
        .collect();
    assert_eq!(values, ["readonly", "smart"]);
}

#[test]
fn a_choice_counts_from_the_next_message_on_and_is_kept() {
    let mut stage = Stage::ready();
    let answer = set(&mut stage, "model", "thinking").unwrap();
    assert_eq!(answer["configOptions"][1]["currentValue"], "thinking");
    set(&mut stage, "mode", "plan").unwrap();
    stage.prompt("hello");
    stage.respond(
        "COLLECTION_THREADS_CREATE",
        200,
        json!({"item": {"id": "thrd_1"}}),
    );
    stage.stream(200);
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(
        (&body["tier"], &body["mode"]),
        (&json!("thinking"), &json!("plan"))
    );
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunk(finish("stop"));
    let mut stage = Stage::resumed(&stage);
    stage.prompt("again");
    stage.stream(200);
    stage.status("completed");
    stage.messages(json!([{"id": "m1", "role": "assistant", "parts": []}]));
    assert_eq!(
        stage.respond("/messages", 202, json!({}))["tier"],
        "thinking"
    );
}

#[test]
fn modes_are_chosen_by_clients_that_know_nothing_else() {
    let mut stage = Stage::ready();
    let effects = stage
        .bench
        .call("session/set_mode", &json!({"modeId": "auto"}));
    assert_eq!(effects.answer(), Ok(json!({})));
    stage.note(effects);
    assert_eq!(
        stage.updates("current_mode_update")[0]["currentModeId"],
        "auto"
    );
    assert_eq!(stage.updates("config_option_update").len(), 1);
}

#[test]
fn what_there_is_not_is_refused_with_what_there_is() {
    let mut stage = Stage::ready();
    for (option, value, says) in [
        ("model", "gpt-9", "fast, smart, thinking"),
        ("mode", "wild", "readonly, auto, plan"),
        ("colour", "red", "mode, model"),
    ] {
        let failure = set(&mut stage, option, value).unwrap_err();
        assert_eq!(failure.code, Failure::INVALID_PARAMS);
        assert!(failure.message.contains(says), "{failure}");
    }
    let effects = stage.bench.call("session/later", &json!({}));
    assert_eq!(
        effects.answer().unwrap_err().code,
        Failure::METHOD_NOT_FOUND
    );
}

#[test]
fn the_operator_chooses_where_sessions_begin() {
    let mut config = config();
    config["tier"] = "fast".into();
    config["mode"] = "auto".into();
    config["temperature"] = json!(0.25);
    let mut stage = Stage::with(config);
    stage.prompt("hello");
    stage.respond(
        "COLLECTION_THREADS_CREATE",
        200,
        json!({"item": {"id": "thrd_1"}}),
    );
    stage.stream(200);
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(
        (&body["tier"], &body["temperature"]),
        (&json!("fast"), &json!(0.25))
    );
    assert!(body.get("toolApprovalLevel").is_none());
}

#[test]
fn a_setting_that_makes_no_sense_is_named() {
    for (key, value, says) in [
        ("modle", json!("x"), "modle"),
        ("tier", json!("huge"), "fast, smart, thinking"),
        ("mode", json!("wild"), "readonly"),
        ("base_url", json!("ftp://deco"), "https://"),
        ("temperature", json!("hot"), "\"hot\""),
    ] {
        let mut config = config();
        config[key] = value;
        let mut bench =
            hostler_sdk::testing::Bench::<hostler_decopilot::Decopilot>::new().config(config);
        let failed = bench.open();
        assert!(failed.failed().unwrap().to_string().contains(says), "{key}");
    }
}
