//! The session's stream. Nobody sees what is not in the journal yet: updates and
//! steps wait in [`Unit::pending`] until [`Unit::flush`] has written them, all in
//! one go, and then they are delivered. Whatever leaves the session by another
//! way (an answer, a question) flushes first, so the order stays.

use bytes::Bytes;
use hostler_replay::Audience;
use hostler_store::{Entry, Journal, SessionKey, StoredSession};

use crate::{
    ClientId, History, Notice, SessionError, frames,
    progress::{Kind, Progress},
    unit::{
        Unit,
        instance::{Ending, Stage},
        viewers::given,
    },
};

/// Where a session is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) journal: Journal,
    pub(crate) key: SessionKey,
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
                self.flush_or_end();
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

    /// Changes of modes and options, for all but whoever caused them.
    pub(super) fn show_changes(&mut self, changes: Vec<String>, author: Option<ClientId>) {
        for change in changes {
            self.publish(change, author);
        }
    }

    /// Journals and delivers all that waits. After an error nobody sees it, nor
    /// anything that would have followed, and the session is over.
    pub(super) fn flush(&mut self) -> Result<(), SessionError> {
        if let Some(settings) = self.progress.take_changed_settings() {
            self.record(Entry::Settings(settings));
        }
        if let Some(tools) = self.asks.take_changed_tools() {
            self.record(Entry::Asks(tools));
        }
        let pending = std::mem::take(&mut self.pending);
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if pending.is_empty() {
            return Ok(());
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
            let error = SessionError::Journal(error.to_string());
            self.journal_failed(&error);
            return Err(error);
        }
        for (frame, author) in deliveries {
            self.deliver(frame, author);
        }
        Ok(())
    }

    /// [`flush`](Self::flush) where nobody waits for an answer: an error has ended
    /// the session and has been told.
    pub(super) fn flush_or_end(&mut self) {
        let _told = self.flush();
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
    fn journal_failed(&mut self, error: &SessionError) {
        tracing::error!(session = self.id, %error, "the session is stopped");
        let ending = std::mem::replace(&mut self.over, true);
        self.broken = Some(error.clone());
        self.drop_instance(error);
        // Its end stays out of the journal: it is told when the session is loaded.
        if let Some(turn) = self.running.take() {
            turn.into_reply().send(Err(error.clone()));
        }
        let notice = Notice::warning(format!("The session is closed: {error}."));
        let lost = self.hub.each(Audience::All, |_, watcher| {
            let client = &watcher.client;
            let notice = frames::update(&self.id, &notice.update(client.notices));
            given(client.outlet.send(notice))
        });
        self.forget(lost);
        if !ending {
            self.end(error, &Err(error.clone()));
        }
    }

    /// What is in the stream now. Everything that was delivered is in the
    /// journal.
    pub(super) fn history(&self) -> Result<History, SessionError> {
        let pages = self.kept.journal.pages(self.kept.key);
        let pages = pages.map_err(|error| {
            tracing::error!(session = self.id, %error, "the history could not be read");
            SessionError::Journal(error.to_string())
        })?;
        Ok(History::new(self.id.clone(), pages))
    }

    /// Takes up a session that the journal has. A turn that was cut off is over;
    /// what it had delivered is there. `predecessor`: an instance of the same
    /// session still ends.
    pub(crate) fn take_up(&mut self, stored: &StoredSession, predecessor: Option<Ending>) {
        self.stage = predecessor.map_or(Stage::Absent, Stage::Ending);
        self.origin.checkpoint = stored.checkpoint.clone();
        if let Some(settings) = &stored.settings {
            self.progress.note_answer(settings);
            self.progress.take_changed_settings();
        }
        if let Some(title) = &stored.title {
            self.progress.set_title(title);
        }
        if stored.turn_open {
            self.end_turn_cut_off(stored);
        }
    }

    fn end_turn_cut_off(&mut self, stored: &StoredSession) {
        // Only for the tools: everything else has moved on since.
        let mut past = Progress::default();
        let read = self.kept.journal.replay(self.kept.key, |update| {
            past.note(update);
            true
        });
        if let Err(error) = read {
            tracing::error!(session = self.id, %error, "the history could not be read");
        }
        let asked: Vec<String> = stored
            .asks
            .as_deref()
            .and_then(|asks| serde_json::from_str(asks).ok())
            .unwrap_or_default();
        for tool in past.take_open_tools() {
            if !asked.contains(&tool) {
                self.publish(frames::tool_failed(&tool), None);
            }
        }
        for tool in &asked {
            self.publish(frames::permission_cut_off(tool), None);
        }
        self.publish(frames::turn_ended(&Err(SessionError::HostRestarted)), None);
        self.record(Entry::TurnEnded);
        self.record(Entry::Asks("[]".to_owned()));
        self.flush_or_end();
    }
}
