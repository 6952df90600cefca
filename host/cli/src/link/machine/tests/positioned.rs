//! Clients that are positioned themselves: what they are told after a connection
//! was lost.

use serde_json::{Value, json};

use super::{attached, request, stage::Stage};

/// With the session `s`, attached to.
fn watching() -> Stage {
    let mut stage = Stage::new();
    stage.link_connects();
    let capabilities = json!({"_meta": {"hostler": {"client": "mine"}}});
    let params = json!({ "clientCapabilities": capabilities });
    stage.client(&request(0, "initialize", &params));
    let hello = stage.sent();
    stage.answer_hello(&hello);
    let params = json!({"sessionId": "s"});
    stage.client(&request(1, "_hostler/session/attach", &params));
    let attach = stage.sent();
    stage.answer(&attach, &attached(&json!({})));
    stage.given();
    stage
}

fn control() -> Value {
    json!({"mode": "lease", "holder": {"client": "other"}, "controlEpoch": 7, "you": false})
}

#[test]
fn who_drives_and_what_waits_is_told_after_the_connection_was_lost() {
    let mut stage = watching();
    stage.cut();
    let queue = json!([{"by": {"client": "other"}, "text": "hello"}]);
    stage.back(&attached(&json!({"control": control(), "queue": queue})));
    let mut told = control();
    told["sessionId"] = json!("s");
    assert_eq!(
        stage.given(),
        [
            json!({"jsonrpc": "2.0", "method": "_hostler/control", "params": told}),
            json!({"jsonrpc": "2.0", "method": "_hostler/queue",
                   "params": {"sessionId": "s", "queue": queue}}),
        ]
    );
}

#[test]
fn a_plain_client_is_not_told_who_drives() {
    let mut stage = Stage::open();
    stage.cut();
    stage.back(&attached(&json!({"control": control(), "queue": []})));
    assert!(stage.given().is_empty());
}

fn terminal(more: &Value) -> Value {
    let mut params = json!({"sessionId": "s", "terminalId": "t"});
    for (name, value) in more.as_object().unwrap() {
        params[name] = value.clone();
    }
    params
}

/// Views a terminal that it has opened.
fn typing() -> Stage {
    let mut stage = watching();
    let params = json!({"sessionId": "s"});
    stage.client(&request(2, "_hostler/terminal/open", &params));
    let open = stage.sent();
    stage.answer(&open, &json!({"terminalId": "t"}));
    stage
}

fn shows(stage: &mut Stage, method: &str, more: &Value) {
    let method = format!("_hostler/terminal/{method}");
    stage.host(&json!({"jsonrpc": "2.0", "method": method, "params": terminal(more)}));
}

#[test]
fn a_terminal_goes_on_where_the_client_was() {
    let mut stage = typing();
    shows(&mut stage, "screen", &json!({"offset": 3, "data": "YWJj"}));
    stage.cut();
    stage.back(&attached(&json!({})));
    let attach = stage.sent();
    assert_eq!(attach["method"], "_hostler/terminal/attach");
    assert_eq!(attach["params"], terminal(&json!({"after": 3})));
    stage.given();
    stage.answer(&attach, &json!({}));
    assert!(stage.given().is_empty(), "the client did not ask");
    shows(&mut stage, "output", &json!({"offset": 3, "data": "YWI="}));
    stage.cut();
    stage.back(&attached(&json!({})));
    assert_eq!(stage.sent()["params"], terminal(&json!({"after": 5})));
}

#[test]
fn a_terminal_that_ended_with_its_host_has_exited() {
    let mut stage = typing();
    stage.cut();
    stage.back(&attached(&json!({})));
    let attach = stage.sent();
    assert_eq!(attach["params"], terminal(&json!({})), "a screen");
    stage.given();
    let error = json!({"code": -32002, "message": "", "data": {"code": "UNKNOWN_TERMINAL"}});
    stage.host(&json!({"jsonrpc": "2.0", "id": attach["id"], "error": error}));
    assert_eq!(
        stage.given(),
        [
            json!({"jsonrpc": "2.0", "method": "_hostler/terminal/exited",
                "params": terminal(&json!({}))})
        ]
    );
}

#[test]
fn a_terminal_that_the_client_has_left_or_that_has_exited_is_left_alone() {
    let mut stage = typing();
    stage.client(&request(
        3,
        "_hostler/terminal/detach",
        &terminal(&json!({})),
    ));
    let detach = stage.sent();
    stage.answer(&detach, &json!({}));
    stage.cut();
    stage.back(&attached(&json!({})));
    assert!(stage.nothing_sent());
    let mut stage = typing();
    shows(&mut stage, "exited", &json!({"code": 0}));
    stage.cut();
    stage.back(&attached(&json!({})));
    assert!(stage.nothing_sent());
}
