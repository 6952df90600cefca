//! The session's stream. Nobody sees what is not in the journal yet: updates and
//! steps wait in [`Unit::pending`] until [`Unit::flush`] has written them, all in
//! one go, and then they are delivered. Whatever leaves the session by another
//! way (an answer, a question) flushes first, so the order stays.

use bytes::Bytes;
use hostler_replay::{Audience, Replay};
use hostler_store::{Entry, Journal, SessionKey, StoredSession};

use crate::{
    Client, ClientId, Notice, SessionError, frames,
    progress::Kind,
    unit::{Unit, viewers::given},
};

/// Where a session is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) journal: Journal,
    pub(crate) key: SessionKey,
    /// The journal holds frames of earlier hosts, which the ring does not.
    pub(crate) earlier: bool,
}

/// Something that is not in the journal yet.
#[derive(Debug)]
pub(super) enum Pending {
    Frame {
        update: String,
        /// Caused it and knows already.
        author: Option<ClientId>,
    },
    Step(Entry),
}

impl Unit {
    /// Appends an update to the stream.
    pub(super) fn publish(&mut self, update: String, author: Option<ClientId>) {
        self.pending.push(Pending::Frame { update, author });
    }

    /// Appends what no client sees.
    pub(super) fn record(&mut self, entry: Entry) {
        self.pending.push(Pending::Step(entry));
    }

    /// An update of the harness. A notice is an event and no history, and only
    /// for those who announced it.
    pub(super) fn forward(&mut self, update: String) {
        match self.progress.note(&update) {
            Kind::History => self.publish(update, None),
            Kind::Notice { title } => {
                self.flush();
                let notice = frames::update(&self.id, &update);
                let message = self.notice_frame(false, &Notice::info(title));
                let lost = self.hub.each(Audience::All, |_, watcher| {
                    let client = &watcher.client;
                    let frame = if client.notices { &notice } else { &message };
                    given(client.outlet.send(frame.clone()))
                });
                self.forget(lost);
            }
        }
    }

    /// Journals and delivers all that waits. `false`: it could not be journalled,
    /// nobody sees it, and the session is over.
    pub(super) fn flush(&mut self) -> bool {
        if let Some(settings) = self.progress.take_changed_settings() {
            self.record(Entry::Settings(settings));
        }
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return true;
        }
        let mut seq = self.hub.head().seq;
        let mut entries = Vec::with_capacity(pending.len());
        let mut deliveries = Vec::with_capacity(pending.len());
        for step in pending {
            match step {
                Pending::Step(entry) => entries.push(entry),
                Pending::Frame { update, author } => {
                    seq += 1;
                    deliveries.push((frames::update(&self.id, &update), author));
                    entries.push(Entry::Frame { seq, update });
                }
            }
        }
        if let Err(error) = self.kept.journal.append(self.kept.key, &entries) {
            self.journal_failed(SessionError::Journal(error.to_string()));
            return false;
        }
        for (frame, author) in deliveries {
            self.deliver(frame, author);
        }
        true
    }

    /// Nobody knows of the session: it is not kept.
    pub(super) fn never_came_to_be(&mut self) {
        self.pending.clear();
        if let Err(error) = self.kept.journal.remove(self.kept.key) {
            tracing::warn!(session = self.id, %error, "a session that did not begin stays in the journal");
        }
    }

    fn deliver(&mut self, frame: Bytes, author: Option<ClientId>) {
        let audience = author
            .and_then(|client| self.viewer_id(client))
            .map_or(Audience::All, Audience::AllBut);
        let bytes = frame.len();
        let lost = self.hub.publish(frame, bytes, audience).lost;
        self.forget(lost);
    }

    /// What cannot be kept must not go on: the turn is answered with the reason
    /// and the session leaves memory. It can be loaded as the journal has it.
    fn journal_failed(&mut self, error: SessionError) {
        tracing::error!(session = self.id, %error, "the session is stopped");
        self.over = true;
        self.drop_instance(&error);
        if let Some(turn) = self.running.take() {
            turn.into_reply().send(Err(error.clone()));
        }
        for queued in self.queue.drain(..) {
            queued.reply.send(Err(error.clone()));
        }
        // Taking back questions may have left more behind.
        self.pending.clear();
    }

    /// Sends all history; `false` if the client is gone.
    pub(super) fn replay(&self, client: &Client) -> bool {
        if !self.kept.earlier
            && let Replay::Contiguous(mut frames) = self.hub.since(None)
        {
            return frames.all(|(_, frame)| client.outlet.send(frame.clone()));
        }
        // Reading here keeps the replay and what follows in one piece; it costs
        // about a millisecond for a megabyte.
        let mut taken = true;
        let read = self.kept.journal.replay(self.kept.key, |update| {
            taken = client.outlet.send(frames::update(&self.id, update));
            taken
        });
        if let Err(error) = read {
            tracing::error!(session = self.id, %error, "the history could not be read");
            let notice = Notice::warning(format!("The history could not be read: {error}."));
            taken = client
                .outlet
                .send(self.notice_frame(client.notices, &notice));
        }
        taken
    }

    /// Takes up a session of an earlier host. A turn that ran then is over; what
    /// it had delivered is there.
    pub(crate) fn take_up(&mut self, stored: &StoredSession) {
        self.origin.checkpoint = stored.checkpoint.clone();
        if let Some(settings) = &stored.settings {
            self.progress.note_answer(settings);
            self.progress.take_changed_settings();
        }
        if let Some(title) = &stored.title {
            self.progress.set_title(title);
        }
        if !stored.turn_open {
            return;
        }
        let progress = &mut self.progress;
        let read = self.kept.journal.replay(self.kept.key, |update| {
            progress.note(update);
            true
        });
        if let Err(error) = read {
            tracing::error!(session = self.id, %error, "the history could not be read");
        }
        self.fail_open_tools();
        self.publish(frames::turn_ended(&Err(SessionError::HostRestarted)), None);
        self.record(Entry::TurnEnded);
        self.flush();
    }
}
