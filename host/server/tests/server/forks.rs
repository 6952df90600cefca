//! Sessions are copied over the wire.

use hostler_auth::Scope;
use serde_json::{Value, json};

use crate::stage::{Server, prompt};

fn fork(server: &Server, session: &str, meta: Value) -> Value {
    json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [], "_meta": meta })
}

/// What a client is told of a session that it loads.
async fn history(server: &Server, session: &str) -> Vec<String> {
    let mut peer = server.peer().await;
    let load = fork(server, session, Value::Null);
    peer.result("session/load", load).await;
    let updates = peer.early.iter().map(|frame| &frame["params"]["update"]);
    let texts = updates.filter_map(|update| update["content"]["text"].as_str());
    texts.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_fork_is_a_session_of_its_own_with_the_history_so_far() {
    let server = Server::start().await;
    let mut peer = server.connect(&server.token).await;
    let hello = peer
        .result("initialize", json!({ "protocolVersion": 1 }))
        .await;
    let capabilities = &hello["agentCapabilities"]["sessionCapabilities"];
    assert_eq!(capabilities["fork"], json!({}));
    let session = peer.session(&server.project()).await;
    peer.result("session/prompt", prompt(&session, "one")).await;
    for stored in [false, true] {
        if stored {
            peer.result("session/close", json!({ "sessionId": session }))
                .await;
        }
        peer.early.clear();
        let result = peer
            .result("session/fork", fork(&server, &session, Value::Null))
            .await;
        let copy = result["sessionId"].as_str().unwrap();
        assert_ne!(copy, session);
        assert_eq!(result["configOptions"], json!([]));
        peer.result("session/prompt", prompt(copy, "two")).await;
        let told = serde_json::to_string(&peer.early).unwrap();
        assert!(!told.contains("\"one\""), "{told}");
        let texts = history(&server, copy).await;
        assert_eq!(texts.iter().filter(|text| *text == "one").count(), 2);
        assert!(texts.ends_with(&["two".into(), "two".into()]), "{texts:?}");
        let texts = history(&server, &session).await;
        assert!(!texts.contains(&"two".to_owned()), "{texts:?}");
    }
}

#[tokio::test]
async fn a_fork_stays_with_the_harness_the_folder_and_the_devices_of_its_original() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let devices = json!({ "hostler": { "devices": [] } });
    let new = json!({ "cwd": server.project(), "mcpServers": [], "_meta": devices });
    let session = peer.result("session/new", new).await["sessionId"].clone();
    let session = session.as_str().unwrap();
    for wish in [json!({ "harness": "locked" }), json!({ "devices": ["a"] })] {
        let asked = fork(&server, session, json!({ "hostler": wish }));
        let error = peer.error("session/fork", asked).await;
        assert_eq!(error["data"]["code"], "SESSION_LOCKED");
    }
    let mut elsewhere = fork(&server, session, Value::Null);
    elsewhere["cwd"] = server.dir.path().to_str().unwrap().into();
    let error = peer.error("session/fork", elsewhere).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS");
    let asked = fork(&server, session, Value::Null);
    peer.result("session/fork", asked).await;
    let list = peer.result("session/list", json!({})).await;
    for session in list["sessions"].as_array().unwrap() {
        assert_eq!(session["_meta"]["hostler"]["devices"], json!([]));
    }
}

#[tokio::test]
async fn who_may_only_view_forks_nothing() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = peer.session(&server.project()).await;
    let asked = fork(&server, &session, Value::Null);
    let mut viewer = server.peer_with(&server.viewer).await;
    let error = viewer.error("session/fork", asked.clone()).await;
    assert_eq!(error["data"]["code"], "FORBIDDEN");
    let mut stranger = server.peer_with(&server.stranger).await;
    let error = stranger.error("session/fork", asked).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_SESSION");
    let lease = server.token_for("me", &[Scope::View, Scope::Lease]);
    let mut peer = server.peer_with(&lease).await;
    let unknown = fork(&server, "none", Value::Null);
    let error = peer.error("session/fork", unknown).await;
    assert_eq!(error["data"]["code"], "FORBIDDEN");
}
