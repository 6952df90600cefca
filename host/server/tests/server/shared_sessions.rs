//! Several connections on one session, and sessions of others.

use serde_json::{Value, json};

use crate::stage::{Peer, Server, said};

fn load(server: &Server, session: &str) -> Value {
    json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] })
}

fn yes(ask: &Value) -> String {
    let outcome = json!({ "outcome": "selected", "optionId": "yes" });
    json!({ "jsonrpc": "2.0", "id": ask["id"], "result": { "outcome": outcome } }).to_string()
}

async fn two_on_one_session(server: &Server) -> (Peer, Peer, String) {
    let mut one = server.peer().await;
    let session = one.session(&server.project()).await;
    let mut two = server.peer().await;
    two.result("session/resume", load(server, &session)).await;
    (one, two, session)
}

#[tokio::test]
async fn a_second_connection_sees_the_turn_live() {
    let server = Server::start().await;
    let (mut one, mut two, session) = two_on_one_session(&server).await;
    one.prompt(&session, "hello").await;
    let prompt = two.next().await;
    assert_eq!(
        prompt["params"]["update"]["sessionUpdate"],
        "user_message_chunk"
    );
    assert_eq!(said(&prompt), "hello");
    assert_eq!(said(&two.next().await), "hello");
    let end = &two.next().await["params"]["update"];
    assert_eq!(
        end["_meta"]["hostler"]["turn"],
        json!({ "state": "ended", "stopReason": "end_turn" })
    );
}

#[tokio::test]
async fn load_replays_before_its_answer_and_resume_does_not() {
    let server = Server::start().await;
    let (mut one, mut two, session) = two_on_one_session(&server).await;
    one.prompt(&session, "hello").await;
    let result = two.result("session/load", load(&server, &session)).await;
    assert_eq!(result["configOptions"], json!([]));
    let texts: Vec<_> = two
        .early
        .iter()
        .filter(|frame| frame["params"]["update"]["content"].is_object())
        .map(|frame| said(frame).to_owned())
        .collect();
    // Live: the prompt and the chunk; then all of it from the beginning.
    assert_eq!(texts, ["hello", "hello", "opening", "hello", "hello"]);
}

#[tokio::test]
async fn a_permission_is_asked_of_both_and_answered_by_the_first() {
    let server = Server::start().await;
    let (mut one, mut two, session) = two_on_one_session(&server).await;
    let prompt = one.begin_prompt(&session, "ask").await;
    let ask = one.next().await;
    assert_eq!(ask["method"], "session/request_permission");
    assert_eq!(said(&two.next().await), "ask");
    assert_eq!(two.next().await, ask);
    two.text(&yes(&ask)).await;
    let taken_back = one.next().await;
    assert_eq!(taken_back["method"], "$/cancel_request");
    assert_eq!(taken_back["params"]["requestId"], ask["id"]);
    one.text(&yes(&ask)).await;
    let answer = one.answer(prompt).await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
    assert_eq!(one.early.len(), 1, "one outcome was taken: {:?}", one.early);
}

#[tokio::test]
async fn a_turn_survives_its_connection_and_its_permission_is_asked_again() {
    let server = Server::start().await;
    let mut one = server.peer().await;
    let session = one.session(&server.project()).await;
    one.begin_prompt(&session, "ask").await;
    let ask = one.next().await;
    drop(one);

    let mut two = server.peer().await;
    let result = two.result("session/load", load(&server, &session)).await;
    assert_eq!(result["_meta"]["hostler"]["turn"]["state"], "running");
    assert_eq!(two.next().await, ask);
    two.text(&yes(&ask)).await;
    assert!(said(&two.next().await).contains("selected"));
    let end = &two.next().await["params"]["update"];
    assert_eq!(end["_meta"]["hostler"]["turn"]["state"], "ended");
}

#[tokio::test]
async fn a_session_is_loaded_with_its_own_folder() {
    let server = Server::start().await;
    let (_one, mut two, session) = two_on_one_session(&server).await;
    let mut params = load(&server, &session);
    params["cwd"] = json!(server.dir.path());
    let error = two.error("session/load", params).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS");
    assert!(
        error["message"].as_str().unwrap().contains("project"),
        "{error}"
    );
}

#[tokio::test]
async fn a_session_of_another_principal_does_not_exist() {
    let server = Server::start().await;
    let mut one = server.peer().await;
    let session = one.session(&server.project()).await;
    let hang = one.begin_prompt(&session, "ask").await;
    let ask = one.next().await;
    let mut stranger = server.peer_with(&server.stranger).await;
    assert_eq!(
        stranger.result("session/list", json!({})).await["sessions"],
        json!([])
    );
    for (method, params) in [
        ("session/load", load(&server, &session)),
        ("session/resume", load(&server, &session)),
        ("session/prompt", crate::stage::prompt(&session, "x")),
        ("session/delete", json!({ "sessionId": session })),
        (
            "session/set_mode",
            json!({ "sessionId": session, "modeId": "x" }),
        ),
    ] {
        let error = stranger.error(method, params).await;
        assert_eq!(error["data"]["code"], "UNKNOWN_SESSION", "{method}");
    }
    stranger
        .notify("session/cancel", json!({ "sessionId": session }))
        .await;
    stranger.text(&yes(&ask)).await;
    stranger.result("session/list", json!({})).await;
    one.text(&yes(&ask)).await;
    assert_eq!(one.answer(hang).await["result"]["stopReason"], "end_turn");
}

#[tokio::test]
async fn a_token_that_may_only_view_sees_and_does_nothing() {
    let server = Server::start().await;
    let mut one = server.peer().await;
    let session = one.session(&server.project()).await;
    let mut viewer = server.peer_with(&server.viewer).await;
    viewer.result("session/load", load(&server, &session)).await;
    for (method, params) in [
        (
            "session/new",
            json!({ "cwd": server.project(), "mcpServers": [] }),
        ),
        ("session/prompt", crate::stage::prompt(&session, "x")),
        ("session/delete", json!({ "sessionId": session })),
        (
            "session/set_mode",
            json!({ "sessionId": session, "modeId": "x" }),
        ),
    ] {
        let error = viewer.error(method, params).await;
        assert_eq!(
            (&error["code"], &error["data"]["code"]),
            (&json!(-32001), &json!("FORBIDDEN")),
            "{method}"
        );
        assert!(
            error["message"].as_str().unwrap().contains("`drive`"),
            "{error}"
        );
    }
    let prompt = one.begin_prompt(&session, "ask").await;
    let ask = one.next().await;
    viewer
        .notify("session/cancel", json!({ "sessionId": session }))
        .await;
    viewer.text(&yes(&ask)).await;
    viewer.result("session/list", json!({})).await;
    let updates_only = |frame: &Value| frame["method"] == "session/update";
    assert!(viewer.early.iter().all(updates_only), "{:?}", viewer.early);
    // Closing it is leaving it.
    viewer
        .result("session/close", json!({ "sessionId": session }))
        .await;
    one.text(&yes(&ask)).await;
    assert_eq!(one.answer(prompt).await["result"]["stopReason"], "end_turn");
    assert_eq!(one.early.len(), 1, "{:?}", one.early);
}

#[tokio::test]
async fn two_sessions_of_one_connection_keep_apart() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let first = peer.session(&server.project()).await;
    let second = peer.session(&server.project()).await;
    let hangs = peer.begin_prompt(&first, "hang").await;
    let asks = peer.begin_prompt(&second, "ask").await;
    let ask = peer.next().await;
    assert_eq!(ask["params"]["sessionId"], second.as_str());
    peer.text(&yes(&ask)).await;
    let answer = peer.answer(asks).await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
    let theirs = |frame: &Value| frame["params"]["sessionId"] == second.as_str();
    assert!(peer.early.iter().all(theirs), "{:?}", peer.early);
    peer.notify("session/cancel", json!({ "sessionId": first }))
        .await;
    let answer = peer.answer(hangs).await;
    assert_eq!(answer["result"]["stopReason"], "cancelled");
}
