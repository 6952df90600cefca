//! What the writer takes from: frames in order, and histories page by page.

use std::{collections::VecDeque, future::pending};

use hostler_session::{History, SessionError};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
};

use super::outbox::{At, Close, HISTORY_COST, Item, Outbox, Outgoing, frame_cost};
use crate::close_codes;

/// The writer's side of an outbox.
#[derive(Debug)]
pub(crate) struct Queue {
    items: mpsc::UnboundedReceiver<Item>,
    outbox: Outbox,
    /// Of the history whose turn it is.
    page: VecDeque<Outgoing>,
    /// The next page of it, on its way while this one is written.
    reading: Option<JoinHandle<Read>>,
    /// A history had no end: nothing that follows may go out.
    broken: bool,
}

type Read = (Box<History>, Result<Vec<Outgoing>, SessionError>);

impl Queue {
    pub(super) fn new(items: mpsc::UnboundedReceiver<Item>, outbox: Outbox) -> Self {
        Self {
            items,
            outbox,
            page: VecDeque::new(),
            reading: None,
            broken: false,
        }
    }

    /// The next frame. Loses nothing when it is dropped.
    pub(crate) async fn next(&mut self) -> Outgoing {
        loop {
            if let Some(frame) = self.next_now() {
                return frame;
            }
            if self.broken {
                pending::<()>().await;
            }
            if self.reading.is_some() {
                self.turn_page().await;
            } else if let Some(item) = self.items.recv().await
                && let Some(frame) = self.take(item)
            {
                return frame;
            }
        }
    }

    /// Like [`next`](Self::next), of what was put in before now.
    pub(crate) async fn rest(&mut self) -> Option<Outgoing> {
        loop {
            if let Some(frame) = self.next_now() {
                return Some(frame);
            }
            if self.broken || self.reading.is_none() {
                return None;
            }
            self.turn_page().await;
        }
    }

    /// The next frame, if it is in memory.
    pub(crate) fn next_now(&mut self) -> Option<Outgoing> {
        if let Some(frame) = self.page.pop_front() {
            return Some(frame);
        }
        if self.broken || self.reading.is_some() {
            return None;
        }
        let item = self.items.try_recv().ok()?;
        self.take(item)
    }

    fn take(&mut self, item: Item) -> Option<Outgoing> {
        match item {
            Item::Frame(frame) => Some(frame),
            Item::History(history) => {
                self.read(history);
                None
            }
        }
    }

    fn read(&mut self, mut history: Box<History>) {
        self.reading = Some(spawn_blocking(move || {
            let page = history.next_page();
            let page = page.map(|page| {
                let outgoing = page.into_iter().map(|(frame, position)| {
                    let session = history.session().clone();
                    let at = history.is_positioned().then_some(At { session, position });
                    Outgoing { frame, at }
                });
                outgoing.collect()
            });
            (history, page)
        }));
    }

    /// The history stays in `reading` until it is there, so that nothing is lost
    /// if this is dropped.
    async fn turn_page(&mut self) {
        let Some(reading) = &mut self.reading else {
            return;
        };
        let read = reading.await;
        self.reading = None;
        match read {
            Ok((_, Ok(page))) if page.is_empty() => self.outbox.written(HISTORY_COST),
            Ok((history, Ok(page))) => {
                self.outbox.read(
                    page.iter()
                        .map(|outgoing| frame_cost(&outgoing.frame))
                        .sum(),
                );
                self.page = page.into();
                self.read(history);
            }
            Ok((_, Err(error))) => self.end(&error.to_string()),
            Err(error) => self.end(&error.to_string()),
        }
    }

    fn end(&mut self, error: &str) {
        tracing::error!(
            "a history could not be read to its end, and its reader is closed: {error}"
        );
        self.broken = true;
        self.outbox.close(Close::new(
            close_codes::UNREADABLE,
            "the history of a session could not be read; the log of the host says why",
        ));
    }
}

/// What nobody will take any more makes room for what stands beside it.
impl Drop for Queue {
    fn drop(&mut self) {
        self.items.close();
        let mut bytes: usize = self
            .page
            .iter()
            .map(|placed| frame_cost(&placed.frame))
            .sum();
        if self.reading.is_some() {
            bytes += HISTORY_COST;
        }
        while let Ok(item) = self.items.try_recv() {
            bytes += item.cost();
        }
        self.outbox.written(bytes);
    }
}
