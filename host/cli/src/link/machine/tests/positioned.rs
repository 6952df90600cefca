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
