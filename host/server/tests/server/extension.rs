//! The extension of ACP over a real socket: `docs/extension.md`.

mod attach;
mod control;
mod sharing;

use hostler_session::{ControlMode, SessionConfig};
use serde_json::{Value, json};

use crate::stage::{Peer, Server};

/// A connection that asked for the extension.
async fn positioned(server: &Server, token: &str, extension: Value) -> Peer {
    let mut peer = server.connect(token).await;
    peer.result("initialize", hello(extension)).await;
    peer
}

async fn me(server: &Server) -> Peer {
    positioned(server, &server.token, json!({})).await
}

fn hello(extension: Value) -> Value {
    json!({
        "protocolVersion": 1,
        "clientInfo": { "name": "test", "version": "1" },
        "clientCapabilities": { "_meta": { "hostler": extension } },
    })
}

fn named(session: &str) -> Value {
    json!({ "sessionId": session })
}

fn after(session: &str, at: &Value) -> Value {
    json!({ "sessionId": session, "after": at })
}

/// Where a frame stands.
fn place(frame: &Value) -> Option<Value> {
    frame["params"]["_meta"].get("hostler").cloned()
}

/// The frames of the history among those that came early.
fn history(peer: &mut Peer) -> Vec<Value> {
    let frames = std::mem::take(&mut peer.early).into_iter();
    frames.filter(|frame| place(frame).is_some()).collect()
}

/// Everything that was sent so far is in `early`.
async fn catch_up(peer: &mut Peer) {
    peer.result("session/list", json!({})).await;
}

async fn new_session(server: &Server, peer: &mut Peer) -> String {
    let new = json!({ "cwd": server.project(), "mcpServers": [] });
    let result = peer.result("session/new", new).await;
    result["sessionId"].as_str().unwrap().to_owned()
}

fn lease() -> SessionConfig {
    SessionConfig {
        control: ControlMode::Lease,
        ..SessionConfig::default()
    }
}

async fn initialized(server: &Server, extension: Value) -> Value {
    let mut peer = server.connect(&server.token).await;
    peer.ask("initialize", hello(extension)).await
}

#[tokio::test]
async fn the_answer_to_initialize_says_what_there_is() {
    let server = Server::start_with(lease()).await;
    for extension in [json!({}), json!({ "client": "9f0c-A.b_1" }), Value::Null] {
        let answer = initialized(&server, extension).await;
        let told = &answer["result"]["agentCapabilities"]["_meta"]["hostler"];
        assert_eq!(told["attach"], true);
        assert_eq!(told["control"], "lease");
        assert_eq!(answer["result"]["_meta"]["hostler"]["harness"], "echo");
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_and_the_connection_lives_on() {
    let server = Server::start().await;
    let long = "x".repeat(65);
    for bad in [
        json!({ "client": "" }),
        json!({ "client": long }),
        json!({ "client": "a b" }),
        json!({ "client": "é" }),
        json!({ "client": "a\u{1b}[2J" }),
        json!({ "client": 5 }),
        json!("positions"),
        json!([1]),
    ] {
        let mut peer = server.connect(&server.token).await;
        let error = peer.error("initialize", hello(bad.clone())).await;
        assert_eq!(error["data"]["code"], "BAD_PARAMS", "{bad}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("_meta.hostler"), "{message}");
        let again = hello(json!({ "client": "y".repeat(64) }));
        peer.result("initialize", again).await;
    }
}

#[tokio::test]
async fn for_a_plain_client_there_is_no_extension() {
    let server = Server::start().await;
    for extension in [Value::Null, json!(null)] {
        let mut peer = server.connect(&server.token).await;
        peer.result("initialize", hello(extension)).await;
        let session = new_session(&server, &mut peer).await;
        for method in [
            "_hostler/session/attach",
            "_hostler/session/detach",
            "_hostler/session/share",
            "_hostler/control/take",
            "_hostler/control/release",
            "_hostler/terminal/open",
            "_hostler/workspace/read",
            "_hostler/nonsense",
        ] {
            let error = peer.error(method, named(&session)).await;
            let code = (&error["code"], &error["data"]["code"]);
            assert_eq!(code, (&json!(-32601), &json!("UNKNOWN_METHOD")), "{method}");
        }
        let answer = peer.prompt(&session, "hi").await;
        assert_eq!(answer["result"], json!({ "stopReason": "end_turn" }));
        for frame in &peer.early {
            assert_eq!(frame["method"], "session/update", "{frame}");
            assert_eq!(place(frame), None, "{frame}");
        }
    }
}

#[tokio::test]
async fn an_unknown_method_of_the_extension_is_an_error() {
    let server = Server::start().await;
    let mut peer = me(&server).await;
    let error = peer.error("_hostler/nonsense", json!({})).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_METHOD");
}
