//! Somebody logs in to an agent over the wire.

use std::sync::Arc;

use hostler_auth::Scope;
use hostler_runtime::{AuthMethod, Choices, Readiness, Status};
use hostler_session::{BoxFuture, Look, Probe};
use hostler_store::AuditFilter;
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

/// The logins that were recorded, the first one first: who, which agent, what of it.
fn recorded(server: &Server) -> Vec<(String, String, Value)> {
    let all = server.access.recorded(&AuditFilter::default(), 1000, None);
    let all = all.unwrap().into_iter().rev().map(|it| it.record);
    let logins = all.filter(|it| it.action == "agent.login");
    logins
        .map(|it| {
            let detail = serde_json::from_str(&it.detail).unwrap();
            (it.principal, it.subject, detail)
        })
        .collect()
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

#[tokio::test]
async fn a_login_is_recorded_with_its_way_and_its_outcome_and_never_a_secret() {
    let server = Server::start().await;
    let (mut peer, _) = client(&server, true).await;
    let key = |key: &str| json!({ "methodId": "key", "_meta": { "key": key } });
    peer.result("authenticate", key("right")).await;
    peer.error("authenticate", key("wrong-sk-secret")).await;
    let id = peer
        .begin("authenticate", json!({ "methodId": "hang" }))
        .await;
    peer.notify("$/cancel_request", json!({ "requestId": id }))
        .await;
    peer.answer(id).await;
    // What began nothing is no login.
    peer.error("authenticate", json!({ "methodId": "sk-secret" }))
        .await;
    let of = |method: &str, outcome: &str| {
        let detail = json!({ "method": method, "outcome": outcome });
        ("me".to_owned(), "echo".to_owned(), detail)
    };
    let all = recorded(&server);
    assert_eq!(
        all,
        [
            of("key", "done"),
            of("key", "AUTH_REQUIRED"),
            of("hang", "CANCELLED")
        ]
    );
    assert!(!format!("{all:?}").contains("secret"));
}

#[tokio::test]
async fn of_an_agent_that_is_not_known_yet_no_words_of_a_client_are_recorded() {
    let server = Server::start().await;
    let token = server.token_for("me", &[Scope::View, Scope::Shell]);
    let mut peer = server.connect(&token).await;
    peer.initialize().await;
    let id = peer
        .begin("authenticate", json!({ "methodId": "sk-secret" }))
        .await;
    peer.notify("$/cancel_request", json!({ "requestId": id }))
        .await;
    peer.answer(id).await;
    let of_none = json!({ "methodId": "x", "_meta": { "hostler": { "harness": "sk-secret" } } });
    peer.error("authenticate", of_none).await;
    let detail = json!({ "method": null, "outcome": "CANCELLED" });
    assert_eq!(
        recorded(&server),
        [("me".to_owned(), "echo".to_owned(), detail)]
    );
}
