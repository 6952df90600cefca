//! Logging in, in place of a conversation.

use hostler_codex::Codex;
use hostler_sdk::{Failure, process::Exit, testing::Bench};
use serde_json::{Value, json};

use crate::stage::Stage;

/// An instance that has been asked to log in before Codex has said hello, and
/// what it then asks of Codex.
fn asked(params: &Value) -> (Stage, Value) {
    let mut stage = Stage::open();
    let effects = stage.bench.call("authenticate", params);
    stage.note(effects);
    stage.reply("initialize", json!({"userAgent": "hostler/0.169.0"}));
    assert_eq!(
        stage.written.pop_front().unwrap(),
        json!({"method": "initialized"})
    );
    let request = stage.written.pop_front().unwrap();
    assert_eq!(request["method"], "account/login/start");
    assert_eq!(
        stage.bench.timers(),
        [0; 0],
        "a person takes as long as it takes"
    );
    (stage, request)
}

fn completed(id: &Value, success: bool) -> Value {
    let error = (!success).then_some("access denied");
    json!({"method": "account/login/completed",
           "params": {"loginId": id, "success": success, "error": error}})
}

/// The answer to the login, without that to `open`.
fn answer(stage: &Stage) -> Option<Result<Value, Failure>> {
    let answers = stage.effects.answers().into_iter();
    let login = stage.bench.last_request();
    answers
        .filter(|(request, _)| *request == login)
        .map(|(_, answer)| answer)
        .next()
}

#[test]
fn an_api_key_goes_to_codex_as_the_handle_that_came() {
    let key = json!({"methodId": "api-key", "_meta": {"api-key": {"apiKey": "{{token:a}}"}}});
    let (mut stage, request) = asked(&key);
    assert_eq!(
        request["params"],
        json!({"type": "apiKey", "apiKey": "{{token:a}}"})
    );
    assert_eq!(answer(&stage), None);
    stage.feed(&json!({"id": request["id"], "result": {"type": "apiKey"}}));
    assert_eq!(answer(&stage), Some(Ok(json!({}))));
    // It is told of once more, when nobody waits for it.
    stage.feed(&completed(&Value::Null, true));
}

#[test]
fn without_a_key_it_is_said_how_to_give_one() {
    let mut bench = Bench::<Codex>::new();
    bench.open();
    let effects = bench.call("authenticate", &json!({"methodId": "api-key"}));
    let failure = effects.answer().unwrap_err();
    assert_eq!(failure.code, Failure::INVALID_PARAMS);
    assert!(failure.message.contains("apiKey"), "{}", failure.message);
    let effects = bench.call("authenticate", &json!({"methodId": "face"}));
    let message = effects.answer().unwrap_err().message;
    assert!(message.contains("chatgpt-device-code"), "{message}");
}

#[test]
fn an_address_is_shown_and_the_login_ends_when_codex_says_so() {
    let (mut stage, request) = asked(&json!({"methodId": "chatgpt"}));
    assert_eq!(request["params"], json!({"type": "chatgpt"}));
    let url = "https://auth.openai.com/oauth/authorize?x=y";
    let started = json!({"type": "chatgpt", "loginId": "l", "authUrl": url});
    stage.feed(&json!({"id": request["id"], "result": started}));
    let (id, method, page) = stage.effects.asks().remove(0);
    assert_eq!(
        (method.as_str(), &page["mode"]),
        ("elicitation/create", &json!("url"))
    );
    assert_eq!(
        (&page["url"], &page["elicitationId"]),
        (&json!(url), &json!("l"))
    );
    let effects = stage.bench.answered(id, &json!({"action": "accept"}));
    stage.note(effects);
    stage.feed(&completed(&json!("another"), true));
    assert_eq!(answer(&stage), None);
    stage.feed(&completed(&json!("l"), true));
    assert_eq!(answer(&stage), Some(Ok(json!({}))));
}

#[test]
fn a_device_code_is_shown_with_its_address() {
    let (mut stage, request) = asked(&json!({"methodId": "chatgpt-device-code"}));
    assert_eq!(request["params"], json!({"type": "chatgptDeviceCode"}));
    let started = json!({"type": "chatgptDeviceCode", "loginId": "l", "userCode": "AB-12",
                         "verificationUrl": "https://auth.openai.com/codex/device"});
    stage.feed(&json!({"id": request["id"], "result": started}));
    let (_, _, page) = stage.effects.asks().remove(0);
    assert!(
        page["message"].as_str().unwrap().contains("AB-12"),
        "{page}"
    );
    stage.feed(&completed(&json!("l"), false));
    let failure = answer(&stage).unwrap().unwrap_err();
    assert_eq!(failure.code, Failure::AUTH_REQUIRED);
    assert!(failure.message.contains("access denied"));
}

#[test]
fn what_a_person_declines_or_a_client_cannot_show_is_cancelled_at_codex() {
    let declined: [Result<Value, Failure>; 3] = [
        Ok(json!({"action": "decline"})),
        Ok(json!({"action": "cancel"})),
        Err(Failure::internal("this client cannot show it")),
    ];
    for outcome in declined {
        let (mut stage, request) = asked(&json!({"methodId": "chatgpt"}));
        let started = json!({"type": "chatgpt", "loginId": "l", "authUrl": "https://a.example"});
        stage.feed(&json!({"id": request["id"], "result": started}));
        let id = stage.bench.open_asks()[0];
        let effects = match outcome {
            Ok(answer) => stage.bench.answered(id, &answer),
            Err(failure) => stage.bench.ask_failed(id, failure),
        };
        stage.note(effects);
        let cancel = stage.written.pop_front().unwrap();
        assert_eq!(cancel["method"], "account/login/cancel");
        assert_eq!(cancel["params"], json!({"loginId": "l"}));
        assert!(answer(&stage).unwrap().is_err());
        stage.feed(&json!({"id": cancel["id"], "result": {"status": "canceled"}}));
        stage.feed(&completed(&json!("l"), false));
    }
}

#[test]
fn a_login_that_codex_refuses_or_does_not_survive_is_answered() {
    let (mut stage, request) = asked(&json!({"methodId": "chatgpt-device-code"}));
    let error = json!({"code": -32603, "message": "failed to request device code"});
    stage.feed(&json!({"id": request["id"], "error": error}));
    let failure = answer(&stage).unwrap().unwrap_err();
    assert!(
        failure.message.contains("device code"),
        "{}",
        failure.message
    );

    let (mut stage, _) = asked(&json!({"methodId": "chatgpt"}));
    let effects = stage.bench.exited(stage.child, Exit::code(1));
    stage.note(effects);
    assert!(answer(&stage).unwrap().is_err());
}
