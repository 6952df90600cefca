//! A client that sends whatever a test wants, one WebSocket frame at a time.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::CloseFrame},
};

use crate::Host;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection.
#[derive(Debug)]
pub struct Peer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last_id: u64,
    /// What came while an answer was waited for: updates and requests.
    pub early: Vec<Value>,
}

/// What comes of looking for a message.
#[derive(Debug)]
pub enum Came {
    /// One came.
    Message(Value),
    /// None in the time that was given.
    Nothing,
    /// The connection has ended; the close frame, if there was one.
    End(Option<CloseFrame>),
}

/// What a host says to a connection that it does not take.
#[derive(Debug)]
pub struct Refusal {
    /// Of HTTP.
    pub status: u16,
    /// `error.code` of the body.
    pub code: String,
    /// `error.message` of the body.
    pub message: String,
}

impl Peer {
    /// Opens a WebSocket at `/acp` and this `query`, with its question mark or
    /// empty. `headers` replace those that a good client sends, the token's
    /// too; one without a value is left out.
    ///
    /// # Errors
    /// The host does not take it.
    ///
    /// # Panics
    /// When the host is not there.
    pub async fn connect(
        host: &Host,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Refusal> {
        let url = format!("ws://{}/acp{query}", host.address());
        let mut request = url.into_client_request().expect("an address");
        let bearer = format!("Bearer {}", host.token());
        for (name, value) in [("authorization", bearer.as_str())].iter().chain(headers) {
            request.headers_mut().remove(*name);
            if !value.is_empty() {
                let value = value.parse().expect("a header");
                request.headers_mut().insert(*name, value);
            }
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self {
                socket,
                last_id: 0,
                early: Vec::new(),
            }),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let body: Value = serde_json::from_slice(body).expect("JSON");
                let text = |name: &str| body["error"][name].as_str().expect(name).to_owned();
                Err(Refusal {
                    status: response.status().as_u16(),
                    code: text("code"),
                    message: text("message"),
                })
            }
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// A connection that is initialised.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn start(host: &Host) -> Self {
        let mut peer = Self::connect(host, "", &[]).await.expect("a connection");
        let hello = peer
            .ask("initialize", &json!({ "protocolVersion": 1 }))
            .await;
        assert_eq!(hello["result"]["protocolVersion"], 1, "{hello}");
        peer
    }

    /// A connection with this token that asks for the extension, as the instance
    /// `tag` of a client.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn positioned(host: &Host, tag: &str, token: &str) -> Self {
        let bearer = format!("Bearer {token}");
        let connected = Self::connect(host, "", &[("authorization", &bearer)]).await;
        let mut peer = connected.expect("a connection");
        let meta = json!({ "hostler": { "client": tag } });
        let hello = json!({
            "protocolVersion": 1,
            "clientCapabilities": { "_meta": meta },
            "clientInfo": { "name": tag, "version": "1" },
        });
        let hello = peer.ask("initialize", &hello).await;
        let capabilities = &hello["result"]["agentCapabilities"]["_meta"]["hostler"];
        assert_eq!(capabilities["attach"], true, "{hello}");
        peer
    }

    /// A new session in the host's workspace, with its default harness.
    pub async fn session(&mut self, host: &Host) -> String {
        let new = json!({ "cwd": host.work(), "mcpServers": [] });
        let answer = self.ask("session/new", &new).await;
        let session = answer["result"]["sessionId"].as_str();
        session.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Sends a request and waits for its answer.
    pub async fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params).await;
        self.answer(id).await
    }

    /// Sends a request; its id.
    pub async fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.text(&request.to_string()).await;
        id
    }

    /// Sends `session/prompt` with a text; its id.
    pub async fn begin_prompt(&mut self, session: &str, text: &str) -> u64 {
        let prompt = json!([{ "type": "text", "text": text }]);
        let params = json!({ "sessionId": session, "prompt": prompt });
        self.begin("session/prompt", &params).await
    }

    /// Waits for the answer to a request.
    pub async fn answer(&mut self, id: u64) -> Value {
        self.wait_for(|message| message["id"] == id && message.get("method").is_none())
            .await
    }

    /// Waits for a message; the others go to [`early`](Self::early).
    pub async fn wait_for(&mut self, matches: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await;
            if matches(&message) {
                return message;
            }
            self.early.push(message);
        }
    }

    /// The next message, whatever it is.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.receive().await {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("no message but {other:?}; before it: {:?}", self.early),
            }
        }
    }

    /// The next message, if one comes in time; what came early is not looked at.
    pub async fn look(&mut self, time: Duration) -> Came {
        let look = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Came::Message(serde_json::from_str(&text).expect("JSON"));
                    }
                    Some(Ok(Message::Close(close))) => return Came::End(close),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Came::End(None),
                }
            }
        };
        tokio::time::timeout(time, look)
            .await
            .unwrap_or(Came::Nothing)
    }

    /// Answers a request for a permission with its option of this kind.
    pub async fn choose(&mut self, asked: &Value, kind: &str) {
        let options = asked["params"]["options"].as_array().expect("options");
        let option = options.iter().find(|option| option["kind"] == kind);
        let option = &option.expect("an option of the kind")["optionId"];
        let outcome = json!({ "outcome": "selected", "optionId": option });
        let answer =
            json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "outcome": outcome } });
        self.text(&answer.to_string()).await;
    }

    /// Sends a text frame.
    pub async fn text(&mut self, text: &str) {
        self.send(Message::text(text)).await.expect("sent");
    }

    /// Sends a binary frame.
    pub async fn binary(&mut self, bytes: &[u8]) {
        let bytes = Message::binary(bytes.to_vec());
        self.send(bytes).await.expect("sent");
    }

    /// Sends a text frame that makes the host close the connection, maybe before
    /// all of it was sent; how it closes.
    pub async fn text_until_closed(&mut self, text: &str) -> CloseFrame {
        let _ = self.send(Message::text(text)).await;
        loop {
            if let Message::Close(close) = self.receive().await {
                return close.expect("a code");
            }
        }
    }

    /// Ends the connection without a close frame, as a lost network does.
    pub async fn lose(&mut self) {
        let _ = self.socket.get_mut().shutdown().await;
    }

    /// Everything that still comes, for `time` or until the connection breaks.
    pub async fn drain(&mut self, time: Duration) -> Vec<Value> {
        let mut messages = std::mem::take(&mut self.early);
        let all = async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Text(text) = message {
                    messages.push(serde_json::from_str(&text).expect("JSON"));
                }
            }
        };
        let _ = tokio::time::timeout(time, all).await;
        messages
    }

    async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).await
    }

    async fn receive(&mut self) -> Message {
        let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
        next.expect("nothing came")
            .expect("the connection ended without a close")
            .expect("the connection broke")
    }
}
