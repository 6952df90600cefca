//! The shapes on the wire: what Gemini CLI relies on of the Gemini API.

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

/// The status and the body of an answer to this prompt, in HTTP/1.0, in which the
/// end of the connection is the end of the body.
async fn ask(server: &ModelServer, method: &str, prompt: &str) -> (u16, String) {
    let body = json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]}).to_string();
    let path = format!("/v1beta/models/gemini-2.5-pro:{method}?alt=sse");
    let length = body.len();
    let request = format!("POST {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(PATIENCE, read).await.expect("an end").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// The candidates of a stream, which has no names of events.
fn candidates(body: &str) -> Vec<Value> {
    assert!(!body.contains("event:"), "{body}");
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str::<Value>(data).unwrap()["candidates"][0].take())
        .collect()
}

#[tokio::test]
async fn a_text_comes_in_parts_and_the_last_event_says_why_it_ends() {
    let server = ModelServer::start().await.unwrap();
    let prompt = "[[think hm]][[text Hello there, this is long.]]";
    let (status, body) = ask(&server, "streamGenerateContent", prompt).await;
    assert_eq!(status, 200);
    let mut candidates = candidates(&body);
    assert_eq!(candidates.pop().unwrap()["finishReason"], "STOP");
    let part = |candidate: &Value| candidate["content"]["parts"][0].clone();
    assert_eq!(part(&candidates[0]), json!({"text": "hm", "thought": true}));
    let text: String = candidates[1..]
        .iter()
        .map(|candidate| part(candidate)["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(text, "Hello there, this is long.");
}

#[tokio::test]
async fn a_tool_is_a_call_of_a_function_and_an_error_has_its_status() {
    let server = ModelServer::start().await.unwrap();
    let (_, body) = ask(&server, "streamGenerateContent", "[[bash ls]]").await;
    let call = &candidates(&body)[0]["content"]["parts"][0]["functionCall"];
    assert_eq!(
        *call,
        json!({"name": "run_shell_command", "args": {"command": "ls"}})
    );
    let (status, _) = ask(&server, "streamGenerateContent", "[[status 429]]").await;
    assert_eq!(status, 429);
    let (status, _) = ask(&server, "countTokens", "x").await;
    assert_eq!(status, 400);
}
