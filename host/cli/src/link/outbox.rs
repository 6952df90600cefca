//! A way to somebody who may be slow: whoever fills it looks first whether there
//! is room, so that a slow reader makes the other side wait and costs a bound.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Bytes that may wait before there is no room.
const ROOM: usize = 256 * 1024;

/// Has a size.
pub(crate) trait Weigh {
    fn weight(&self) -> usize;
}

impl Weigh for Utf8Bytes {
    fn weight(&self) -> usize {
        // A message costs something, however small.
        self.len() + 64
    }
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    taken: Notify,
}

pub(crate) fn outbox<T: Weigh>() -> (Outbox<T>, Inbox<T>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared::default());
    let outbox = Outbox {
        sender,
        shared: shared.clone(),
    };
    (outbox, Inbox { receiver, shared })
}

#[derive(Debug)]
pub(crate) struct Outbox<T> {
    sender: mpsc::UnboundedSender<T>,
    shared: Arc<Shared>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            shared: self.shared.clone(),
        }
    }
}

impl<T: Weigh> Outbox<T> {
    /// Puts it in, room or not. If nobody reads any more it is lost.
    pub(crate) fn push(&self, item: T) {
        self.shared
            .waiting
            .fetch_add(item.weight(), Ordering::AcqRel);
        let _ = self.sender.send(item);
    }

    pub(crate) fn has_room(&self) -> bool {
        self.shared.waiting.load(Ordering::Acquire) < ROOM
    }

    /// Resolves when there is room. One may wait at a time.
    pub(crate) async fn room(&self) {
        while !self.has_room() {
            self.shared.taken.notified().await;
        }
    }

    /// Resolves when nobody reads any more.
    pub(crate) async fn closed(&self) {
        self.sender.closed().await;
    }
}

#[derive(Debug)]
pub(crate) struct Inbox<T> {
    receiver: mpsc::UnboundedReceiver<T>,
    shared: Arc<Shared>,
}

impl<T: Weigh> Inbox<T> {
    /// The next; none when all outboxes are gone and it is empty.
    pub(crate) async fn next(&mut self) -> Option<T> {
        let item = self.receiver.recv().await?;
        Some(self.took(item))
    }

    /// The next if it is there already.
    pub(crate) fn next_now(&mut self) -> Option<T> {
        let item = self.receiver.try_recv().ok()?;
        Some(self.took(item))
    }

    /// For a thread.
    pub(crate) fn next_blocking(&mut self) -> Option<T> {
        let item = self.receiver.blocking_recv()?;
        Some(self.took(item))
    }

    fn took(&self, item: T) -> T {
        self.shared
            .waiting
            .fetch_sub(item.weight(), Ordering::AcqRel);
        self.shared.taken.notify_one();
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_room_again_when_enough_was_taken() {
        let (outbox, mut inbox) = outbox();
        while outbox.has_room() {
            outbox.push(Utf8Bytes::from("x".repeat(1000)));
        }
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        inbox.next().await.unwrap();
        waiting.await.unwrap();
        drop(inbox);
        outbox.closed().await;
    }
}
