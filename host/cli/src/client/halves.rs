//! The two directions of a connection, and how they end.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use futures_util::{
    FutureExt as _, SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes, protocol::CloseFrame};

use super::dial::Socket;
use crate::exit::{Exit, Failure, OrExit as _};

/// Towards the host.
#[derive(Debug)]
pub(crate) struct Sender(SplitSink<Socket, Message>);

/// From the host.
#[derive(Debug)]
pub(crate) struct Receiver {
    stream: SplitStream<Socket>,
    heard: Heard,
}

/// When something was received last, if only an answer to a ping. Cheap to
/// clone; all clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    begin: Instant,
    /// Since then. Not rounded: it is compared with other instants.
    nanos: Arc<AtomicU64>,
}

impl Heard {
    /// Just now.
    pub(crate) fn new() -> Self {
        Self {
            begin: Instant::now(),
            nanos: Arc::default(),
        }
    }

    pub(crate) fn now(&self) {
        let nanos = self.begin.elapsed().as_nanos();
        // Full after 584 years.
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.nanos.store(nanos, Ordering::Release);
    }

    pub(crate) fn last(&self) -> Instant {
        self.begin + std::time::Duration::from_nanos(self.nanos.load(Ordering::Acquire))
    }
}

pub(super) fn halves(socket: Socket) -> (Sender, Receiver) {
    let (sink, stream) = socket.split();
    let heard = Heard::new();
    (Sender(sink), Receiver { stream, heard })
}

impl Sender {
    pub(crate) async fn send(&mut self, message: impl Into<Utf8Bytes>) -> Result<(), Failure> {
        let sent = self.0.send(Message::Text(message.into())).await;
        sent.context("the connection to the host broke")
            .or_exit(Exit::HostLost)
    }

    /// Asks for a sign of life.
    pub(crate) async fn ping(&mut self) -> Result<(), Failure> {
        let sent = self.0.send(Message::Ping(Bytes::new())).await;
        sent.context("the connection to the host broke")
            .or_exit(Exit::HostLost)
    }

    /// Says goodbye; the host may be gone already.
    pub(crate) async fn close(&mut self) {
        let _ = self.0.send(Message::Close(None)).await;
    }
}

impl Receiver {
    /// The next message. Can be dropped at any time without losing one.
    pub(crate) async fn next(&mut self) -> Result<Utf8Bytes, Failure> {
        let end = loop {
            let next = self.stream.next().await;
            self.heard.now();
            match next {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => break closed(frame),
                // Pings are answered by the library; binary is not ACP.
                Some(Ok(_)) => {}
                Some(Err(error)) => break broken(error),
                None => break closed(None),
            }
        };
        Err(end).or_exit(Exit::HostLost)
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// A message that has arrived already.
    pub(crate) fn next_now(&mut self) -> Option<Result<Utf8Bytes, Failure>> {
        self.next().now_or_never()
    }
}

/// The other side went away.
pub(super) fn is_end(error: &tungstenite::Error) -> bool {
    use tungstenite::{Error, error::ProtocolError};
    matches!(
        error,
        Error::Io(_)
            | Error::ConnectionClosed
            | Error::Protocol(
                ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake
            )
    )
}

fn broken(error: tungstenite::Error) -> anyhow::Error {
    if is_end(&error) {
        return anyhow!("the host is gone");
    }
    anyhow!(error).context("the connection to the host broke")
}

fn closed(frame: Option<CloseFrame>) -> anyhow::Error {
    match frame {
        Some(frame) if frame.reason.is_empty() => {
            anyhow!("the host closed the connection (code {})", frame.code)
        }
        Some(frame) => anyhow!(
            "the host closed the connection: {} (code {})",
            frame.reason,
            frame.code
        ),
        None => anyhow!("the host closed the connection"),
    }
}
