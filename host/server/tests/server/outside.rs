//! Conversations that were begun outside of the host, over the wire.

use hostler_auth::Scope;
use serde_json::{Value, json};

use crate::stage::{Peer, Server, prompt, said};

const ID: &str = "0198c9a1-7d0e-4f3a-8b1c-0a2b3c4d5e6f";
const OTHER: &str = "0198c9a1-7d0e-4f3a-8b1c-0a2b3c4d5e70";

/// An agent with one conversation, and the token of somebody who may adopt it.
async fn start() -> (Server, String) {
    let server = Server::start().await;
    let cwd = std::fs::canonicalize(server.project()).unwrap();
    server.store.add(ID, cwd.to_str().unwrap());
    let token = server.token_for("me", &[Scope::View, Scope::Drive, Scope::Shell]);
    (server, token)
}

fn load(server: &Server) -> Value {
    json!({ "sessionId": ID, "cwd": server.project(), "mcpServers": [] })
}

fn ids(list: &Value) -> Vec<&str> {
    let sessions = list["sessions"].as_array().unwrap().iter();
    sessions
        .map(|it| it["sessionId"].as_str().unwrap())
        .collect()
}

/// The answer to a request, which may have come before others that were waited for.
async fn answered(peer: &mut Peer, id: u64) -> Value {
    let is_it = |frame: &Value| frame["id"] == id && frame.get("method").is_none();
    match peer.early.iter().position(is_it) {
        Some(at) => peer.early.remove(at),
        None => peer.answer(id).await,
    }
}

/// The texts and the answers in the order in which they came.
fn told(early: &[Value]) -> Vec<String> {
    let told = early.iter().filter_map(|frame| {
        if frame.get("method").is_none() {
            return Some(format!("answer {}", frame["id"]));
        }
        let text = frame["params"]["update"]["content"]["text"].as_str();
        text.map(str::to_owned)
    });
    told.collect()
}

#[tokio::test]
async fn connections_share_one_look_and_rights_are_of_each() {
    let (server, token) = start().await;
    let mut peers = Vec::new();
    for _ in 0..4 {
        peers.push(server.peer_with(&token).await);
    }
    // Neither may open terminals.
    let mut plain = server.peer().await;
    let mut viewer = server.peer_with(&server.viewer).await;
    server.store.answer(false);
    let mut asked = Vec::new();
    for peer in &mut peers {
        for _ in 0..4 {
            asked.push(peer.begin("session/list", json!({})).await);
        }
    }
    server.store.was_read(1).await;
    server.store.answer(true);
    for (number, id) in asked.into_iter().enumerate() {
        let answer = answered(&mut peers[number / 4], id).await;
        assert_eq!(ids(&answer["result"]), [ID]);
    }
    assert_eq!(server.store.reads(), 1);
    for peer in [&mut plain, &mut viewer] {
        let list = peer.result("session/list", json!({})).await;
        assert_eq!(list, json!({ "sessions": [] }));
    }
}

#[tokio::test]
async fn a_list_says_whom_it_has_left_out_and_does_not_wait_for_who_loads() {
    let (server, token) = start().await;
    let mut peer = server.peer_with(&token).await;
    let session = peer.session(&server.project()).await;
    server.store.load(true);
    server.store.answer(false);
    let list = peer.result("session/list", json!({})).await;
    assert_eq!(ids(&list), [session.as_str()]);
    assert_eq!(list["_meta"]["hostler"]["leftOut"], json!(["echo"]));
    assert_eq!(server.store.reads(), 0);
    let alone = json!({ "_meta": { "hostler": { "outside": true } } });
    let id = peer.begin("session/list", alone).await;
    server.store.was_read(1).await;
    server.store.load(false);
    server.store.answer(true);
    let list = peer.answer(id).await["result"].take();
    assert_eq!(ids(&list), [ID]);
    assert!(list.get("_meta").is_none(), "{list}");
    // Who may not adopt is told nothing.
    server.store.load(true);
    let list = server.peer().await.result("session/list", json!({})).await;
    assert_eq!(list["_meta"], Value::Null);
}

#[tokio::test]
async fn while_one_is_adopted_its_connection_goes_on_with_others() {
    let (server, token) = start().await;
    let mut peer = server.peer_with(&token).await;
    server.store.answer(false);
    let load = peer.begin("session/load", load(&server)).await;
    let session = peer.session(&server.project()).await;
    let answer = peer.prompt(&session, "hello").await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
    let own = json!({ "_meta": { "hostler": { "outside": false } } });
    let list = peer.result("session/list", own).await;
    assert_eq!(ids(&list), [session.as_str()]);
    assert_eq!(told(&peer.early), ["hello"]);
    server.store.answer(true);
    let answer = peer.answer(load).await;
    assert!(answer.get("result").is_some(), "{answer}");
    assert_eq!(told(&peer.early), ["hello", "before"]);
}

#[tokio::test]
async fn what_comes_for_one_that_is_adopted_waits_and_keeps_its_order() {
    let (server, token) = start().await;
    let mut peer = server.peer_with(&token).await;
    server.store.answer(false);
    let load = peer.begin("session/load", load(&server)).await;
    let one = peer.begin("session/prompt", prompt(ID, "one")).await;
    let two = peer.begin("session/prompt", prompt(ID, "two")).await;
    let mode = json!({ "sessionId": ID, "modeId": "x" });
    let mode = peer.begin("session/set_mode", mode).await;
    // It is taken when this is answered.
    peer.result(
        "session/list",
        json!({ "_meta": { "hostler": { "outside": false } } }),
    )
    .await;
    assert!(peer.early.is_empty());
    server.store.answer(true);
    peer.answer(two).await;
    let came = told(&peer.early);
    let place = |what: &str| came.iter().position(|it| it == what).unwrap();
    assert_eq!(came[0], "before");
    assert_eq!(came[1], format!("answer {load}"));
    assert!(place("one") < place(&format!("answer {one}")));
    assert!(place(&format!("answer {one}")) < place("two"));
    if !came.contains(&format!("answer {mode}")) {
        peer.answer(mode).await;
    }
}

#[tokio::test]
async fn a_flood_for_one_that_is_adopted_is_bounded_and_all_of_it_is_answered() {
    let (server, token) = start().await;
    let mut peer = server.peer_with(&token).await;
    server.store.answer(false);
    let mut asked = vec![peer.begin("session/load", load(&server)).await];
    for _ in 0..300 {
        asked.push(peer.begin("session/resume", load(&server)).await);
    }
    server.store.was_read(1).await;
    server.store.answer(true);
    let mut answered = Vec::new();
    while answered.len() < asked.len() {
        let message = peer.next().await;
        if message.get("method").is_none() {
            assert!(message.get("result").is_some(), "{message}");
            answered.push(message["id"].as_u64().unwrap());
        }
    }
    assert_eq!(answered, asked);
}

#[tokio::test]
async fn an_adoption_and_what_waits_for_it_can_be_cancelled() {
    let (server, token) = start().await;
    let mut peer = server.peer_with(&token).await;
    server.store.answer(false);
    let code = |answer: &Value| answer["error"]["data"]["code"].clone();
    let cancel = async |peer: &mut Peer, id: u64| {
        peer.notify("$/cancel_request", json!({ "requestId": id }))
            .await;
    };

    let loading = peer.begin("session/load", load(&server)).await;
    let prompted = peer.begin("session/prompt", prompt(ID, "one")).await;
    cancel(&mut peer, prompted).await;
    server.store.answer(true);
    assert!(peer.answer(loading).await.get("result").is_some());
    assert_eq!(code(&answered(&mut peer, prompted).await), "CANCELLED");
    assert_eq!(told(&peer.early), ["before"]);

    let other = json!({ "sessionId": OTHER, "cwd": server.project(), "mcpServers": [] });
    server.store.add(OTHER, &server.project());
    server.store.answer(false);
    let loading = peer.begin("session/load", other.clone()).await;
    let prompted = peer.begin("session/prompt", prompt(OTHER, "two")).await;
    cancel(&mut peer, loading).await;
    assert_eq!(code(&peer.answer(loading).await), "CANCELLED");
    // It goes its way without the session.
    assert_eq!(
        code(&answered(&mut peer, prompted).await),
        "UNKNOWN_SESSION"
    );
    server.store.answer(true);
    peer.result("session/load", other).await;
}

#[tokio::test]
async fn a_connection_that_ends_while_it_adopts_leaves_no_viewer() {
    let (server, token) = start().await;
    let mut peer = server.peer_with(&token).await;
    server.store.answer(false);
    peer.begin("session/load", load(&server)).await;
    peer.begin("session/prompt", prompt(ID, "one")).await;
    server.store.was_read(1).await;
    drop(peer);
    while server.clients.count() > 0 {
        tokio::task::yield_now().await;
    }
    server.store.answer(true);
    let mut peer = server.peer_with(&token).await;
    peer.result("session/load", load(&server)).await;
    assert_eq!(told(&peer.early), ["before"], "nobody has prompted");
    let list = peer.result("session/list", json!({})).await;
    assert_eq!(list["sessions"][0]["_meta"]["hostler"]["viewers"], 1);
}

#[tokio::test]
async fn over_http_too_others_do_not_wait_for_an_adoption() {
    let (server, token) = start().await;
    let mut web = server.web(&token);
    web.initialize().await;
    let mut events = web.stream("").await;
    server.store.answer(false);
    let load = web.begin("", "session/load", load(&server)).await;
    web.session(&mut events, &server.project()).await;
    server.store.answer(true);
    let frames = events.until(load).await;
    assert_eq!(said(&frames[0]), "before");
}
