//! The way to one connection's writer, within a budget of bytes.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use hostler_replay::Position;
use hostler_session::{BoxFuture, History, Outlet};
use tokio::sync::{Notify, mpsc, watch};

use crate::{close_codes, socket::queue::Queue};

/// Bytes that may wait for one connection: as much as agents say in hours. Past
/// it the client does not keep up. A history does not count, only what of it is
/// in memory.
const BUDGET: usize = 32 * 1024 * 1024;

/// So little waits that there is room for what could come later.
const ROOM: usize = 512 * 1024;

/// What a frame costs besides its bytes.
const OVERHEAD: usize = 64;

/// What a history costs besides its frames.
pub(super) const HISTORY_COST: usize = 256;

/// Why the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    /// At most 123 bytes, by RFC 6455.
    pub(crate) reason: &'static str,
}

impl Close {
    pub(crate) fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

/// A frame on its way, and where it stands if it stands somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) frame: Bytes,
    pub(crate) at: Option<At>,
}

/// A position in a session's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) session: Arc<str>,
    pub(crate) position: Position,
}

/// What waits, in order.
#[derive(Debug)]
pub(super) enum Item {
    Frame(Outgoing),
    /// Its frames are read when it is its turn.
    History(Box<History>),
}

/// The way to a connection's writer. Cheap to clone; never waits.
#[derive(Debug, Clone)]
pub(crate) struct Outbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    items: mpsc::UnboundedSender<Item>,
    waiting: AtomicUsize,
    /// Told when something was written.
    less: Notify,
    close: watch::Sender<Option<Close>>,
}

impl Outbox {
    pub(crate) fn new() -> (Self, Queue) {
        let (items, receiver) = mpsc::unbounded_channel();
        let inner = Inner {
            items,
            waiting: AtomicUsize::new(0),
            less: Notify::new(),
            close: watch::Sender::new(None),
        };
        let outbox = Self(Arc::new(inner));
        (outbox.clone(), Queue::new(receiver, outbox))
    }

    /// Closes the connection; only the first reason counts.
    pub(crate) fn close(&self, close: Close) {
        self.0.close.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(close);
            }
            first
        });
    }

    pub(crate) async fn until_closed(&self) -> Close {
        let mut close = self.0.close.subscribe();
        let closed = close.wait_for(Option::is_some).await.map(|close| *close);
        // The sender lives as long as `self`.
        closed.ok().flatten().unwrap_or(BROKEN)
    }

    /// Why it was closed, or that its reader or writer just ended.
    pub(crate) fn closed(&self) -> Close {
        self.0.close.borrow().unwrap_or(BROKEN)
    }

    fn put(&self, item: Item) -> bool {
        if self.0.close.borrow().is_some() {
            return false;
        }
        let cost = match &item {
            Item::Frame(outgoing) => frame_cost(&outgoing.frame),
            Item::History(_) => HISTORY_COST,
        };
        let before = self.read(cost);
        // A single frame over the budget is no sign of a slow reader.
        if before > 0 && before + cost > BUDGET {
            tracing::info!(
                bytes = before,
                "a connection reads too slowly and is closed"
            );
            self.close(Close::new(
                close_codes::SLOW_READER,
                "the client reads too slowly; connect again and load the session",
            ));
            return false;
        }
        self.0.items.send(item).is_ok()
    }

    /// So much more is in memory; the result is what was there before.
    pub(super) fn read(&self, bytes: usize) -> usize {
        self.0.waiting.fetch_add(bytes, Ordering::AcqRel)
    }

    /// So much has been written, or is not there any more.
    pub(super) fn written(&self, bytes: usize) {
        self.0.waiting.fetch_sub(bytes, Ordering::AcqRel);
        self.0.less.notify_waiters();
    }

    async fn until_room(&self) -> bool {
        loop {
            // Before looking, so that nothing written in between is slept over.
            let mut less = pin!(self.0.less.notified());
            less.as_mut().enable();
            if self.0.close.borrow().is_some() {
                return false;
            }
            if self.0.waiting.load(Ordering::Acquire) <= ROOM {
                return true;
            }
            tokio::select! {
                () = less => {}
                _ = self.until_closed() => return false,
            }
        }
    }
}

const BROKEN: Close = Close {
    code: close_codes::PROTOCOL_ERROR,
    reason: "the connection broke",
};

impl Outlet for Outbox {
    fn send(&self, frame: Bytes) -> bool {
        self.put(Item::Frame(Outgoing { frame, at: None }))
    }

    fn room(&self) -> BoxFuture<'_, bool> {
        Box::pin(self.until_room())
    }

    fn send_placed(&self, frame: Bytes, session: &Arc<str>, position: Position) -> bool {
        let session = session.clone();
        let at = Some(At { session, position });
        self.put(Item::Frame(Outgoing { frame, at }))
    }

    fn replay(&self, history: History) -> bool {
        self.put(Item::History(Box::new(history)))
    }
}

/// What a frame takes of the budget.
pub(super) fn frame_cost(frame: &Bytes) -> usize {
    frame.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> Bytes {
        Bytes::from(vec![b'x'; bytes])
    }

    #[test]
    fn what_waits_is_bounded_and_past_it_the_connection_is_closed() {
        let (outbox, mut queue) = Outbox::new();
        let third = BUDGET / 3;
        assert!(outbox.send(frame(third)));
        assert!(outbox.send(frame(third)));
        assert!(
            !outbox.send(frame(third)),
            "with its overhead it is too much"
        );
        assert_eq!(outbox.closed().code, close_codes::SLOW_READER);
        assert!(!outbox.send(frame(1)), "a closed connection takes nothing");
        assert_eq!(std::iter::from_fn(|| queue.next_now()).count(), 2);
    }

    #[test]
    fn what_was_written_makes_room() {
        let (outbox, mut queue) = Outbox::new();
        for _ in 0..100 {
            assert!(outbox.send(frame(BUDGET / 2)));
            let written = queue.next_now().unwrap();
            outbox.written(frame_cost(&written.frame));
        }
    }

    #[test]
    fn one_frame_larger_than_the_budget_passes() {
        let (outbox, _queue) = Outbox::new();
        assert!(outbox.send(frame(BUDGET + 1)));
        assert!(!outbox.send(frame(1)));
    }

    #[tokio::test]
    async fn the_first_reason_to_close_counts() {
        let (outbox, _queue) = Outbox::new();
        outbox.close(Close::new(close_codes::GOING_AWAY, "a"));
        outbox.close(Close::new(close_codes::SILENT, "b"));
        assert_eq!(outbox.until_closed().await.code, close_codes::GOING_AWAY);
    }
}
