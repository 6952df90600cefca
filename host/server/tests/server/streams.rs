//! ACP over HTTP: what comes on which stream, and in which order.

use serde_json::{Value, json};

use crate::stage::{Server, said};

fn load(server: &Server, session: &str) -> Value {
    json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] })
}

fn texts(messages: &[Value]) -> Vec<&str> {
    let updates = messages
        .iter()
        .filter(|message| message["params"]["update"]["content"].is_object());
    updates.map(said).collect()
}

#[tokio::test]
async fn the_updates_of_a_turn_and_its_answer_come_in_order_on_the_sessions_stream() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut stream) = web.session(&mut events, &server.project()).await;
    let turn = web.begin_prompt(&session, "hello").await;
    let messages = stream.until(turn).await;
    assert_eq!(texts(&messages), ["hello"]);
    assert_eq!(messages[1]["result"]["stopReason"], "end_turn");
    let list = web.begin("", "session/list", json!({})).await;
    assert_eq!(events.next().await["id"], list, "nothing else came here");
}

#[tokio::test]
async fn a_permission_is_asked_on_the_sessions_stream_and_answered_by_a_message() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut stream) = web.session(&mut events, &server.project()).await;
    let turn = web.begin_prompt(&session, "ask").await;
    let ask = stream.next().await;
    assert_eq!(ask["method"], "session/request_permission");
    let outcome = json!({ "outcome": { "outcome": "selected", "optionId": "yes" } });
    let yes = json!({ "jsonrpc": "2.0", "id": ask["id"], "result": outcome });
    assert_eq!(web.post(&session, &yes).await.status, 202);
    let messages = stream.until(turn).await;
    assert!(texts(&messages)[0].contains("selected"), "{messages:?}");
}

#[tokio::test]
async fn a_question_that_is_taken_back_follows_the_question() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut stream) = web.session(&mut events, &server.project()).await;
    web.begin_prompt(&session, "ask").await;
    let ask = stream.next().await;
    let mut other = server.peer().await;
    other
        .result("session/resume", load(&server, &session))
        .await;
    assert_eq!(other.next().await["id"], ask["id"]);
    let outcome = json!({ "outcome": { "outcome": "selected", "optionId": "yes" } });
    let yes = json!({ "jsonrpc": "2.0", "id": ask["id"], "result": outcome });
    other.text(&yes.to_string()).await;
    let taken_back = stream.next().await;
    assert_eq!(taken_back["method"], "$/cancel_request");
    assert_eq!(taken_back["params"]["requestId"], ask["id"]);
}

#[tokio::test]
async fn two_sessions_of_one_connection_have_streams_of_their_own() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (one, mut of_one) = web.session(&mut events, &server.project()).await;
    let (two, mut of_two) = web.session(&mut events, &server.project()).await;
    let turns = [
        web.begin_prompt(&one, "hang").await,
        web.begin_prompt(&two, "second").await,
    ];
    assert_eq!(texts(&of_two.until(turns[1]).await), ["second"]);
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "session/cancel", "params": { "sessionId": one } });
    assert_eq!(web.post(&one, &cancel).await.status, 202);
    let messages = of_one.until(turns[0]).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["result"]["stopReason"], "cancelled");
}

#[tokio::test]
async fn what_comes_before_its_stream_is_opened_waits_there() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let params = json!({ "cwd": server.project(), "mcpServers": [] });
    let new = web.begin("", "session/new", params).await;
    let mut events = web.stream("").await;
    let answer = events.next().await;
    assert_eq!(answer["id"], new);
    let session = answer["result"]["sessionId"].as_str().unwrap();
    let turn = web.begin_prompt(session, "early").await;
    // The other stream has nothing of it, also when the turn has ended.
    let mut watcher = server.peer().await;
    watcher.result("session/load", load(&server, session)).await;
    while watcher.early.iter().all(|update| said(update) != "early") {
        let update = watcher.next().await;
        watcher.early.push(update);
    }
    let list = web.begin("", "session/list", json!({})).await;
    assert_eq!(events.next().await["id"], list);
    let mut stream = web.stream(session).await;
    assert_eq!(texts(&stream.until(turn).await), ["opening", "early"]);
}

#[tokio::test]
async fn a_stream_may_be_opened_before_its_session_is_loaded() {
    let server = Server::start().await;
    let session = server.stored_session(3);
    let mut web = server.web_peer().await;
    let mut stream = web.stream(&session).await;
    let id = web
        .begin(&session, "session/load", load(&server, &session))
        .await;
    let messages = stream.until(id).await;
    assert_eq!(
        texts(&messages).len(),
        3,
        "the history, and then the answer"
    );
    assert!(messages[3]["result"].is_object());
}

#[tokio::test]
async fn a_load_that_names_no_stream_comes_on_the_connections() {
    let server = Server::start().await;
    let session = server.stored_session(3);
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let id = web.begin("", "session/load", load(&server, &session)).await;
    let messages = events.until(id).await;
    assert_eq!(
        texts(&messages).len(),
        3,
        "the history, and then the answer"
    );
    // And stays there, in order, even if the client opens the other now.
    let _stream = web.stream(&session).await;
    let turn = web.begin_prompt(&session, "on").await;
    assert_eq!(texts(&events.until(turn).await), ["opening", "on"]);
}

#[tokio::test]
async fn a_load_that_fails_says_so_where_the_client_reads() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut stream = web.stream("none").await;
    let id = web
        .begin("none", "session/load", load(&server, "none"))
        .await;
    let answer = stream.next().await;
    assert_eq!(answer["id"], id);
    assert_eq!(answer["error"]["data"]["code"], "UNKNOWN_SESSION");
}

#[tokio::test]
async fn who_opens_a_stream_takes_it_from_who_had_it() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut dead) = web.session(&mut events, &server.project()).await;
    let mut stream = web.stream(&session).await;
    assert_eq!(dead.end().await, (Vec::new(), String::new()));
    let turn = web.begin_prompt(&session, "hello").await;
    assert_eq!(texts(&stream.until(turn).await), ["hello"]);
}

#[tokio::test]
async fn a_session_that_is_closed_says_so_on_its_stream_and_the_connection_goes_on() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut stream) = web.session(&mut events, &server.project()).await;
    let close = web
        .begin(&session, "session/close", json!({ "sessionId": session }))
        .await;
    let messages = stream.until(close).await;
    assert!(messages.last().unwrap()["result"].is_object());
    let list = web.begin("", "session/list", json!({})).await;
    assert_eq!(events.next().await["id"], list);
}

#[tokio::test]
async fn a_session_is_shared_with_clients_on_other_transports() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut stream) = web.session(&mut events, &server.project()).await;
    let mut other = server.peer().await;
    other.result("session/load", load(&server, &session)).await;
    other.prompt(&session, "from there").await;
    assert_eq!(said(&stream.next().await), "from there", "the prompt");
    assert_eq!(said(&stream.next().await), "from there", "what was said");
}
