//! The body of a GET that reads a stream.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::streams::WeakStreams;

/// Events, until the connection ends or somebody else reads the stream. When it
/// is dropped, the stream waits for another one.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(super) chunks: mpsc::Receiver<Bytes>,
    pub(super) streams: WeakStreams,
    /// None: the connection's stream.
    pub(super) session: Option<String>,
    /// Of all that have read this stream.
    pub(super) number: u64,
    /// Among those who read at the same time.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

impl Reading {
    /// Keeps the place as long as it is read.
    pub(crate) fn holding(mut self, place: OwnedSemaphorePermit) -> Self {
        self.place = Some(place);
        self
    }
}

impl Stream for Reading {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.poll_recv(context).map(|chunk| chunk.map(Ok))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let (Some(streams), Some(session)) = (self.streams.upgrade(), &self.session) {
            streams.left(session, self.number);
        }
    }
}
