//! Which sessions are live, and which are closed and still end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{mpsc, watch};

use super::{Info, Router, lock};
use crate::{
    SessionError,
    unit::{Message, instance::Ending},
};

#[derive(Debug, Default)]
pub(super) struct Table {
    live: HashMap<String, Entry>,
    /// Sessions that nobody finds any more; their instances may not be gone yet.
    ending: HashMap<String, End>,
    /// No session begins any more.
    pub(super) stopping: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) mailbox: mpsc::Sender<Message>,
    pub(super) info: Arc<Mutex<Info>>,
    end: End,
}

/// The end of a session as a later one of the same id sees it.
#[derive(Debug, Clone)]
struct End {
    /// Closed when it writes nothing more into the journal.
    written: watch::Receiver<()>,
    /// Closed when its instance is gone.
    gone: watch::Receiver<()>,
}

/// A session's place in the router, from its beginning until its instance is
/// gone.
#[derive(Debug)]
pub(crate) struct Registration {
    router: Router,
    id: String,
    /// Also tells this session from a later one of the same id.
    info: Arc<Mutex<Info>>,
    /// Nothing is sent: it is closed when this is dropped.
    _gone: watch::Sender<()>,
    /// Likewise, when all is written.
    writing: Option<watch::Sender<()>>,
    before: Option<End>,
}

impl Table {
    pub(super) fn get(&self, id: &str) -> Option<&Entry> {
        self.live.get(id)
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Entry> {
        self.live.values()
    }

    /// Room for one session more.
    fn make_room(&mut self, bound: usize) -> Result<(), SessionError> {
        if self.live.len() < bound || self.put_back_one(bound) {
            return Ok(());
        }
        Err(SessionError::TooMany {
            what: "too many sessions are live in this host",
            bound,
            remedy: "close one that is not needed (`hostler session list`), or raise `[session] \
                     max_live`",
        })
    }

    /// Closes the session that has been at rest for longest: whoever comes back to
    /// it loads it from the journal.
    fn put_back_one(&mut self, bound: usize) -> bool {
        let resting = self.live.iter().filter(|(_, entry)| entry.is_at_rest());
        let longest = resting.min_by_key(|(_, entry)| lock(&entry.info).summary.updated);
        let Some((id, entry)) = longest else {
            return false;
        };
        if entry.mailbox.try_send(Message::PutBack).is_err() {
            return false;
        }
        tracing::info!(
            session = id,
            bound,
            "put back into the journal to make room"
        );
        let (id, info) = (id.clone(), entry.info.clone());
        self.leave(&id, &info);
        true
    }

    /// Nobody finds the session any more. One of the same id that begins from now
    /// on waits until this one's instance is gone.
    fn leave(&mut self, id: &str, info: &Arc<Mutex<Info>>) {
        self.ending.retain(|_, end| end.gone.has_changed().is_ok());
        let own = |entry: &Entry| Arc::ptr_eq(&entry.info, info);
        if self.live.get(id).is_some_and(own)
            && let Some(entry) = self.live.remove(id)
        {
            self.ending.insert(id.to_owned(), entry.end);
        }
    }
}

impl Entry {
    /// Nothing goes on in it, nobody views it, and nobody is about to ask
    /// something of it.
    fn is_at_rest(&self) -> bool {
        self.mailbox.strong_count() == 1
            && self.mailbox.capacity() == self.mailbox.max_capacity()
            && {
                let info = lock(&self.info);
                info.at_rest && !info.is_busy()
            }
    }
}

impl Registration {
    pub(super) fn new(
        router: &Router,
        id: &str,
        mailbox: mpsc::Sender<Message>,
        info: Arc<Mutex<Info>>,
    ) -> Result<Self, SessionError> {
        let mut table = router.table();
        // Under the lock: `shutdown` closes what it finds there.
        if table.stopping {
            return Err(SessionError::ShuttingDown);
        }
        if table.live.contains_key(id) {
            return Err(SessionError::UnknownSession(id.to_owned()));
        }
        table.make_room(router.config().max_live)?;
        router.0.alive.send_modify(|alive| *alive += 1);
        let (gone, writing) = (watch::Sender::new(()), watch::Sender::new(()));
        let end = End {
            written: writing.subscribe(),
            gone: gone.subscribe(),
        };
        let entry = Entry {
            mailbox,
            info: info.clone(),
            end,
        };
        let registration = Self {
            router: router.clone(),
            id: id.to_owned(),
            info,
            _gone: gone,
            writing: Some(writing),
            before: table.ending.get(id).cloned(),
        };
        table.live.insert(id.to_owned(), entry);
        Ok(registration)
    }

    /// The end of an earlier session of the same id, if it was not gone yet.
    pub(super) fn predecessor(&mut self) -> Option<Ending> {
        let mut gone = self.before.take()?.gone;
        Some(Box::pin(async move {
            // An error says that the other side was dropped. It waits for its
            // instance only so long, so this needs no bound.
            let _ = gone.changed().await;
            true
        }))
    }

    /// Waits until an earlier session of the same id writes nothing more.
    pub(super) async fn until_written(&self) {
        if let Some(before) = &self.before {
            let mut written = before.written.clone();
            // An error says that the other side was dropped.
            let _ = written.changed().await;
        }
    }

    /// The session writes nothing more into the journal.
    pub(crate) fn has_written(&mut self) {
        self.writing = None;
    }

    /// Nobody finds the session any more.
    pub(crate) fn leave(&self) {
        self.router.table().leave(&self.id, &self.info);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.leave();
        self.router.0.alive.send_modify(|alive| *alive -= 1);
    }
}
