//! What the client writes while there is no connection.

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::requests::Request;

/// A message that waits for a connection.
#[derive(Debug)]
pub(super) enum Queued {
    Request(Request),
    Other(Utf8Bytes),
}

impl Queued {
    pub(super) fn request_mut(&mut self) -> Option<&mut Request> {
        match self {
            Self::Request(request) => Some(request),
            Self::Other(_) => None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Request(request) => request.text.len(),
            Self::Other(text) => text.len(),
        }
    }
}
