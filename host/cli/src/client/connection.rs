//! The WebSocket to the host.

use std::path::Path;

use anyhow::Context as _;
use hostler_wire::{Id, Message as Rpc, compose};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{
    answer::{RpcError, answer},
    dial::{Target, dial},
    halves::{Receiver, Sender, halves},
};
use crate::exit::Failure;

/// A connection that has been let in. Its two directions may be used apart.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
}

impl Connection {
    /// Connects to the host of a state directory. `harness` chooses the plugin
    /// of the sessions made here; without it the host does.
    ///
    /// [`Exit::NoHost`]: there is none, or it is about to go.
    pub(crate) async fn open(state: &Path, harness: Option<&str>) -> Result<Self, Failure> {
        Self::to(&Target::local(state)?, harness).await
    }

    /// The same with any host.
    pub(crate) async fn to(target: &Target, harness: Option<&str>) -> Result<Self, Failure> {
        let (sender, receiver) = halves(dial(target, harness).await?);
        Ok(Self { sender, receiver })
    }

    pub(crate) async fn send(&mut self, message: String) -> Result<(), Failure> {
        self.sender.send(message).await
    }

    /// See [`Receiver::next`].
    pub(crate) async fn receive(&mut self) -> Result<Utf8Bytes, Failure> {
        self.receiver.next().await
    }

    /// Sends a request and waits for its answer, deaf to everything else.
    pub(crate) async fn call(
        &mut self,
        id: &Id,
        method: &str,
        params: &impl Serialize,
    ) -> Result<Result<String, RpcError>, Failure> {
        let params = serde_json::to_string(params).context("a message cannot be JSON")?;
        self.send(compose::request(id, method, &params)).await?;
        loop {
            let text = self.receive().await?;
            match Rpc::parse(&text) {
                Ok(Rpc::Response {
                    id: answered,
                    outcome,
                }) if answered == *id => return answer(outcome),
                _ => {}
            }
        }
    }

    /// Says goodbye; the host may be gone already.
    pub(crate) async fn close(mut self) {
        self.sender.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[tokio::test]
    async fn without_a_host_the_message_says_how_to_start_one() {
        let folder = tempfile::tempdir().unwrap();
        let failure = Connection::open(folder.path(), None).await.unwrap_err();
        assert_eq!(failure.exit, Exit::NoHost);
        let message = failure.error.to_string();
        assert!(message.contains("hostler serve"), "{message}");
    }
}
