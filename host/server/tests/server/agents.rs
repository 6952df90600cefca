//! Which agents there are, and what a session stays with.

use std::sync::Arc;

use hostler_auth::{Principal, Scope};
use hostler_server::AgentEndpoints;
use hostler_session::Endpoints;
use serde_json::{Value, json};

use crate::stage::{Peer, Server, prompt};

/// A connection that asked for the extension.
async fn positioned(server: &Server) -> Peer {
    let mut peer = server.connect(&server.token).await;
    let hello = json!({
        "protocolVersion": 1,
        "clientCapabilities": { "_meta": { "hostler": {} } },
    });
    let told = peer.result("initialize", hello).await;
    assert_eq!(
        told["agentCapabilities"]["_meta"]["hostler"]["agents"],
        true
    );
    peer
}

async fn get(server: &Server, token: &str, path: &str) -> (u16, Value) {
    let url = format!("http://{}{path}", server.addr);
    let answer = reqwest::Client::new().get(url).bearer_auth(token);
    let answer = answer.send().await.unwrap();
    let status = answer.status().as_u16();
    (
        status,
        serde_json::from_str(&answer.text().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn who_asked_for_the_extension_is_told_when_an_agent_changes_and_nobody_else() {
    let server = Server::start().await;
    let mut peer = positioned(&server).await;
    let mut plain = server.peer().await;

    let listed = peer.result("_hostler/agents", json!({})).await;
    assert_eq!(listed["agents"][0]["id"], "echo");
    assert_eq!(listed["agents"][0]["state"], "loading");
    server.agents.unusable("echo", "it is no component");
    let told = peer.next().await;
    assert_eq!(told["method"], "_hostler/agents");
    assert_eq!(told["params"]["agents"][0]["state"], "unusable");
    let refreshed = json!({ "refresh": true });
    let listed = peer.result("_hostler/agents", refreshed).await;
    assert_eq!(listed, told["params"]);

    let error = plain.error("_hostler/agents", json!({})).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_METHOD");
    plain.result("session/list", json!({})).await;
    assert!(plain.early.is_empty(), "{:?}", plain.early);
}

#[tokio::test]
async fn rest_tells_the_same_to_whoever_may_see_sessions() {
    let server = Server::start().await;
    server.agents.unusable("echo", "it is no component");
    for path in ["/v1/agents", "/v1/agents?refresh=true"] {
        let (status, body) = get(&server, &server.viewer, path).await;
        assert_eq!((status, &body["default"]), (200, &json!("echo")));
        let agent = &body["agents"][0];
        assert_eq!(agent["detail"], "it is no component");
        assert_eq!(
            (&agent["ready"], &agent["tiers"]),
            (&json!(false), &json!([]))
        );
    }
    let (status, body) = get(&server, &server.viewer, "/v1/agents?fresh=1").await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &json!("BAD_PARAMS"))
    );
    let agents = server.token_for("me", &[Scope::Lease]);
    assert_eq!(get(&server, &agents, "/v1/agents").await.0, 403);
}

#[tokio::test]
async fn a_session_stays_with_the_harness_and_the_devices_that_it_began_with() {
    let server = Server::start().await;
    let mut peer = positioned(&server).await;
    let new = json!({
        "cwd": server.project(), "mcpServers": [],
        "_meta": { "hostler": { "harness": "echo", "devices": [] } },
    });
    let session = peer.result("session/new", new).await["sessionId"].clone();
    let session = session.as_str().unwrap();
    peer.result("session/prompt", prompt(session, "hello"))
        .await;
    let back = |meta: Value| {
        json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [],
                "_meta": { "hostler": meta } })
    };
    for stored in [false, true] {
        if stored {
            peer.result("session/close", json!({ "sessionId": session }))
                .await;
        }
        for method in ["session/load", "session/resume", "_hostler/session/attach"] {
            for wish in [
                json!({ "harness": "other" }),
                json!({ "devices": ["phone"] }),
            ] {
                let error = peer.error(method, back(wish)).await;
                assert_eq!(error["data"]["code"], "SESSION_LOCKED", "{method}");
                let message = error["message"].as_str().unwrap();
                assert!(message.contains("Begin another session"), "{message}");
            }
        }
    }
    let same = json!({ "harness": "echo", "devices": [] });
    let attached = peer.result("_hostler/session/attach", back(same)).await;
    assert_eq!(attached["devices"], json!([]));
    let list = peer.result("session/list", json!({})).await;
    assert_eq!(
        list["sessions"][0]["_meta"]["hostler"]["devices"],
        json!([])
    );
}

#[tokio::test]
async fn devices_that_cannot_be_named_are_refused_before_a_session_begins() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let devices = json!({ "hostler": { "devices": ["phone"] } });
    let new = json!({ "cwd": server.project(), "mcpServers": [], "_meta": devices });
    let error = peer.error("session/new", new).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS");
    assert!(error["message"].as_str().unwrap().contains("lends none"));

    let (devices, _played) = hostler_test_devices::devices(&Arc::default(), 1);
    let server = Server::start_lending(devices).await;
    let mut peer = server.peer().await;
    let devices = json!({ "hostler": { "devices": ["a\u{7}b"] } });
    let new = json!({ "cwd": server.project(), "mcpServers": [], "_meta": devices });
    let error = peer.error("session/new", new).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS");
    assert_eq!(
        peer.result("session/list", json!({})).await["sessions"],
        json!([])
    );
}

#[tokio::test]
async fn the_agent_of_a_session_leases_its_pinned_devices_and_no_others() {
    let (devices, _played) = hostler_test_devices::devices(&Arc::default(), 1);
    let server = Server::start_lending(devices.clone()).await;
    let base = format!("http://{}", server.addr);
    let (_, all) = get(&server, &server.viewer, "/v1/devices").await;
    let keys: Vec<_> = all["devices"].as_array().unwrap().iter().collect();
    let key = |at: usize| keys[at]["key"].as_str().unwrap().to_owned();
    assert!(keys.len() > 1, "{all}");
    let endpoints = AgentEndpoints::new(server.access.tokens().clone(), devices, &base);
    let me = Principal::new("me");
    assert!(endpoints.open(&me, "s0", Some(&[])).await.is_none());
    let _endpoint = endpoints.open(&me, "s1", Some(&[key(1)])).await.unwrap();
    // Another token of the same agent.
    let token = server.token_for("me/session:s1", &[Scope::Lease]);
    let ask = async |device: String| {
        let request = reqwest::Client::new().post(format!("{base}/v1/leases"));
        let request = request.bearer_auth(&token);
        let body = json!({ "devices": [device] }).to_string();
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    let (_, refused) = ask(key(0)).await;
    assert_eq!(refused["error"]["code"], "DEVICE_NOT_PINNED", "{refused}");
    let (status, granted) = ask(key(1)).await;
    assert_eq!(status, 201, "{granted}");
}
