//! The agents of sessions, and the devices of their host.

use std::sync::Arc;

use hostler_auth::Scope;
use hostler_device::{Config, Devices, Unobserved};
use hostler_lease::Saved;
use hostler_test_devices::Kept;
use serde_json::{Value, json};

use crate::stage::{Given, Peer, Server};

async fn ask(server: &Server, token: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let url = format!("http://{}{path}", server.addr);
    let request = reqwest::Client::new().request(method.parse().unwrap(), url);
    let request = request.bearer_auth(token).body(body.to_owned());
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

async fn lease(server: &Server, token: &str) -> (u16, Value) {
    ask(
        server,
        token,
        "POST",
        "/v1/leases",
        r#"{"devices":["the-one"]}"#,
    )
    .await
}

async fn start() -> (Server, Devices) {
    let (devices, _) = hostler_test_devices::devices(&Arc::default(), 1);
    // Agents are told of devices that were listed.
    let server = Server::start_lending(devices.clone()).await;
    let ann = server.token_for("ann", &[Scope::Lease]);
    let (status, _) = ask(&server, &ann, "GET", "/v1/devices", "").await;
    assert_eq!(status, 200);
    (server, devices)
}

/// A session, and what its agent was given.
async fn session(server: &Server, peer: &mut Peer) -> (String, Given) {
    let session = peer.session(&server.project()).await;
    let given = server.given.all().pop().flatten();
    (session, given.expect("the agent was given an address"))
}

#[tokio::test]
async fn an_agent_has_a_token_of_its_own_that_leases_and_ends_with_its_session() {
    let (server, _) = start().await;
    let mut peer = server.peer().await;
    let (one, first) = session(&server, &mut peer).await;
    let (_, second) = session(&server, &mut peer).await;
    assert_eq!(first.url, format!("http://{}/mcp", server.addr));
    assert_ne!(first.token, second.token);

    let (status, granted) = lease(&server, &first.token).await;
    assert_eq!(status, 201, "{granted}");
    let (status, _) = lease(&server, &second.token).await;
    assert_eq!(status, 409);

    peer.result("session/delete", json!({ "sessionId": one }))
        .await;
    let (status, _) = ask(&server, &first.token, "GET", "/v1/devices", "").await;
    assert_eq!(status, 401);
    // What it held is free for the other, at once or after its end.
    let (status, granted) = lease(&server, &second.token).await;
    assert_eq!(status, 201, "{granted}");
}

#[tokio::test]
async fn with_its_token_an_agent_neither_sees_nor_drives_sessions() {
    let (server, _) = start().await;
    let mut peer = server.peer().await;
    let (session, given) = session(&server, &mut peer).await;
    let grant = server.access.tokens().verify(&given.token).unwrap();
    for scope in Scope::ALL {
        let has = grant.identity.scopes.contains(scope);
        assert_eq!(has, scope == Scope::Lease, "{scope}");
    }
    let one = format!("/v1/sessions/{session}");
    for path in ["/v1/sessions", &one, "/v1/tokens", "/v1/audit"] {
        let (status, body) = ask(&server, &given.token, "GET", path, "").await;
        assert!(matches!(status, 403 | 404), "{path}: {status} {body}");
        assert!(!body.to_string().contains("echo"), "{path}: {body}");
    }

    // A question stays with those who may answer it.
    peer.begin_prompt(&session, "ask").await;
    let Ok(mut agent) = Peer::connect(server.addr, &given.token, "").await else {
        return;
    };
    agent.initialize().await;
    for method in [
        "session/load",
        "session/resume",
        "session/prompt",
        "session/close",
    ] {
        let params = json!({
            "sessionId": session, "cwd": server.project(), "mcpServers": [],
            "prompt": [{ "type": "text", "text": "hello" }],
        });
        let error = agent.error(method, params).await;
        assert!(error["code"].is_i64(), "{method}: {error}");
    }
    let params = json!({ "cwd": server.project(), "mcpServers": [] });
    agent.error("session/new", params).await;
}

#[tokio::test]
async fn where_no_provider_lists_devices_an_agent_is_given_nothing() {
    let devices = Devices::start(
        Config::new("easy"),
        Saved::new(1_700_000_000),
        1,
        Arc::new(Kept::default()),
        Arc::new(Unobserved),
    );
    devices.provider_failed("play", "it is damaged");
    let server = Server::start_lending(devices).await;
    let mut peer = server.peer().await;
    peer.session(&server.project()).await;
    let given = server.given.all();
    assert!(matches!(given[..], [None]), "{given:?}");
}

#[tokio::test]
async fn a_later_agent_of_a_session_keeps_what_the_session_holds() {
    use hostler_auth::Principal;
    use hostler_session::Endpoints as _;

    let (server, _) = start().await;
    let ann = Principal::new("ann");
    let first = server.given.open(&ann, "s", None).await.unwrap();
    let second = server.given.open(&ann, "s", None).await.unwrap();
    let given = server.given.all().pop().flatten().unwrap();
    assert_eq!(lease(&server, &given.token).await.0, 201);
    drop(first);
    let (_, leases) = ask(&server, &given.token, "GET", "/v1/leases", "").await;
    assert_eq!(leases["leases"].as_array().unwrap().len(), 1, "{leases}");
    drop(second);
    assert_eq!(
        ask(&server, &given.token, "GET", "/v1/leases", "").await.0,
        401
    );
}
