//! The session's stream. Nobody sees what is not in the journal yet: whatever
//! leaves the session waits in [`Unit::pending`], in order, until what comes
//! before it has been written, all in one go. When the journal takes nothing
//! more, it waits there until there is room.

use std::time::Duration;

use bytes::Bytes;
use hostler_replay::Position;
use hostler_runtime::SessionOrigin;
use hostler_store::{Entry, Held, Journal, SessionKey, StoreError, StoredSession};
use tokio::time::Instant;

use crate::{
    Answer, ClientId, History, Notice, Reply, SessionError,
    asks::Ask,
    frames::{self, Frame},
    progress::{Kind, Progress},
    prompt::Asked,
    unit::{
        Creation, Unit,
        instance::{Ending, Stage},
        viewers::given,
    },
};

/// How often a session that waits for room looks whether there is some.
const LOOK: Duration = Duration::from_secs(1);

/// Where a session is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) journal: Journal,
    pub(crate) key: SessionKey,
    /// It is not removed meanwhile.
    pub(crate) _held: Held,
}

/// What leaves the session when all before it is in the journal.
#[derive(Debug)]
pub(super) enum Pending {
    /// To be journalled; an update is then delivered to all but, if they do not
    /// count positions, its author.
    Entry(Entry, Option<ClientId>),
    /// An update that is no history.
    Event(String),
    /// A message for all who view the session, that is no history.
    Told(Bytes),
    Ask(u64),
    TakeBack(Ask, Settled),
    Reply(Reply, Answer),
    /// A prompt is answered; where its turn has ended, if it ran.
    TurnEnd(Asked, Answer, Option<Position>),
    /// The running turn goes to the harness.
    Send,
    Created(Creation, Answer),
}

/// What became of a question.
#[derive(Debug)]
pub(super) enum Settled {
    Answered {
        by: crate::Client,
        choice: Option<String>,
    },
    Cancelled,
}

impl Unit {
    /// Appends an update to the stream; where it will stand.
    pub(super) fn publish(&mut self, update: String, author: Option<ClientId>) -> Position {
        self.seq += 1;
        let seq = self.seq;
        self.pending
            .push(Pending::Entry(Entry::Frame { seq, update }, author));
        let epoch = self.hub.head().epoch;
        Position { epoch, seq }
    }

    /// Appends what no client sees.
    pub(super) fn record(&mut self, entry: Entry) {
        self.pending.push(Pending::Entry(entry, None));
    }

    /// Appends what happens when everything before it is kept.
    pub(super) fn then(&mut self, step: Pending) {
        self.pending.push(step);
    }

    /// The questions that are open are kept with what comes before.
    pub(super) fn keep_asks(&mut self) {
        if let Some(tools) = self.asks.take_changed_tools() {
            self.record(Entry::Asks(tools));
        }
    }

    /// An update of the harness. A notice is an event and no history, and only
    /// for those who announced it.
    pub(super) fn forward(&mut self, update: String) {
        match self.progress.note(&update) {
            Kind::History => {
                self.publish(update, None);
            }
            Kind::Notice => self.then(Pending::Event(update)),
        }
    }

    /// Changes of modes and options, for all but whoever caused them.
    pub(super) fn show_changes(&mut self, changes: Vec<String>, author: Option<ClientId>) {
        for change in changes {
            self.publish(change, author);
        }
    }

    /// Journals all that waits, and then lets it out. If the journal takes
    /// nothing more, it goes on waiting. After any other error nobody sees it, nor
    /// anything that would have followed, and the session is over.
    pub(super) fn flush(&mut self) {
        loop {
            if let Some(settings) = self.progress.take_changed_settings() {
                self.record(Entry::Settings(settings));
            }
            self.keep_asks();
            if self.pending.is_empty() {
                return;
            }
            let pending = std::mem::take(&mut self.pending);
            if let Some(error) = self.broken.clone() {
                return self.refuse_pending(pending, &error);
            }
            let entries = pending.iter().filter_map(|step| match step {
                Pending::Entry(entry, _) => Some(entry),
                _ => None,
            });
            match self.kept.journal.append(self.kept.key, entries) {
                Ok(()) => self.goes_on(),
                Err(StoreError::Full { .. }) if self.over => return self.drop_pending(pending),
                // Nobody views it yet who could be told to wait.
                Err(error @ StoreError::Full { .. }) if begins(&pending) => {
                    let error = SessionError::JournalFull(error.to_string());
                    self.over = true;
                    self.drop_instance(&error);
                    return self.refuse_pending(pending, &error);
                }
                Err(error @ StoreError::Full { .. }) => {
                    self.pending = pending;
                    return self.wait_for_room(&error);
                }
                Err(error) => return self.journal_failed(pending, &error),
            }
            for step in pending {
                self.let_out(step);
            }
        }
    }

    fn let_out(&mut self, step: Pending) {
        match step {
            Pending::Entry(Entry::Frame { update, .. }, author) => {
                let frame = Frame::new(self.id.clone(), update, author);
                let bytes = frame.bytes();
                let lost = self.hub.publish(frame, bytes).lost;
                self.forget(lost);
            }
            Pending::Entry(..) => {}
            Pending::Event(update) => self.tell_event(&update),
            Pending::Told(frame) => self.tell_frame(&frame),
            Pending::Ask(number) => self.show_ask(number),
            Pending::TakeBack(ask, settled) => self.take_back_now(&ask, &settled),
            Pending::Reply(reply, answer) => {
                reply.send(answer);
            }
            Pending::TurnEnd(asked, answer, end) => asked.answer(&answer, end),
            Pending::Send => self.send_prompt(),
            Pending::Created(creation, answer) => self.created_now(creation, answer),
        }
    }

    fn tell_event(&mut self, update: &str) {
        let notice = frames::update(&self.id, update);
        let title = crate::progress::title_of(update);
        let message = self.notice_frame(false, &Notice::info(title));
        let lost = self.hub.each(|_, watcher| {
            let client = &watcher.client;
            let frame = if client.notices { &notice } else { &message };
            given(client.outlet.send(frame.clone()))
        });
        self.forget(lost);
    }

    /// The session stands still, and says so once.
    fn wait_for_room(&mut self, error: &StoreError) {
        let told = self.room_until.is_some();
        self.room_until = Some(Instant::now() + LOOK);
        if told {
            return;
        }
        tracing::error!(session = %self.id, %error, "the session waits for room in the journal");
        let error = SessionError::JournalFull(error.to_string());
        self.tell_all(&Notice::warning(format!("JOURNAL_FULL: {error}.")));
        self.observe(crate::Happening::Failed {
            message: error.to_string(),
        });
    }

    fn goes_on(&mut self) {
        if self.room_until.take().is_some() {
            tracing::info!(session = %self.id, "there is room in the journal; the session goes on");
            // The harness was not listened to meanwhile: it has all its time again.
            if let Some(turn) = &mut self.running {
                turn.grant_time();
            }
            if let Some(instance) = self.stage.live() {
                instance.grant_time();
            }
            self.tell_all(&Notice::info(
                "The session goes on: the journal has room again.",
            ));
        }
    }

    /// Why nothing new is taken now.
    pub(super) fn full(&self) -> Result<(), SessionError> {
        match self.room_until {
            None => Ok(()),
            Some(_) => Err(SessionError::JournalFull(
                "try again when there is some".to_owned(),
            )),
        }
    }

    /// Says something to all who view the session, outside of the history.
    pub(super) fn tell_all(&mut self, notice: &Notice) {
        let lost = self.hub.each(|_, watcher| {
            let client = &watcher.client;
            let notice = frames::update(&self.id, &notice.update(client.notices));
            given(client.outlet.send(notice))
        });
        self.forget(lost);
    }

    /// Nobody knows of the session: it is not kept.
    pub(super) fn never_came_to_be(&mut self) {
        self.pending.clear();
        if let Err(error) = self.kept.journal.remove(self.kept.key) {
            tracing::warn!(session = %self.id, %error, "a session that did not begin stays in the journal");
        }
    }

    /// What cannot be kept must not go on: the turn is answered with the reason
    /// and the session leaves memory. It can be loaded as the journal has it.
    fn journal_failed(&mut self, pending: Vec<Pending>, error: &StoreError) {
        let error = SessionError::Journal(error.to_string());
        tracing::error!(session = %self.id, %error, "the session is stopped");
        let ending = std::mem::replace(&mut self.over, true);
        self.broken = Some(error.clone());
        self.refuse_pending(pending, &error);
        self.drop_instance(&error);
        // Its end stays out of the journal: it is told when the session is loaded.
        if let Some(turn) = self.running.take() {
            turn.into_asked().answer(&Err(error.clone()), None);
        }
        self.tell_all(&Notice::warning(format!("The session is closed: {error}.")));
        self.observe(crate::Happening::Failed {
            message: error.to_string(),
        });
        if !ending {
            self.end(&error, &Err(error.clone()));
        }
    }

    /// The session ends while there is no room: who waits is told the end.
    fn drop_pending(&mut self, pending: Vec<Pending>) {
        let error = SessionError::JournalFull("the session ended before there was any".to_owned());
        tracing::error!(session = %self.id, "the end of the session could not be kept");
        self.refuse_pending(pending, &error);
    }

    fn refuse_pending(&mut self, pending: Vec<Pending>, error: &SessionError) {
        for step in pending {
            match step {
                Pending::Reply(reply, _) => {
                    reply.send(Err(error.clone()));
                }
                Pending::TurnEnd(asked, ..) => asked.answer(&Err(error.clone()), None),
                Pending::Created(creation, _) => {
                    creation.reply.send(Err(error.clone()));
                    self.never_came_to_be();
                    self.over = true;
                }
                Pending::TakeBack(ask, settled) => self.take_back_now(&ask, &settled),
                Pending::Entry(..)
                | Pending::Event(_)
                | Pending::Told(_)
                | Pending::Ask(_)
                | Pending::Send => {}
            }
        }
    }

    /// What was delivered after a position: the journal has it. It may have more
    /// already, which is about to be delivered.
    pub(super) fn history(
        &self,
        after: Option<Position>,
        positioned: bool,
    ) -> Result<(History, bool), SessionError> {
        let pages = self.kept.journal.pages(self.kept.key, after);
        let pages = pages.map_err(|error| {
            tracing::error!(session = %self.id, %error, "the history could not be read");
            SessionError::Journal(error.to_string())
        })?;
        let reset = pages.is_reset();
        let pages = pages.until(self.hub.head());
        Ok((History::new(self.id.clone(), pages, positioned), reset))
    }

    /// Takes up a session that the journal has. A turn that was cut off is over;
    /// what it had delivered is there. `predecessor`: an instance of the same
    /// session still ends.
    pub(crate) fn take_up(&mut self, stored: &StoredSession, predecessor: Option<Ending>) {
        self.stage = predecessor.map_or(Stage::Absent, Stage::Ending);
        if let Some(state) = stored.checkpoint.clone() {
            self.origin.conversation = SessionOrigin::Resume(state);
        } else if stored.record.outside {
            self.origin.conversation = SessionOrigin::Outside(stored.record.id.clone());
        }
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
        if let Err(error) = self.note_past(&mut past) {
            tracing::error!(session = %self.id, %error, "the history could not be read");
        }
        let asked: Vec<String> = stored
            .asks
            .as_deref()
            .and_then(|asks| serde_json::from_str(asks).ok())
            .unwrap_or_default();
        for tool in past.take_open_tools(&[]) {
            if !asked.contains(&tool) {
                self.publish(frames::tool_failed(&tool), None);
            }
        }
        for tool in &asked {
            self.publish(frames::permission_cut_off(tool), None);
        }
        let outcome = Err(SessionError::HostRestarted);
        let open = self.kept.journal.open_prompts(self.kept.key);
        let key = open.ok().and_then(|keys| keys.into_iter().next());
        let end = self.publish(frames::turn_ended(&outcome, key.as_deref()), None);
        let answer = crate::prompt::stored(&outcome, Some(end));
        self.record(Entry::TurnEnded { key, answer });
        self.record(Entry::Asks("[]".to_owned()));
        self.flush();
    }

    fn note_past(&self, past: &mut Progress) -> Result<(), StoreError> {
        let mut pages = self.kept.journal.pages(self.kept.key, None)?;
        loop {
            let page = pages.next_page()?;
            if page.is_empty() {
                return Ok(());
            }
            for placed in page {
                past.note(&placed.update);
            }
        }
    }
}

/// It has still to be told to whoever made it.
fn begins(pending: &[Pending]) -> bool {
    pending
        .iter()
        .any(|step| matches!(step, Pending::Created(..)))
}
