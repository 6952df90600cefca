//! A server whose every byte a test writes, and a session that talks to it.

use std::collections::VecDeque;

use hostler_runtime::{Command, Ended};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Host, Session};

pub(super) struct Server {
    listener: TcpListener,
    pub(super) port: u16,
}

/// One connection, whose request has been read.
pub(super) struct Connection {
    pub(super) request: String,
    pub(super) stream: TcpStream,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// `[plugins.streaming]` that grants it, and a secret.
    pub(super) fn grant(&self) -> String {
        format!(
            "[[grants.http]]\nhosts = [\"http://127.0.0.1:{}\"]\n\
             addresses = [\"127.0.0.1/32\"]\nsecrets = [\"api-key\"]\n",
            self.port
        )
    }

    pub(super) async fn accept(&self) -> Connection {
        let (stream, _) = self.listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut connection = Connection {
            request: String::new(),
            stream,
        };
        connection.request().await;
        connection
    }

    /// Whether somebody has connected and waits.
    pub(super) fn is_wanted(&self) -> bool {
        let ready = std::future::poll_fn(|context| self.listener.poll_accept(context));
        let mut ready = std::pin::pin!(ready);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        ready.as_mut().poll(&mut context).is_ready()
    }
}

impl Connection {
    /// Reads the head of a request.
    pub(super) async fn request(&mut self) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        self.request = String::from_utf8(head).unwrap();
    }

    /// The head of a response in chunks.
    pub(super) async fn head(&mut self) {
        self.raw(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
              transfer-encoding: chunked\r\n\r\n",
        )
        .await;
    }

    pub(super) async fn chunk(&mut self, bytes: &[u8]) {
        self.raw(&chunk(bytes)).await;
    }

    pub(super) async fn end(&mut self) {
        self.raw(b"0\r\n\r\n").await;
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Returns when the other side has closed it.
    pub(super) async fn closed(&mut self) {
        let mut rest = [0; 64];
        while self
            .stream
            .read(&mut rest)
            .await
            .is_ok_and(|count| count > 0)
        {}
    }
}

/// As chunked transfer coding has it.
pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

pub(super) struct Talk {
    pub(super) session: Session,
    said: VecDeque<Value>,
    /// Calls of the plugin that said something.
    pub(super) calls: usize,
}

impl Talk {
    pub(super) async fn with(host: &Host, settings: &str) -> Self {
        let plugin = host.harness("streaming", settings).await;
        let mut session = host.session(&plugin, None);
        session.opened().await.unwrap().unwrap();
        Self {
            session,
            said: VecDeque::new(),
            calls: 0,
        }
    }

    /// A session that is granted the server.
    pub(super) async fn to(server: &Server) -> Self {
        Self::with(&Host::new(), &server.grant()).await
    }

    /// Has the guest do this, in one call.
    pub(super) async fn order(&mut self, orders: Value) {
        self.session
            .turn(&orders.to_string())
            .await
            .unwrap()
            .unwrap();
    }

    /// Opens an exchange with that server and takes its connection.
    pub(super) async fn open(&mut self, server: &Server, framing: &str) -> Connection {
        let open = json!([{ "open": { "url": server.url("/"), "framing": framing } }]);
        self.order(open).await;
        assert!(self.next().await.get("opened").is_some());
        server.accept().await
    }

    /// What the guest says next.
    pub(super) async fn next(&mut self) -> Value {
        self.try_next().await.unwrap()
    }

    pub(super) async fn try_next(&mut self) -> Result<Value, Ended> {
        loop {
            if let Some(said) = self.said.pop_front() {
                return Ok(said);
            }
            while let Some(end) = self.session.text.find('\n') {
                let line: String = self.session.text.drain(..=end).collect();
                self.said.push_back(serde_json::from_str(&line).unwrap());
            }
            if self.said.is_empty() {
                self.session.step().await?;
                self.calls += 1;
            }
        }
    }

    /// The text of the next piece.
    pub(super) async fn text(&mut self) -> String {
        let said = self.next().await;
        said["text"]
            .as_str()
            .unwrap_or_else(|| panic!("{said}"))
            .to_owned()
    }

    /// Skips the head.
    pub(super) async fn head(&mut self) -> Value {
        let said = self.next().await;
        assert!(said.get("head").is_some(), "{said}");
        said
    }

    /// The sentence of the failure that comes next.
    pub(super) async fn failure(&mut self) -> String {
        let said = self.next().await;
        said["error"]
            .as_str()
            .unwrap_or_else(|| panic!("{said}"))
            .to_owned()
    }

    pub(super) async fn close(&mut self) {
        self.session.harness.send(Command::Close).await;
        while !matches!(self.try_next().await, Err(Ended::Closed)) {}
    }
}
