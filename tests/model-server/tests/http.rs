//! The shapes on the wire: what a client of the Messages API relies on.

use std::time::Duration;

use model_server::ModelServer;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longer than anything here takes; a hang is a failure, not a wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a request in HTTP/1.0, in which the end of the connection is the end
/// of the body.
async fn send(server: &ModelServer, method: &str, path: &str, body: &str) -> TcpStream {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!("{method} {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The status, the headers and the body of an answer.
async fn receive(mut stream: TcpStream) -> (u16, String, String) {
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(PATIENCE, read).await.expect("an end").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

fn prompt(text: &str, stream: bool) -> String {
    let messages = json!([{"role": "user", "content": text}]);
    json!({"model": "m", "max_tokens": 9, "messages": messages, "stream": stream}).to_string()
}

async fn ask(server: &ModelServer, text: &str, stream: bool) -> (u16, String, String) {
    receive(
        send(
            server,
            "POST",
            "/v1/messages?beta=true",
            &prompt(text, stream),
        )
        .await,
    )
    .await
}

/// The events of a stream, each checked to carry its own name.
fn events(body: &str) -> Vec<Value> {
    let parse = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
        data
    };
    body.split_terminator("\n\n").map(parse).collect()
}

/// What the deltas of one field say together.
fn joined(events: &[Value], field: &str) -> String {
    let delta = |event: &Value| event["delta"][field].as_str().map(str::to_owned);
    events.iter().filter_map(delta).collect()
}

#[tokio::test]
async fn a_stream_has_every_event_in_its_place() {
    let server = ModelServer::start().await.unwrap();
    let (status, head, body) = ask(&server, "[[think why]][[text Hello there]]", true).await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("request-id: req_"), "{head}");
    let events = events(&body);
    let names: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "message_start",
            "ping",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert_eq!(events[0]["message"]["model"], "m");
    assert_eq!(joined(&events, "thinking"), "why");
    assert!(!joined(&events, "signature").is_empty());
    assert_eq!(joined(&events, "text"), "Hello there");
    assert_eq!(joined(&events, "stop_reason"), "end_turn");
    assert_eq!(events[6]["index"], 1);
}

#[tokio::test]
async fn a_tool_call_streams_its_input() {
    let server = ModelServer::start().await.unwrap();
    let (_, _, body) = ask(&server, "[[bash touch made.txt && echo made]]", true).await;
    let events = events(&body);
    let start = &events[2]["content_block"];
    assert_eq!(
        (&start["type"], &start["name"]),
        (&json!("tool_use"), &json!("Bash"))
    );
    let input: Value = serde_json::from_str(&joined(&events, "partial_json")).unwrap();
    assert_eq!(input["command"], "touch made.txt && echo made");
    assert_eq!(joined(&events, "stop_reason"), "tool_use");
}

#[tokio::test]
async fn without_stream_the_message_is_one_body() {
    let server = ModelServer::start().await.unwrap();
    let (status, head, body) = ask(&server, "[[deltas 2]][[write f|x]]", false).await;
    let message: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(message["content"][0]["text"], "word0 word1 ");
    assert_eq!(message["content"][1]["input"]["file_path"], "f");
    assert_eq!(message["stop_reason"], "tool_use");
}

#[tokio::test]
async fn many_deltas_all_arrive_in_order() {
    let server = ModelServer::start().await.unwrap();
    let (_, _, body) = ask(&server, "[[deltas 3000]]", true).await;
    let expected: String = (0..3000).map(|number| format!("word{number} ")).collect();
    assert_eq!(joined(&events(&body), "text"), expected);
}

#[tokio::test]
async fn an_error_has_the_status_and_type_of_the_api() {
    let server = ModelServer::start().await.unwrap();
    for (status, kind) in [
        (401, "authentication_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ] {
        let (got, _, body) = ask(&server, &format!("[[status {status}]]"), true).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((got, &body["type"]), (status, &json!("error")));
        assert_eq!(body["error"]["type"], kind);
    }
}

#[tokio::test]
async fn what_is_no_messages_request_is_a_json_error() {
    let server = ModelServer::start().await.unwrap();
    for (method, path, body, expected) in [
        ("POST", "/v1/messages", "not json", 400),
        ("POST", "/v1/messages", "{\"messages\":1}", 400),
        ("GET", "/v1/models", "", 404),
    ] {
        let (status, _, body) = receive(send(&server, method, path, body).await).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["type"]), (expected, &json!("error")));
    }
}

#[tokio::test]
async fn the_root_and_the_token_count_answer() {
    let server = ModelServer::start().await.unwrap();
    for method in ["GET", "HEAD"] {
        let (status, _, _) = receive(send(&server, method, "/", "").await).await;
        assert_eq!(status, 200);
    }
    let path = "/v1/messages/count_tokens";
    let (_, _, body) = receive(send(&server, "POST", path, &prompt("hi", false)).await).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert!(body["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn requests_are_recorded_in_order() {
    let server = ModelServer::start().await.unwrap();
    ask(&server, "one", true).await;
    ask(&server, "[[status 401]]", false).await;
    let requests = server.requests();
    let of = |index: usize| &requests[index].body["messages"][0]["content"];
    assert_eq!((of(0), of(1)), (&json!("one"), &json!("[[status 401]]")));
    assert_eq!(requests[0].path, "/v1/messages?beta=true");
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn dropping_the_server_ends_what_hangs_and_closes_the_port() {
    let server = ModelServer::start().await.unwrap();
    let address = server.url().replace("http://", "");
    let mut hanging = send(&server, "POST", "/v1/messages", &prompt("[[hang]]", true)).await;
    let mut byte = [0];
    hanging.read_exact(&mut byte).await.unwrap();
    let waiting = send(&server, "POST", "/v1/messages", &prompt("[[hang]]", false)).await;
    while server.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(server);
    let mut rest = String::new();
    let read = hanging.read_to_string(&mut rest);
    timeout(PATIENCE, read).await.expect("an end").unwrap();
    assert!(!rest.contains("message_stop"), "{rest}");
    assert_eq!(receive(waiting).await.0, 503);
    let refused = async { while TcpStream::connect(&address).await.is_ok() {} };
    timeout(PATIENCE, refused).await.expect("a closed port");
}

#[tokio::test]
async fn an_address_off_loopback_is_refused() {
    let error = ModelServer::start_on(([0, 0, 0, 0], 0).into())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("0.0.0.0:0"), "{error}");
}
