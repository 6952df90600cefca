//! Somebody logs in to an agent over the wire.

use std::sync::Arc;

use hostler_auth::Scope;
use hostler_runtime::{AuthMethod, Choices, Readiness, Status};
use hostler_session::{BoxFuture, Look, Probe};
use serde_json::{Value, json};

use crate::stage::{Peer, Server};

/// An agent with two ways to log in that nobody has used.
#[derive(Debug)]
struct LoggedOut;

impl Probe for LoggedOut {
    fn look(&self) -> BoxFuture<'_, Look> {
        let method = |id: &str| AuthMethod {
            id: id.into(),
            name: format!("By {id}"),
            description: String::new(),
        };
        let choices = Choices {
            local: true,
            tiers: vec![],
            modes: vec![],
            auth_methods: ["key", "page", "hang"].map(method).into(),
            prompt: None,
        };
        Box::pin(async move {
            Look {
                title: Some("Echo".into()),
                prompt: None,
                status: Ok(Status {
                    readiness: Readiness::NotLoggedIn,
                    version: None,
                    detail: "nobody is logged in".into(),
                    fix: None,
                }),
                choices: Some(choices),
            }
        })
    }
}

/// A client that shows addresses, perhaps, and what it was told.
async fn client(server: &Server, shows: bool) -> (Peer, Value) {
    server.agents.begin("echo", Arc::new(LoggedOut));
    server.agents.refresh().await;
    let scopes = [Scope::View, Scope::Drive, Scope::Shell];
    let mut peer = server.connect(&server.token_for("me", &scopes)).await;
    let elicitation = if shows {
        json!({ "url": {} })
    } else {
        json!({})
    };
    let hello = json!({
        "protocolVersion": 1, "clientCapabilities": { "elicitation": elicitation },
    });
    let told = peer.result("initialize", hello).await;
    (peer, told)
}

#[tokio::test]
async fn who_may_have_a_shell_is_offered_ways_to_log_in_and_logs_in() {
    let server = Server::start().await;
    let (mut peer, told) = client(&server, false).await;
    assert_eq!(
        told["authMethods"][0],
        json!({ "id": "key", "name": "By key" })
    );
    let key = |key: &str| json!({ "methodId": "key", "_meta": { "key": key } });
    assert_eq!(peer.result("authenticate", key("right")).await, json!({}));
    let error = peer.error("authenticate", key("wrong")).await;
    assert_eq!(error["data"]["code"], "AUTH_REQUIRED");
    let error = peer.error("authenticate", json!({ "methodId": "x" })).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("key, page"), "{message}");
    let sessions = peer.result("session/list", json!({})).await;
    assert_eq!(sessions["sessions"], json!([]));

    // Neither a token for sessions nor one that only looks on may.
    let mut peer = server.connect(&server.token).await;
    let told = peer.initialize().await;
    assert_eq!(told["authMethods"], json!([]));
    let error = peer.error("authenticate", key("right")).await;
    assert_eq!(error["data"]["code"], "FORBIDDEN");
}

#[tokio::test]
async fn what_has_to_be_opened_is_shown_by_a_client_that_can() {
    let server = Server::start().await;
    let (mut peer, _) = client(&server, true).await;
    for (action, logged_in) in [("accept", true), ("decline", false)] {
        let id = peer
            .begin("authenticate", json!({ "methodId": "page" }))
            .await;
        let asked = peer.next().await;
        assert_eq!(asked["method"], "elicitation/create");
        assert_eq!(
            asked["params"],
            json!({ "mode": "url", "elicitationId": "e1", "requestId": id,
                    "url": "https://example.com/log-in", "message": "Log in there" })
        );
        let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "action": action } });
        peer.text(&answer.to_string()).await;
        let answer = peer.answer(id).await;
        assert_eq!(answer.get("result").is_some(), logged_in, "{answer}");
        let told = peer.early.pop().unwrap();
        assert_eq!(told["method"], "elicitation/complete");
        assert_eq!(told["params"]["elicitationId"], "e1");
    }
}

#[tokio::test]
async fn a_client_that_cannot_show_it_is_told_what_can() {
    let server = Server::start().await;
    let (mut peer, _) = client(&server, false).await;
    peer.error("authenticate", json!({ "methodId": "page" }))
        .await;
    assert!(peer.early.is_empty(), "{:?}", peer.early);
}

#[tokio::test]
async fn a_login_is_cancelled_and_ends_with_its_connection() {
    let server = Server::start().await;
    let (mut peer, _) = client(&server, true).await;
    let hang = json!({ "methodId": "hang" });
    let id = peer.begin("authenticate", hang.clone()).await;
    let second = peer.error("authenticate", hang.clone()).await;
    assert_eq!(second["data"]["code"], "TOO_MANY");
    peer.notify("$/cancel_request", json!({ "requestId": id }))
        .await;
    let answer = peer.answer(id).await;
    assert_eq!(answer["error"]["data"]["code"], "CANCELLED");

    // One that asks for a page that nobody opens takes the question back.
    let id = peer
        .begin("authenticate", json!({ "methodId": "page" }))
        .await;
    let asked = peer.next().await;
    peer.notify("$/cancel_request", json!({ "requestId": id }))
        .await;
    peer.answer(id).await;
    let told = peer.early.pop().unwrap();
    assert_eq!(told["method"], "$/cancel_request");
    assert_eq!(told["params"]["requestId"], asked["id"]);

    peer.begin("authenticate", hang.clone()).await;
    // It has begun when the next request is answered.
    peer.result("session/list", json!({})).await;
    drop(peer);
    let (mut next, _) = client(&server, true).await;
    loop {
        let id = next.begin("authenticate", hang.clone()).await;
        next.notify("$/cancel_request", json!({ "requestId": id }))
            .await;
        let answer = next.answer(id).await;
        match answer["error"]["data"]["code"].as_str() {
            Some("TOO_MANY") => tokio::task::yield_now().await,
            code => break assert_eq!(code, Some("CANCELLED")),
        }
    }
}
