//! One session: a task that owns everything of it and never waits for a client
//! or for its harness.
//!
//! - here: the loop, and what it hands to the other files.
//! - [`message`]: what is asked of a session.
//! - [`instance`], [`pipe`]: the harness' instance and the way to it.
//! - [`opening`]: an instance is started, gets ready, or does not.
//! - [`turns`]: prompts in a row, their ends, cancelling.
//! - [`outputs`]: what the harness has to say.
//! - [`permissions`]: questions to all clients, the first valid answer counts.
//! - [`requests`]: what the host answers to the agent by itself.
//! - [`stream`]: the journal first, then the viewers.
//! - [`viewers`]: who attaches, leaves, and is sent what.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use bytes::Bytes;
use hostler_replay::{Audience, Bounds, Hub};
use hostler_store::Entry;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    Answer, Reply, SessionError,
    asks::Asks,
    frames,
    launcher::Launcher,
    progress::Progress,
    prompt::Queued,
    router::{Info, Registration, lock},
    unit::{
        instance::{Call, Origin, Stage, Step},
        requests::Requests,
        stream::{Kept, Pending},
        turns::Turn,
        viewers::{Watcher, given},
    },
};

pub(crate) mod instance;
mod message;
mod opening;
mod outputs;
mod permissions;
pub(crate) mod pipe;
pub(crate) mod requests;
pub(crate) mod stream;
mod turns;
mod viewers;

pub(crate) use message::{Creation, Message};

/// Messages that wait for the session. It never waits for anybody, so a place
/// is free again in microseconds; whoever finds none waits for it.
pub(crate) const MAILBOX: usize = 256;

/// History that is kept in memory: none. Whoever attaches reads the journal, at its
/// own pace.
const HISTORY: Bounds = Bounds {
    max_frames: 0,
    max_bytes: 0,
};

#[derive(Debug)]
pub(crate) struct Unit {
    id: String,
    launcher: Arc<dyn Launcher>,
    origin: Origin,
    info: Arc<Mutex<Info>>,
    hub: Hub<Bytes, Watcher>,
    stage: Stage,
    progress: Progress,
    creation: Option<Creation>,
    kept: Kept,
    /// Not journalled yet.
    pending: Vec<Pending>,
    running: Option<Turn>,
    queue: VecDeque<Queued>,
    /// Calls that wait for the instance to be ready.
    calls: Vec<Call>,
    asks: Asks,
    requests: Requests,
    /// Set when the session is over.
    over: bool,
    /// Why nothing can be kept any more, and so nothing be shown.
    broken: Option<SessionError>,
    /// Whoever closed the session is answered when nobody finds it any more.
    farewell: Option<Reply>,
    /// As the router knows it.
    at_rest: bool,
}

/// What ends one wait of the loop.
enum Wake {
    Message(Option<Message>),
    Step(Step),
    /// An answer to the agent.
    Done(u64, Result<String, hostler_runtime::Failure>),
    Deadline,
}

impl Unit {
    pub(crate) fn new(
        launcher: Arc<dyn Launcher>,
        requests: Requests,
        origin: Origin,
        info: Arc<Mutex<Info>>,
        creation: Option<Creation>,
        kept: Kept,
    ) -> Self {
        Self {
            id: origin.params.session.clone(),
            launcher,
            origin,
            info,
            hub: Hub::new(kept.journal.epoch(), HISTORY),
            stage: Stage::Absent,
            progress: Progress::default(),
            creation,
            kept,
            pending: Vec::new(),
            running: None,
            queue: VecDeque::new(),
            calls: Vec::new(),
            asks: Asks::default(),
            requests,
            over: false,
            broken: None,
            farewell: None,
            at_rest: false,
        }
    }

    /// Lives until the session is closed and its instance is gone.
    /// `registration` takes it out of the router, however it ends.
    pub(crate) async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<Message>,
        registration: Registration,
    ) {
        // A session that was taken up starts one when it is prompted.
        if self.creation.is_some() {
            self.start_instance();
        }
        while !self.over {
            self.note_rest();
            match self.wait(&mut mailbox).await {
                Wake::Message(Some(message)) => self.handle(message),
                // The router is gone.
                Wake::Message(None) => self.stop(),
                Wake::Step(Step::Launched(launched)) => self.launched(launched),
                Wake::Step(Step::Event(event)) => self.event(event),
                Wake::Step(Step::Gone { in_time }) => self.instance_gone(in_time),
                Wake::Done(ask, outcome) => self.answer_agent(ask, outcome),
                Wake::Deadline => self.deadline_passed(),
            }
            self.flush_or_end();
        }
        registration.leave();
        if let Some(reply) = self.farewell.take() {
            reply.send(Ok("{}".to_owned()));
        }
        // Waiting messages are answered by their replies being dropped.
        drop(mailbox);
        self.wait_for_end().await;
        // Who has loaded the session meanwhile may start an instance now.
        drop(registration);
    }

    async fn wait(&mut self, mailbox: &mut mpsc::Receiver<Message>) -> Wake {
        let deadline = self.deadline();
        tokio::select! {
            message = mailbox.recv() => Wake::Message(message),
            step = self.stage.next() => Wake::Step(step),
            (ask, outcome) = self.requests.next() => Wake::Done(ask, outcome),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Wake::Deadline,
        }
    }

    /// The next moment at which something has taken too long.
    fn deadline(&mut self) -> Option<Instant> {
        let opening = self
            .stage
            .live()
            .and_then(|instance| instance.opening_until);
        let cancelling = self.running.as_ref().and_then(Turn::cancelled_until);
        opening.into_iter().chain(cancelling).min()
    }

    fn deadline_passed(&mut self) {
        let now = Instant::now();
        let late = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        if late(
            self.stage
                .live()
                .and_then(|instance| instance.opening_until),
        ) {
            self.start_failed(&SessionError::NotReady {
                harness: self.origin.harness.clone(),
                seconds: instance::OPENING.as_secs(),
            });
        }
        if late(self.running.as_ref().and_then(Turn::cancelled_until)) {
            self.cancel_took_too_long();
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Attach {
                client,
                replay,
                notices,
                reply,
            } => self.attach(client, replay, &notices, reply),
            Message::Detach(client) => self.detach(client),
            Message::Prompt {
                client,
                id,
                prompt,
                reply,
            } => self.enqueue(client, id, prompt, reply),
            Message::Call {
                client,
                method,
                params,
                reply,
            } => self.call(Call {
                client,
                method,
                params,
                reply,
            }),
            Message::Cancel(client) => self.cancel(client),
            Message::CancelRequest(client, id) => self.cancel_request(client, &id),
            Message::Answer {
                client,
                number,
                outcome,
            } => self.permission_answered(client, number, outcome),
            Message::Close(reply) => {
                self.farewell = reply;
                self.close();
            }
            Message::Stop => self.stop(),
        }
    }

    /// Ends the session for all; whoever waits for a turn had it cancelled.
    fn close(&mut self) {
        self.end(
            &SessionError::Closed,
            &Ok(frames::CANCELLED_TURN.to_owned()),
        );
    }

    /// The host stops: nobody has cancelled anything.
    fn stop(&mut self) {
        let error = SessionError::ShuttingDown;
        self.end(&error, &Err(error.clone()));
    }

    fn end(&mut self, reason: &SessionError, turns: &Answer) {
        self.over = true;
        if let Some(creation) = self.creation.take() {
            creation.reply.send(Err(reason.clone()));
            self.never_came_to_be();
        }
        for call in self.calls.drain(..) {
            call.reply.send(Err(reason.clone()));
        }
        for queued in self.queue.drain(..) {
            queued.reply.send(turns.clone());
        }
        self.requests.stop_all();
        self.take_back_all();
        self.fail_open_tools();
        if let Some(turn) = &self.running {
            let outcome = match turns.clone() {
                Err(error) => turn.outcome_of_failure(error),
                cancelled => cancelled,
            };
            self.finish_turn(outcome);
        }
        self.flush_or_end();
        self.tell_closed();
    }

    /// Tells all who view the session that it is over.
    fn tell_closed(&mut self) {
        let closed = frames::update(&self.id, &frames::session_closed());
        let lost = self.hub.each(Audience::All, |_, watcher| {
            given(watcher.client.outlet.send(closed.clone()))
        });
        self.forget(lost);
    }

    /// Keeps what `session/list` shows up to date.
    fn touch(&mut self) {
        let mut info = lock(&self.info);
        let summary = &mut info.summary;
        if summary.title.as_deref() != self.progress.title() {
            summary.title = self.progress.title().map(str::to_owned);
            let title = summary.title.clone().map(Entry::Title);
            self.pending.extend(title.map(Pending::Step));
        }
        summary.busy = self.running.is_some();
        summary.updated = SystemTime::now();
    }

    /// Tells the router when nothing goes on here and nobody looks on.
    fn note_rest(&mut self) {
        let at_rest = self.creation.is_none()
            && self.running.is_none()
            && self.queue.is_empty()
            && self.calls.is_empty()
            && self
                .stage
                .live()
                .is_none_or(|instance| !instance.has_calls())
            && self.asks.iter().next().is_none()
            && self.hub.viewers().next().is_none();
        if at_rest != self.at_rest {
            self.at_rest = at_rest;
            lock(&self.info).at_rest = at_rest;
        }
    }

    /// From now on the session can be found.
    fn announce(&self) {
        lock(&self.info).announced = true;
    }
}
