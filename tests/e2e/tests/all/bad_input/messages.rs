//! Messages that make no sense.

use hostler_e2e::Peer;
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{Scene, is_fault};
use crate::scripted::NEEDS;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "an_unknown_method_is_named_in_the_error",
            NEEDS,
            unknown_method,
        ),
        trial("bad_params_are_told_what_is_wrong", NEEDS, bad_params),
        trial("text_that_is_not_json_is_answered", NEEDS, bad_json),
        trial("a_batch_is_refused_as_a_whole", NEEDS, batch),
        trial("a_binary_frame_is_ignored", NEEDS, binary_frame),
        trial(
            "an_oversized_message_ends_its_connection_and_no_session",
            NEEDS,
            oversized,
        ),
    ]
}

async fn unknown_method() {
    let mut scene = Scene::start().await;
    for method in ["session/explode", "_vendor/thing"] {
        let fault = (-32601, "UNKNOWN_METHOD", method);
        scene.refused(method, &json!({}), fault).await;
    }
    scene.goes_on().await;
}

async fn bad_params() {
    let mut scene = Scene::start().await;
    let session = scene.session.clone();
    let prompt = |blocks: Value| json!({ "sessionId": session, "prompt": blocks });
    for (method, params, sentence) in [
        ("session/new", json!([]), "must be an object"),
        ("session/new", json!({ "mcpServers": [] }), "`cwd`"),
        ("session/new", json!({ "cwd": 5 }), "invalid type"),
        ("session/prompt", json!({ "prompt": [] }), "`sessionId`"),
        ("session/prompt", prompt(json!([])), "at least one"),
        ("session/prompt", prompt(json!("hi")), "array of content"),
    ] {
        let fault = (-32602, "BAD_PARAMS", sentence);
        scene.refused(method, &params, fault).await;
    }
    scene.goes_on().await;
}

async fn bad_json() {
    let mut scene = Scene::start().await;
    for (text, fault) in [
        ("{\"jsonrpc\":", (-32700, "PARSE_ERROR", "JSON")),
        ("hello", (-32700, "PARSE_ERROR", "JSON")),
        ("{\"id\":1}", (-32600, "INVALID_MESSAGE", "jsonrpc")),
    ] {
        scene.peer.text(text).await;
        let answer = scene.peer.next().await;
        is_fault(&answer, fault);
    }
    scene.goes_on().await;
}

async fn batch() {
    let mut scene = Scene::start().await;
    let close = json!({ "sessionId": scene.session });
    let request = json!({ "jsonrpc": "2.0", "id": 7, "method": "session/close", "params": close });
    scene.peer.text(&json!([request]).to_string()).await;
    let answer = scene.peer.next().await;
    assert_eq!(answer["id"], Value::Null, "one answer, to none of them");
    is_fault(&answer, (-32600, "BATCH_UNSUPPORTED", "batch"));
    // Nothing of it was done, or this session would be closed.
    scene.goes_on().await;
}

async fn binary_frame() {
    let mut scene = Scene::start().await;
    let close = json!({ "sessionId": scene.session });
    let request = json!({ "jsonrpc": "2.0", "id": 7, "method": "session/close", "params": close });
    scene.peer.binary(request.to_string().as_bytes()).await;
    scene.peer.binary(&[0xff; 3]).await;
    let list = scene.peer.ask("session/list", &json!({})).await;
    assert_eq!(list["result"]["sessions"].as_array().unwrap().len(), 2);
    assert!(!scene.peer.early.iter().any(|message| message["id"] == 7));
    scene.goes_on().await;
}

async fn oversized() {
    let mut scene = Scene::start().await;
    let close = scene
        .peer
        .text_until_closed(&"x".repeat(16 * 1024 * 1024 + 1))
        .await;
    assert_eq!(u16::from(close.code), 1009);
    assert!(close.reason.contains("at most 16 MiB"), "{}", close.reason);
    scene.peer = Peer::start(&scene.host).await;
    let params = json!({ "sessionId": scene.session, "cwd": scene.host.work(), "mcpServers": [] });
    let loaded = scene.peer.ask("session/load", &params).await;
    assert!(loaded.get("result").is_some(), "{loaded}");
    scene.goes_on().await;
}
