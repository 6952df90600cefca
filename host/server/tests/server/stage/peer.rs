//! An ACP client over WebSocket, one message at a time.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        handshake::client::{Request, Response},
    },
};

pub(crate) struct Peer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) response: Response,
    last_id: u64,
    /// What came while an answer was waited for.
    pub(crate) early: Vec<Value>,
}

impl Peer {
    /// `query` with its question mark, or empty.
    pub(crate) async fn connect(addr: SocketAddr, token: &str, query: &str) -> Result<Self, Error> {
        let mut request = Self::upgrade(addr, query);
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
        Self::send_upgrade(request).await
    }

    pub(crate) fn upgrade(addr: SocketAddr, query: &str) -> Request {
        format!("ws://{addr}/acp{query}")
            .into_client_request()
            .unwrap()
    }

    pub(crate) async fn send_upgrade(request: Request) -> Result<Self, Error> {
        let (socket, response) = connect_async(request).await?;
        Ok(Self {
            socket,
            response,
            last_id: 0,
            early: Vec::new(),
        })
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn try_text(&mut self, text: &str) -> Result<(), Error> {
        self.socket.send(Message::text(text)).await
    }

    pub(crate) async fn message(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next message of whatever kind.
    pub(crate) async fn raw(&mut self) -> Option<Message> {
        self.socket.next().await.map(Result::unwrap)
    }

    /// The next text, as JSON.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.raw().await {
                Some(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("not a text frame: {other:?}"),
            }
        }
    }

    /// The code with which the server closes; everything before is dropped.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.raw().await.expect("closed without a reason") {
                return frame.unwrap().code.into();
            }
        }
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.text(&message.to_string()).await;
    }

    /// Sends a request; the result is its id.
    pub(crate) async fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.text(&message.to_string()).await;
        id
    }

    /// The answer to a request; what comes before it is put into `early`.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.next().await;
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
            self.early.push(message);
        }
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params).await;
        self.answer(id).await
    }

    pub(crate) async fn result(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params).await;
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    /// The `error` of a request that must fail.
    pub(crate) async fn error(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params).await;
        assert!(answer.get("result").is_none(), "{answer}");
        answer["error"].clone()
    }

    pub(crate) async fn initialize(&mut self) -> Value {
        let session = json!({ "notices": {} });
        let params = json!({ "protocolVersion": 1, "clientCapabilities": { "session": session } });
        self.result("initialize", params).await
    }

    /// A session; the result is its id.
    pub(crate) async fn session(&mut self, cwd: &str) -> String {
        let result = self
            .result("session/new", json!({ "cwd": cwd, "mcpServers": [] }))
            .await;
        assert_eq!(said(&self.next().await), "opening");
        result["sessionId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn begin_prompt(&mut self, session: &str, text: &str) -> u64 {
        self.begin("session/prompt", prompt(session, text)).await
    }

    pub(crate) async fn prompt(&mut self, session: &str, text: &str) -> Value {
        self.ask("session/prompt", prompt(session, text)).await
    }
}

pub(crate) fn prompt(session: &str, text: &str) -> Value {
    json!({ "sessionId": session, "prompt": [{ "type": "text", "text": text }] })
}

/// The text of a chunk.
pub(crate) fn said(message: &Value) -> &str {
    let update = &message["params"]["update"];
    update["content"]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("not a chunk: {message}"))
}
