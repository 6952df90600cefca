//! The two directions of a connection, and how they end.

use anyhow::{Context as _, anyhow};
use futures_util::{
    FutureExt as _, SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes, protocol::CloseFrame};

use super::dial::Socket;
use crate::exit::{Exit, Failure, OrExit as _};

/// Towards the host.
#[derive(Debug)]
pub(crate) struct Sender(SplitSink<Socket, Message>);

/// From the host.
#[derive(Debug)]
pub(crate) struct Receiver(SplitStream<Socket>);

pub(super) fn halves(socket: Socket) -> (Sender, Receiver) {
    let (sink, stream) = socket.split();
    (Sender(sink), Receiver(stream))
}

impl Sender {
    pub(crate) async fn send(&mut self, message: String) -> Result<(), Failure> {
        let sent = self.0.send(Message::text(message)).await;
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
            match self.0.next().await {
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
