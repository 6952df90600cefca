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
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use hostler_replay::{Audience, Bounds, Hub};
use hostler_runtime::Ended;
use hostler_store::Entry;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    Reply, SessionError,
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

/// History that is kept in memory for clients that attach later; what is older is
/// read from the journal. Both bounds hold for each session.
const HISTORY: Bounds = Bounds {
    max_frames: 20_000,
    max_bytes: 16 * 1024 * 1024,
};

/// How long an instance may take to close when its session has ended.
const CLOSING: Duration = Duration::from_secs(5);

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
        }
    }

    /// Lives until the session is closed. `registration` takes it out of the
    /// router, however it ends.
    pub(crate) async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<Message>,
        registration: Registration,
    ) {
        // A session of an earlier host starts one when it is prompted.
        if self.creation.is_some() {
            self.start_instance();
        }
        while !self.over {
            match self.wait(&mut mailbox).await {
                Wake::Message(Some(message)) => self.handle(message),
                // The router is gone.
                Wake::Message(None) => self.close(None),
                Wake::Step(Step::Launched(launched)) => self.launched(launched),
                Wake::Step(Step::Event(event)) => self.event(event),
                Wake::Done(ask, outcome) => self.answer_agent(ask, outcome),
                Wake::Deadline => self.deadline_passed(),
            }
            self.flush();
        }
        drop(registration);
        // Waiting messages are answered by their replies being dropped.
        drop(mailbox);
        self.wait_for_end().await;
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
                method,
                params,
                reply,
            } => self.call(Call {
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
            Message::Close(reply) => self.close(reply),
        }
    }

    /// Ends the session for all.
    fn close(&mut self, reply: Option<Reply>) {
        self.over = true;
        // Dropped unanswered, they answer that the session was closed.
        if self.creation.take().is_some() {
            self.never_came_to_be();
        }
        self.calls.clear();
        for queued in self.queue.drain(..) {
            queued.reply.send(Ok(frames::CANCELLED_TURN.to_owned()));
        }
        self.requests.stop_all();
        self.take_back_all();
        self.fail_open_tools();
        if self.running.is_some() {
            self.finish_turn(Ok(frames::CANCELLED_TURN.to_owned()));
        }
        self.flush();
        let closed = frames::update(&self.id, &frames::session_closed());
        let lost = self.hub.each(Audience::All, |_, watcher| {
            given(watcher.client.outlet.send(closed.clone()))
        });
        self.forget(lost);
        if let Some(reply) = reply {
            reply.send(Ok("{}".to_owned()));
        }
    }

    /// Gives the instance time to end its children in order.
    async fn wait_for_end(mut self) {
        if let Some(instance) = self.stage.live() {
            instance.close();
        }
        let ended = async {
            while self.stage.live().is_some() {
                if let Step::Event(hostler_runtime::Event::Ended(ended)) = self.stage.next().await {
                    return ended;
                }
            }
            Ended::Closed
        };
        if timeout(CLOSING, ended).await.is_err() {
            tracing::warn!(
                session = self.id,
                harness = self.origin.harness,
                "the harness did not close in time and is dropped"
            );
        }
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

    /// From now on the session can be found.
    fn announce(&self) {
        lock(&self.info).announced = true;
    }
}
