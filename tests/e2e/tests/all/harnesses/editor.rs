//! The client that prompts: a WebSocket in plain ACP, or acpx.

use serde_json::Value;

use hostler_e2e::Peer;

use super::acpx::Acpx;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    WebSocket,
    Acpx,
}

pub(super) enum Editor {
    /// And the id of its prompt.
    Socket(Box<Peer>, u64),
    Acpx(Box<Acpx>),
}

impl Editor {
    /// The next message, and whether it is the end of the prompt.
    pub(super) async fn next(&mut self) -> (Value, bool) {
        match self {
            Self::Socket(peer, prompt) => {
                let message = peer.next().await;
                let end = message.get("method").is_none() && message["id"] == *prompt;
                (message, end)
            }
            Self::Acpx(acpx) => acpx.next().await,
        }
    }

    /// What came meanwhile, or after the end of a turn.
    pub(super) async fn rest(&mut self) -> Vec<Value> {
        match self {
            Self::Socket(peer, _) => std::mem::take(&mut peer.early),
            Self::Acpx(acpx) => acpx.finish().await,
        }
    }
}
