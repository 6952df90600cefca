//! The routes as a client finds them.

use std::time::Duration;

use decopilot_server::{AGENT, DecopilotServer, KEY, ORG};
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
async fn send(server: &DecopilotServer, key: &str, path: &str, body: Option<&Value>) -> TcpStream {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} /api/{path} HTTP/1.0\r\nAuthorization: Bearer {key}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Status, head and body of an answer.
async fn answer(mut stream: TcpStream) -> (u16, String, Value) {
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    timeout(PATIENCE, read).await.expect("an end").unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (
        status,
        head.to_owned(),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

async fn post(server: &DecopilotServer, path: &str, body: Value) -> (u16, Value) {
    let path = format!("{ORG}/{path}");
    let (status, _, body) = answer(send(server, KEY, &path, Some(&body)).await).await;
    (status, body)
}

async fn new_thread(server: &DecopilotServer) -> String {
    let body = json!({"data": {"virtual_mcp_id": AGENT}});
    let (status, body) = post(server, "tools/COLLECTION_THREADS_CREATE", body).await;
    assert_eq!(status, 200, "{body}");
    body["item"]["id"].as_str().unwrap().to_owned()
}

async fn say(server: &DecopilotServer, thread: &str, message: &Value) -> (u16, Value) {
    let body = json!({
        "messages": [message], "agent": {"id": AGENT}, "toolApprovalLevel": "readonly",
    });
    post(
        server,
        &format!("decopilot/threads/{thread}/messages"),
        body,
    )
    .await
}

fn prompt(id: &str, text: &str) -> Value {
    json!({"id": id, "role": "user", "parts": [{"type": "text", "text": text}]})
}

async fn status(server: &DecopilotServer, thread: &str) -> String {
    let (_, body) = post(
        server,
        "tools/COLLECTION_THREADS_GET",
        json!({"id": thread}),
    )
    .await;
    body["item"]["status"].as_str().unwrap().to_owned()
}

async fn messages(server: &DecopilotServer, thread: &str) -> Vec<Value> {
    let body = json!({"thread_id": thread});
    let (_, body) = post(server, "tools/COLLECTION_THREAD_MESSAGES_LIST", body).await;
    body["items"].as_array().unwrap().clone()
}

/// A stream that is being read.
struct Stream {
    connection: TcpStream,
    text: String,
}

impl Stream {
    async fn open(server: &DecopilotServer, thread: &str) -> Self {
        let path = format!("{ORG}/decopilot/threads/{thread}/stream");
        let mut stream = Self {
            connection: send(server, KEY, &path, None).await,
            text: String::new(),
        };
        stream.until("\r\n\r\n").await;
        stream
    }

    /// Reads until this has come, or the connection ended.
    async fn until(&mut self, mark: &str) -> bool {
        let mut piece = [0; 4096];
        while !self.text.contains(mark) {
            let read = timeout(PATIENCE, self.connection.read(&mut piece)).await;
            match read.unwrap_or_else(|_| panic!("no {mark} in {}", self.text)) {
                Ok(count @ 1..) => self
                    .text
                    .push_str(&String::from_utf8_lossy(&piece[..count])),
                _ => return false,
            }
        }
        true
    }

    fn chunks(&self) -> Vec<Value> {
        let lines = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Everything that was said.
    fn said(&self) -> String {
        let chunks = self.chunks();
        let deltas = chunks.iter().filter(|chunk| chunk["type"] == "text-delta");
        deltas.filter_map(|chunk| chunk["delta"].as_str()).collect()
    }

    fn kinds(&self) -> Vec<String> {
        let chunks = self.chunks().into_iter();
        chunks
            .map(|chunk| chunk["type"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_prompt_comes_back_as_a_ui_message_stream() {
    let server = DecopilotServer::start().await.unwrap();
    let thread = new_thread(&server).await;
    let mut stream = Stream::open(&server, &thread).await;
    assert!(
        stream.text.contains("x-vercel-ai-ui-message-stream: v1"),
        "{}",
        stream.text
    );
    let (code, body) = say(&server, &thread, &prompt("u1", "hello")).await;
    assert_eq!((code, &body["taskId"]), (202, &json!(thread)));
    stream.until("\"finish\"").await;
    assert_eq!(stream.said(), "You said: hello");
    let kinds = stream.kinds();
    assert_eq!(kinds[..3], ["start", "start-step", "text-start"]);
    assert_eq!(
        kinds[kinds.len() - 3..],
        ["text-end", "finish-step", "finish"]
    );
    assert_eq!(status(&server, &thread).await, "completed");
}

#[tokio::test]
async fn a_message_that_is_sent_again_starts_nothing() {
    let server = DecopilotServer::start().await.unwrap();
    let thread = new_thread(&server).await;
    let mut stream = Stream::open(&server, &thread).await;
    for _ in 0..2 {
        assert_eq!(say(&server, &thread, &prompt("u1", "one")).await.0, 202);
    }
    assert_eq!(say(&server, &thread, &prompt("u2", "two")).await.0, 202);
    stream.until("two").await;
    assert_eq!(stream.said(), "You said: oneYou said: two");
}

#[tokio::test]
async fn a_careful_tool_runs_once_it_was_allowed_by_the_patched_message() {
    for approved in [true, false] {
        let server = DecopilotServer::start().await.unwrap();
        let thread = new_thread(&server).await;
        let mut stream = Stream::open(&server, &thread).await;
        say(&server, &thread, &prompt("u1", "[[bash ls]]")).await;
        stream.until("\"finish\"").await;
        assert_eq!(status(&server, &thread).await, "requires_action");
        assert_eq!(server.ran(), []);
        let mut message = messages(&server, &thread).await.pop().unwrap();
        // Nothing is decided in it yet.
        assert_eq!(say(&server, &thread, &message).await.0, 400);
        let part = &mut message["parts"][1];
        assert_eq!(part["state"], "approval-requested");
        part["state"] = "approval-responded".into();
        part["approval"]["approved"] = approved.into();
        stream.text.clear();
        assert_eq!(say(&server, &thread, &message).await.0, 202);
        stream.until("\"finish\"").await;
        assert_eq!(server.ran().len(), usize::from(approved));
        let denied = stream.kinds().contains(&"tool-output-denied".to_owned());
        assert_eq!(denied, !approved);
    }
}

#[tokio::test]
async fn who_comes_later_gets_the_run_from_its_start_and_only_while_it_lasts() {
    let server = DecopilotServer::start().await.unwrap();
    let thread = new_thread(&server).await;
    let mut first = Stream::open(&server, &thread).await;
    say(
        &server,
        &thread,
        &prompt("u1", "[[text one]][[drop 503 1]][[hang]]"),
    )
    .await;
    assert!(!first.until("never").await, "it was cut");
    assert!(first.text.ends_with("text-del"), "{}", first.text);
    let refused = Stream::open(&server, &thread).await;
    assert!(refused.text.contains(" 503 "), "{}", refused.text);
    let mut second = Stream::open(&server, &thread).await;
    second.until("one").await;
    assert_eq!(second.kinds()[0], "start");
    let (code, body) = post(&server, &format!("decopilot/cancel/{thread}"), json!({})).await;
    assert_eq!((code, body), (200, json!({"cancelled": true})));
    second.until("\"abort\"").await;
    assert_eq!(status(&server, &thread).await, "failed");
    let mut third = Stream::open(&server, &thread).await;
    third.until(": keepalive").await;
    assert_eq!(third.chunks(), Vec::<Value>::new());
}

#[tokio::test]
async fn refusals_say_why() {
    let server = DecopilotServer::start().await.unwrap();
    let thread = new_thread(&server).await;
    let models = format!("{ORG}/decopilot/allowed-models");
    assert_eq!(answer(send(&server, KEY, &models, None).await).await.0, 200);
    assert_eq!(
        answer(send(&server, "wrong", &models, None).await).await.0,
        401
    );
    let elsewhere = send(&server, KEY, "other/decopilot/allowed-models", None).await;
    assert_eq!(answer(elsewhere).await.0, 404);
    let gone = say(&server, "thrd_gone", &prompt("u", "x")).await;
    assert_eq!(gone, (404, json!({"error": "Thread not found"})));
    let busy = say(
        &server,
        &thread,
        &prompt("u1", "[[status 429 1]][[text ok]]"),
    )
    .await;
    assert_eq!(busy.0, 429);
    let again = say(
        &server,
        &thread,
        &prompt("u1", "[[status 429 1]][[text ok]]"),
    )
    .await;
    assert_eq!(again.0, 202);
    let body = json!({"messages": [], "agent": {"id": AGENT}, "colour": "red"});
    let path = format!("decopilot/threads/{thread}/messages");
    let (code, body) = post(&server, &path, body).await;
    assert_eq!(code, 400);
    assert!(body["error"].as_str().unwrap().contains("colour"), "{body}");
}

#[tokio::test]
async fn an_address_that_others_could_reach_is_refused() {
    let error = DecopilotServer::start_on("0.0.0.0:0".parse().unwrap())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("loopback"));
}
