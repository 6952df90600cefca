//! ACP over HTTP: which requests are taken.

use serde_json::{Value, json};

use crate::stage::{MIB, Server, prompt, said};

const JSON: (&str, &str) = ("content-type", "application/json");

fn message(method: &str, params: Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

fn initialize() -> String {
    message("initialize", json!({ "protocolVersion": 1 }))
}

#[tokio::test]
async fn initialize_is_answered_at_once_and_makes_a_connection() {
    let server = Server::start().await;
    let mut web = server.web(&server.token);
    let answer = web.initialize().await;
    assert_eq!(answer["result"]["agentInfo"]["name"], "hostler");
    assert_eq!(web.id.len(), 36);
    let first = web.id.clone();
    web.initialize().await;
    assert_ne!(first, web.id);
    assert_eq!(server.clients.count(), 2);
}

#[tokio::test]
async fn a_failed_initialize_is_answered_and_makes_no_connection() {
    let server = Server::start().await;
    let web = server.web(&server.token);
    let body = message("initialize", json!({ "protocolVersion": "one" }));
    let answer = web.ask("POST", &[JSON], body).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.headers.contains_key("acp-connection-id"));
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer["error"]["data"]["code"], "BAD_PARAMS");
    assert_eq!(answer["id"], 1);
    assert_eq!(server.clients.count(), 0);
}

#[tokio::test]
async fn the_harness_of_a_connection_is_named_in_the_address_of_initialize() {
    let server = Server::start().await;
    let token = server.authorization();
    let headers = [
        ("Authorization", token.as_str()),
        ("Content-Type", "application/json"),
    ];
    let answer = server.http("POST /acp?harness=none", &headers).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "UNKNOWN_HARNESS")
    );
}

#[tokio::test]
async fn what_is_not_a_message_is_refused_by_name() {
    let server = Server::start().await;
    let web = server.web_peer().await;
    let connection = ("acp-connection-id", web.id.as_str());
    let batch = format!("[{}]", initialize());
    let list = message("session/list", json!({}));
    for (headers, body, status, code) in [
        (&[][..], initialize(), 415, "NOT_JSON"),
        (
            &[("content-type", "text/plain")],
            initialize(),
            415,
            "NOT_JSON",
        ),
        (
            &[JSON, ("accept", "text/html, image/*;q=0.8")],
            initialize(),
            406,
            "NOT_ACCEPTABLE",
        ),
        (&[JSON], list.clone(), 400, "MISSING_HEADER"),
        (&[JSON], "{}".into(), 400, "INVALID_MESSAGE"),
        (&[JSON], batch.clone(), 501, "BATCH_UNSUPPORTED"),
        (&[JSON, connection], batch, 501, "BATCH_UNSUPPORTED"),
        (&[JSON, connection], "{\"a\":".into(), 400, "PARSE_ERROR"),
        (&[JSON, connection], String::new(), 400, "PARSE_ERROR"),
        (&[JSON, connection], "7".into(), 400, "INVALID_MESSAGE"),
        (
            &[JSON, connection],
            initialize(),
            400,
            "ALREADY_INITIALIZED",
        ),
        (&[connection], list.clone(), 415, "NOT_JSON"),
        (
            &[JSON, ("acp-connection-id", "none")],
            list,
            404,
            "UNKNOWN_CONNECTION",
        ),
    ] {
        let answer = web.ask("POST", headers, body.clone()).await;
        assert_eq!(
            answer.refusal(),
            (status, code.into()),
            "{headers:?} {body}"
        );
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    let bytes = web
        .ask("POST", &[JSON, connection], &b"{\"a\":\"\xff\"}"[..])
        .await;
    assert_eq!(bytes.refusal(), (400, "PARSE_ERROR".into()));
    assert_eq!(server.clients.count(), 1);
}

#[tokio::test]
async fn headers_that_published_clients_send_are_taken() {
    let server = Server::start().await;
    let web = server.web(&server.token);
    for headers in [
        vec![JSON],
        vec![JSON, ("accept", "*/*")],
        vec![JSON, ("accept", "application/json")],
        vec![JSON, ("accept", "application/json, text/event-stream")],
        vec![("content-type", "Application/JSON; charset=utf-8")],
    ] {
        let answer = web.ask("POST", &headers, initialize()).await;
        assert_eq!(answer.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn a_message_of_a_session_names_it_in_the_header_too() {
    let server = Server::start().await;
    let web = server.web_peer().await;
    for method in [
        "session/prompt",
        "session/close",
        "session/set_mode",
        "session/set_config_option",
    ] {
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "sessionId": "a" } });
        let answer = web.post("", &message).await;
        assert_eq!(answer.refusal(), (400, "MISSING_HEADER".into()), "{method}");
        let answer = web.post("b", &message).await;
        assert_eq!(answer.refusal(), (400, "BAD_HEADER".into()), "{method}");
    }
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "session/cancel", "params": { "sessionId": "a" } });
    let answer = web.post("", &cancel).await;
    assert_eq!(answer.refusal(), (400, "MISSING_HEADER".into()));
    // The id of a question says which session asked.
    let yes = json!({ "jsonrpc": "2.0", "id": "a/1", "result": {} });
    let answer = web.post("b", &yes).await;
    assert_eq!(answer.refusal(), (400, "BAD_HEADER".into()));
    assert_eq!(web.post("", &yes).await.status, 202);
    assert_eq!(web.post("a", &yes).await.status, 202);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_connection_goes_on() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let headers = [JSON, ("acp-connection-id", web.id.as_str())];
    let body = vec![b' '; 16 * MIB + 1];
    let answer = web.ask("POST", &headers, body).await;
    assert_eq!(answer.refusal(), (413, "TOO_LARGE".into()));
    let id = web.begin("", "session/list", json!({})).await;
    assert_eq!(events.next().await["id"], id);
}

#[tokio::test]
async fn a_stream_is_asked_for_by_name_and_of_a_connection_that_is_there() {
    let server = Server::start().await;
    let web = server.web_peer().await;
    let connection = ("acp-connection-id", web.id.as_str());
    let events = ("accept", "text/event-stream");
    let session = ("acp-session-id", "s");
    let last = ("last-event-id", "7:x");
    for (headers, status, code) in [
        (&[connection][..], 406, "NOT_ACCEPTABLE"),
        (&[connection, ("accept", "*/*")], 406, "NOT_ACCEPTABLE"),
        (&[events], 400, "MISSING_HEADER"),
        (
            &[events, ("acp-connection-id", "x")],
            404,
            "UNKNOWN_CONNECTION",
        ),
        (&[events, connection, session, last], 400, "BAD_HEADER"),
    ] {
        let answer = web.ask("GET", headers, "").await;
        assert_eq!(answer.refusal(), (status, code.into()), "{headers:?}");
    }
    for (headers, status, code) in [
        (&[][..], 400, "MISSING_HEADER"),
        (&[("acp-connection-id", "x")], 404, "UNKNOWN_CONNECTION"),
    ] {
        let answer = web.ask("DELETE", headers, "").await;
        assert_eq!(answer.refusal(), (status, code.into()), "{headers:?}");
    }
    let answer = web.ask("HEAD", &[events, connection], "").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.headers["allow"], "GET, POST, DELETE");
}

#[tokio::test]
async fn a_connection_is_there_only_for_the_token_that_made_it() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    for token in [&server.stranger, &server.viewer] {
        let mut other = server.web(token);
        other.id = web.id.clone();
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "session/list" });
        let unknown = (404, "UNKNOWN_CONNECTION".to_owned());
        assert_eq!(other.post("", &list).await.refusal(), unknown);
        assert_eq!(other.delete().await.refusal(), unknown);
        let headers = [
            ("accept", "text/event-stream"),
            ("acp-connection-id", web.id.as_str()),
        ];
        assert_eq!(other.ask("GET", &headers, "").await.refusal(), unknown);
    }
    let mut events = web.stream("").await;
    let id = web.begin("", "session/list", json!({})).await;
    assert_eq!(events.next().await["id"], id, "it is still there");
}

#[tokio::test]
async fn messages_count_in_the_order_in_which_they_came() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut stream) = web.session(&mut events, &server.project()).await;
    let mut last = 0;
    for number in 0..20 {
        last = web.begin_prompt(&session, &number.to_string()).await;
    }
    let messages = stream.until(last).await;
    let texts = messages
        .iter()
        .filter(|message| message["method"].is_string());
    let texts: Vec<_> = texts.map(|message| said(message).to_owned()).collect();
    assert_eq!(
        texts,
        (0..20).map(|number| number.to_string()).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_door_that_is_closed_lets_nobody_in() {
    let server = Server::start().await;
    assert!(server.clients.close_if_none());
    let web = server.web(&server.token);
    let answer = web.ask("POST", &[JSON], initialize()).await;
    assert_eq!(answer.refusal(), (503, "SHUTTING_DOWN".into()));
}

#[tokio::test]
async fn a_request_without_a_session_is_answered_as_over_any_transport() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let id = web.begin("", "session/what", json!({})).await;
    let answer = events.next().await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(id), &json!(-32601))
    );
    let id = web
        .begin("none", "session/prompt", prompt("none", "hi"))
        .await;
    let answer = events.next().await;
    assert_eq!(answer["id"], id, "no stream of that session was opened");
    assert_eq!(answer["error"]["data"]["code"], "UNKNOWN_SESSION");
}
