//! Methods of extensions, in both directions.

use hostler_sdk::Failure;
use hostler_sdk::process::Exit;
use hostler_sdk::testing::Effect;
use serde_json::{Value, json};

use crate::{configured, in_turn, initialized, ready, reply, sent};

fn request(id: u64, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "_vendor/thing", "params": params})
}

fn told(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

#[test]
fn a_request_of_the_agent_is_asked_as_it_is_and_its_answer_goes_back() {
    let (mut bench, child, _) = in_turn();
    for params in [
        json!({"a": [1, {"b": null}]}),
        json!({"sessionId": "theirs", "requestId": 7}),
    ] {
        let asks = bench.json(child, &request(1, &params)).asks();
        let (ask, method, asked) = &asks[0];
        assert_eq!((method.as_str(), asked), ("_vendor/thing", &params));
        let written = bench.answered(*ask, &json!({"ok": true})).written_json();
        assert_eq!(written[0]["id"], 1);
        assert_eq!(written[0]["result"], json!({"ok": true}));
    }
    let ask = bench.json(child, &request(2, &json!({}))).asks()[0].0;
    let nobody = Failure::new(-32601, "nobody").with_data(r#"{"code":"NOBODY_TO_ANSWER"}"#);
    let error = &bench.ask_failed(ask, nobody).written_json()[0]["error"];
    assert_eq!(error["data"]["code"], "NOBODY_TO_ANSWER");
}

#[test]
fn a_notification_of_the_agent_is_told_to_clients_as_it_is() {
    let (mut bench, child) = ready();
    for params in [json!({"a": 1e2}), json!({"sessionId": "theirs", "a": []})] {
        let effects = bench.json(child, &told("_vendor/told", &params));
        assert_eq!(
            effects.notifications(),
            [("_vendor/told".to_owned(), params)]
        );
    }
    let other = json!({"sessionId": "another"});
    for (method, params) in [
        ("_vendor/told", &other),
        ("vendor/told", &json!({})),
        ("_hostler/permission", &json!({})),
    ] {
        let effects = bench.json(child, &told(method, params));
        assert!(effects.notifications().is_empty(), "{method} {params}");
    }
}

#[test]
fn a_notification_before_the_session_is_known_comes_when_it_is() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    let early = told("_vendor/told", &json!({"sessionId": "theirs"}));
    assert!(bench.json(child, &early).notifications().is_empty());
    let effects = reply(&mut bench, child, new, &json!({"sessionId": "theirs"}));
    assert!(effects.answer().is_ok());
    assert_eq!(effects.notifications().len(), 1);
}

#[test]
fn what_is_too_large_or_no_object_is_left_out_and_the_session_goes_on() {
    let (mut bench, child, _) = in_turn();
    let large = json!({"a": "x".repeat(1 << 20)});
    let effects = bench.json(child, &told("_vendor/told", &large));
    assert!(effects.notifications().is_empty());
    let notice = effects.updates()[0].to_string();
    assert!(notice.contains("too large"), "{notice}");
    let refused = bench.json(child, &request(1, &large)).written_json();
    assert!(refused[0]["error"]["code"].is_number(), "{refused:?}");
    let effects = bench.json(child, &told("_vendor/told", &json!([1])));
    assert!(effects.updates()[0].to_string().contains("not ACP"));
    assert_eq!(bench.unanswered().len(), 1, "the turn is still open");
}

#[test]
fn the_agent_is_told_what_clients_tell_it_under_its_own_session() {
    let (mut bench, _) = ready();
    for (params, expected) in [
        (
            json!({"a": 1, "sessionId": "ours"}),
            json!({"a": 1, "sessionId": "theirs"}),
        ),
        (json!({"a": 1}), json!({"a": 1})),
    ] {
        let written = bench.notified("_vendor/told", &params).written_json();
        assert_eq!(written[0]["method"], "_vendor/told");
        assert_eq!(written[0].get("id"), None);
        assert_eq!(written[0]["params"], expected);
    }
}

#[test]
fn a_request_of_a_client_names_the_agents_session_only_if_it_named_ours() {
    let (mut bench, child) = ready();
    for (params, expected) in [
        (json!({"sessionId": "ours"}), json!({"sessionId": "theirs"})),
        (json!({"a": 1}), json!({"a": 1})),
    ] {
        let effects = bench.call("_vendor/thing", &params);
        let written = &effects.written_json()[0];
        assert_eq!(written["params"], expected);
        let id = written["id"].as_u64().unwrap();
        let effects = reply(&mut bench, child, id, &json!({"done": 1}));
        assert_eq!(effects.answer().unwrap(), json!({"done": 1}));
    }
}

#[test]
fn methods_of_the_host_itself_never_reach_the_agent() {
    let (mut bench, child) = ready();
    let effects = bench.call("_hostler/session/steer", &json!({}));
    assert_eq!(effects.answer().unwrap_err().code, -32601);
    assert_eq!(effects.written(), "");
    let line = json!({"id": 3, "method": "_hostler/agents", "params": {}});
    let effects = bench.json(child, &line);
    assert!(effects.asks().is_empty());
    assert_eq!(effects.written_json()[0]["error"]["code"], -32601);
}

#[test]
fn what_clients_tell_an_agent_that_starts_waits_and_one_that_has_ended_is_told_nothing() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    let effects = bench.notified("_vendor/told", &json!({"sessionId": "ours"}));
    assert_eq!(effects.written(), "");
    let effects = reply(&mut bench, child, new, &json!({"sessionId": "theirs"}));
    let written = effects.written_json();
    assert_eq!(written[0]["params"], json!({"sessionId": "theirs"}));

    bench.exited(child, Exit::code(1));
    let effects = bench.notified("_vendor/told", &json!({}));
    assert_eq!(effects.written(), "");
    let starts = |effect: &Effect| matches!(effect, Effect::Spawn { .. });
    assert!(!effects.iter().any(starts), "it is not started for that");
}
