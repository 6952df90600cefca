//! An ACP client over HTTP: every request by itself, and streams.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::{http1, http2},
    header::HeaderMap,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{Server, prompt};

type Sender = http2::SendRequest<Full<Bytes>>;

/// One ACP connection.
pub(crate) struct Web {
    addr: SocketAddr,
    token: String,
    http2: Option<Sender>,
    pub(crate) id: String,
    last_id: u64,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Whole {
    async fn read(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.into()).unwrap(),
        }
    }

    /// The status, and `error.code` of the body.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let message = body["error"]["message"].as_str();
        assert!(message.is_some_and(|text| text.len() > 10), "{body}");
        (
            self.status,
            body["error"]["code"].as_str().unwrap().to_owned(),
        )
    }
}

impl Server {
    /// A client that has not sent anything.
    pub(crate) fn web(&self, token: &str) -> Web {
        Web {
            addr: self.addr,
            token: token.to_owned(),
            http2: None,
            id: String::new(),
            last_id: 0,
        }
    }

    /// The same over one HTTP/2 connection.
    pub(crate) async fn web2(&self, token: &str) -> Web {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Web {
            http2: Some(sender),
            ..self.web(token)
        }
    }

    /// A connection that has been initialized.
    pub(crate) async fn web_peer(&self) -> Web {
        let mut web = self.web(&self.token);
        web.initialize().await;
        web
    }
}

impl Web {
    /// With these headers and the token; an empty value leaves a header out.
    pub(crate) async fn send(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response<Incoming> {
        let bearer = format!("Bearer {}", self.token);
        let host = self.addr.to_string();
        let uri = match self.http2 {
            Some(_) => format!("http://{host}/acp"),
            None => "/acp".to_owned(),
        };
        let mut request = Request::builder().method(method).uri(uri);
        let mut all = vec![("authorization", bearer.as_str())];
        if self.http2.is_none() {
            all.push(("host", host.as_str()));
        }
        all.extend(headers);
        for (name, value) in all.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        if let Some(sender) = &self.http2 {
            return sender.clone().send_request(request).await.unwrap();
        }
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    /// [`send`](Self::send), and the whole answer.
    pub(crate) async fn ask(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Whole {
        Whole::read(self.send(method, headers, body).await).await
    }

    pub(crate) async fn initialize(&mut self) -> Value {
        self.initialize_as(json!({})).await
    }

    /// With these capabilities.
    pub(crate) async fn initialize_as(&mut self, capabilities: Value) -> Value {
        let params = json!({ "protocolVersion": 1, "clientCapabilities": capabilities });
        let message =
            json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let json = [("content-type", "application/json")];
        let answer = self.ask("POST", &json, message.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.id = answer.headers["acp-connection-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(answer.headers["content-type"], "application/json");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// A message of this connection, with the session's name if there is one.
    pub(crate) async fn post(&self, session: &str, message: &Value) -> Whole {
        let headers = [
            ("content-type", "application/json"),
            ("acp-connection-id", &self.id),
            ("acp-session-id", session),
        ];
        self.ask("POST", &headers, message.to_string()).await
    }

    /// Sends a request; the result is its id.
    pub(crate) async fn begin(&mut self, session: &str, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let answer = self.post(session, &message).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (202, ""),
            "{answer:?}"
        );
        id
    }

    pub(crate) async fn begin_prompt(&mut self, session: &str, text: &str) -> u64 {
        self.begin(session, "session/prompt", prompt(session, text))
            .await
    }

    /// The stream of a session, or of the connection if that is empty.
    pub(crate) async fn stream(&self, session: &str) -> Events {
        self.stream_with(session, &[]).await
    }

    pub(crate) async fn stream_with(&self, session: &str, more: &[(&str, &str)]) -> Events {
        let headers = [
            ("accept", "text/event-stream"),
            ("acp-connection-id", &self.id),
            ("acp-session-id", session),
        ];
        let response = self.send("GET", &[&headers[..], more].concat(), "").await;
        let (head, body) = response.into_parts();
        assert_eq!(head.status, 200);
        assert_eq!(head.headers["content-type"], "text/event-stream");
        assert_eq!(head.headers["acp-connection-id"], self.id.as_str());
        Events {
            body,
            read: String::new(),
        }
    }

    /// A session; the result is its id, and its stream after what is said first.
    pub(crate) async fn session(&mut self, events: &mut Events, cwd: &str) -> (String, Events) {
        let params = json!({ "cwd": cwd, "mcpServers": [] });
        let id = self.begin("", "session/new", params).await;
        let answer = events.next().await;
        assert_eq!(answer["id"], id, "{answer}");
        let session = answer["result"]["sessionId"].as_str().unwrap().to_owned();
        let mut stream = self.stream(&session).await;
        assert_eq!(super::said(&stream.next().await), "opening");
        (session, stream)
    }

    pub(crate) async fn delete(&self) -> Whole {
        self.ask("DELETE", &[("acp-connection-id", &self.id)], "")
            .await
    }
}

/// A stream of events.
pub(crate) struct Events {
    body: Incoming,
    read: String,
}

impl Events {
    /// The next event or comment as it stands there, without the empty line.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let block = block.to_owned();
                self.read = rest.to_owned();
                return Some(block);
            }
            let frame = self.body.frame().await?;
            let data = frame.unwrap().into_data().unwrap();
            self.read += std::str::from_utf8(&data).unwrap();
        }
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Value {
        self.next_at().await.1
    }

    /// The next message, with the id of its event; empty if it has none.
    pub(crate) async fn next_at(&mut self) -> (String, Value) {
        loop {
            let block = self.block().await.expect("the stream has ended");
            let (id, rest) = match block.strip_prefix("id: ") {
                Some(placed) => placed.split_once('\n').unwrap(),
                None => ("", block.as_str()),
            };
            if let Some(data) = rest.strip_prefix("data: ") {
                return (id.to_owned(), serde_json::from_str(data).unwrap());
            }
            assert!(block.starts_with(':'), "{block}");
        }
    }

    /// All messages to the answer of the request `id`, which is the last.
    pub(crate) async fn until(&mut self, id: u64) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            messages.push(self.next().await);
            if messages.last().is_some_and(|last| last["id"] == id) {
                return messages;
            }
        }
    }

    /// All messages to the end, and the reason that stands there.
    pub(crate) async fn end(&mut self) -> (Vec<Value>, String) {
        let mut messages = Vec::new();
        let mut reason = String::new();
        while let Some(block) = self.block().await {
            match block.strip_prefix("data: ") {
                Some(data) => messages.push(serde_json::from_str(data).unwrap()),
                None => reason = block,
            }
        }
        (messages, reason)
    }
}
