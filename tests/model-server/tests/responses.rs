//! The shapes on the wire: what Codex relies on of the Responses API.

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

/// The status and the events of an answer to this prompt.
async fn ask(server: &ModelServer, prompt: &str) -> (u16, Vec<Value>) {
    let content = json!([{"type": "input_text", "text": prompt}]);
    let input = json!([{"type": "message", "role": "user", "content": content}]);
    post(
        server,
        &json!({"model": "m", "stream": true, "input": input}),
    )
    .await
}

/// In HTTP/1.0, in which the end of the connection is the end of the body.
async fn post(server: &ModelServer, body: &Value) -> (u16, Vec<Value>) {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = body.to_string();
    let length = body.len();
    let request = format!("POST /v1/responses HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(PATIENCE, read).await.expect("an end").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    (
        status,
        data.map(|data| serde_json::from_str(data).unwrap())
            .collect(),
    )
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_text_is_an_item_with_deltas_and_usage_at_the_end() {
    let server = ModelServer::start().await.unwrap();
    let (status, events) = ask(&server, "[[text Hello there, this is long.]]").await;
    assert_eq!(status, 200);
    let kinds = kinds(&events);
    assert_eq!(
        kinds[..2],
        ["response.created", "response.output_item.added"]
    );
    assert_eq!(
        kinds[kinds.len() - 2..],
        ["response.output_item.done", "response.completed"]
    );
    let deltas = events.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(deltas.collect::<String>(), "Hello there, this is long.");
    let done = &events[events.len() - 2]["item"];
    assert_eq!(done["content"][0]["text"], "Hello there, this is long.");
    let usage = &events.last().unwrap()["response"]["usage"];
    assert!(usage["total_tokens"].as_u64() > usage["output_tokens"].as_u64());
}

#[tokio::test]
async fn a_command_is_a_call_of_the_tool_that_codex_has() {
    let server = ModelServer::start().await.unwrap();
    let (_, events) = ask(&server, "[[bash ls -l]]").await;
    let item = &events[1]["item"];
    assert_eq!(
        (&item["type"], &item["name"]),
        (&json!("function_call"), &json!("exec_command"))
    );
    assert_eq!(item["arguments"], r#"{"cmd":"ls -l"}"#);
}

#[tokio::test]
async fn a_broken_off_answer_says_why() {
    let server = ModelServer::start().await.unwrap();
    for (prompt, reason) in [
        ("[[max-tokens]]", "max_output_tokens"),
        ("[[refuse]]", "content_filter"),
    ] {
        let (_, events) = ask(&server, prompt).await;
        let last = events.last().unwrap();
        assert_eq!(last["type"], "response.incomplete");
        assert_eq!(last["response"]["incomplete_details"]["reason"], reason);
    }
}

#[tokio::test]
async fn a_dropped_answer_has_no_end_and_the_next_one_is_whole() {
    let server = ModelServer::start().await.unwrap();
    let prompt = "[[text one]][[drop]][[text two]]";
    let (_, first) = ask(&server, prompt).await;
    let first = kinds(&first);
    assert_eq!(first.last(), Some(&"response.output_text.delta"));
    let (_, again) = ask(&server, prompt).await;
    assert_eq!(kinds(&again).last(), Some(&"response.completed"));
    let said = again.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(said.collect::<String>(), "onetwo");
}

#[tokio::test]
async fn errors_have_their_status() {
    let server = ModelServer::start().await.unwrap();
    assert_eq!(ask(&server, "[[status 529]]").await.0, 529);
    assert_eq!(
        post(&server, &json!({"input": "x", "stream": true}))
            .await
            .0,
        400
    );
    assert_eq!(post(&server, &json!({"input": []})).await.0, 400);
}
