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
//! - [`extensions`]: what agents and clients have to say to each other that the host
//!   does not know.
//! - [`driving`]: who may, and who does.
//! - [`forking`]: a copy of the conversation begins.
//! - [`ending`]: for one client, for all, or with the host.
//! - [`requests`]: what the host answers to the agent by itself.
//! - [`rest`]: whether something goes on here.
//! - [`shell`]: terminals for people.
//! - [`stream`]: the journal first, then the viewers.
//! - [`viewers`]: who attaches, leaves, and is sent what.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use hostler_replay::{Bounds, Hub, Position, ViewerId};
use hostler_wire::methods;
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    ClientId, Happening, Observer, Reply, SessionConfig, SessionError, SessionEvent,
    asks::Asks,
    control::Control,
    frames::Frame,
    launcher::Launcher,
    progress::Progress,
    prompt::Asked,
    router::{Info, Registration, lock},
    unit::{
        instance::{Call, Origin, Stage, Step},
        requests::Requests,
        shell::Shells,
        stream::{Kept, Pending},
        turns::Turn,
        viewers::Watcher,
    },
};

mod driving;
mod ending;
mod extensions;
mod forking;
pub(crate) mod instance;
mod message;
mod opening;
mod outputs;
mod permissions;
pub(crate) mod pipe;
pub(crate) mod requests;
mod rest;
pub(crate) mod shell;
pub(crate) mod stream;
mod turns;
mod viewers;

pub(crate) use forking::{ForkPoint, Hold};
pub use message::Attach;
pub(crate) use message::{Creation, Message};
pub use shell::TerminalRequest;

/// Messages that wait for the session. It never waits for anybody, so a place
/// is free again in microseconds; whoever finds none waits for it.
pub(crate) const MAILBOX: usize = 256;

/// History that is kept in memory: what a client misses while its network is
/// away for a moment. Whoever has missed more reads the journal, at its own pace.
const HISTORY: Bounds = Bounds {
    max_frames: 512,
    max_bytes: 256 * 1024,
};

#[derive(Debug)]
pub(crate) struct Unit {
    id: Arc<str>,
    config: SessionConfig,
    observer: Arc<dyn Observer>,
    launcher: Arc<dyn Launcher>,
    origin: Origin,
    info: Arc<Mutex<Info>>,
    hub: Hub<Frame, Watcher>,
    /// Where each client that views is in the hub.
    watchers: HashMap<ClientId, ViewerId>,
    /// When the others are told who has come and gone.
    presence_due: Option<Instant>,
    control: Control,
    stage: Stage,
    progress: Progress,
    creation: Option<Creation>,
    kept: Kept,
    /// The last place in the stream that was given to an update.
    seq: u64,
    /// Not journalled yet.
    pending: Vec<Pending>,
    /// The journal is full: when to look again.
    room_until: Option<Instant>,
    running: Option<Turn>,
    queue: VecDeque<Asked>,
    /// Copies that begin: no turn does meanwhile.
    forks: usize,
    /// The clients have been told of prompts that wait.
    queue_told: bool,
    /// Calls that wait for the instance to be ready.
    calls: Vec<Call>,
    asks: Asks,
    /// A client that shows forms, and may drive, has been here.
    shows_forms: bool,
    requests: Requests,
    shells: Shells,
    /// Set when the session is over.
    over: bool,
    /// Why nothing can be kept any more, and so nothing be shown.
    broken: Option<SessionError>,
    /// Whoever closed the session is answered when nobody finds it any more.
    farewell: Option<Reply>,
    /// It is removed from the journal.
    deleted: bool,
    /// As the router knows it.
    at_rest: bool,
    /// When the harness was last heard of.
    heard: Instant,
    /// As the router knows it.
    works_until: Option<Instant>,
}

/// What a session begins with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) config: SessionConfig,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) launcher: Arc<dyn Launcher>,
    pub(crate) requests: Requests,
    pub(crate) shells: Shells,
    pub(crate) origin: Origin,
    pub(crate) info: Arc<Mutex<Info>>,
    pub(crate) creation: Option<Creation>,
    pub(crate) kept: Kept,
    /// Where its stream stands.
    pub(crate) head: Position,
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
    /// What the client gives the agent. Of two with one name the first counts.
    pub(crate) fn add_servers(&mut self, servers: Vec<hostler_runtime::McpServer>) {
        for server in servers {
            let own = &mut self.origin.params.mcp_servers;
            if own.iter().all(|one| one.name != server.name) {
                own.push(server);
            }
        }
    }

    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            config,
            observer,
            launcher,
            requests,
            shells,
            origin,
            info,
            creation,
            kept,
            head,
        } = parts;
        Self {
            id: origin.params.session.as_str().into(),
            config,
            observer,
            launcher,
            origin,
            info,
            hub: Hub::new(head, HISTORY),
            watchers: HashMap::new(),
            presence_due: None,
            control: Control::new(config.control),
            stage: Stage::Absent,
            progress: Progress::default(),
            creation,
            kept,
            seq: head.seq,
            pending: Vec::new(),
            room_until: None,
            running: None,
            queue: VecDeque::new(),
            forks: 0,
            queue_told: false,
            calls: Vec::new(),
            asks: Asks::new(head.epoch),
            shows_forms: false,
            requests,
            shells,
            over: false,
            broken: None,
            farewell: None,
            deleted: false,
            at_rest: false,
            heard: Instant::now(),
            works_until: None,
        }
    }

    /// Lives until the session is closed and its instance is gone.
    /// `registration` takes it out of the router, however it ends.
    pub(crate) async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<Message>,
        mut registration: Registration,
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
            self.end_unanswerable();
            self.flush();
        }
        registration.leave();
        registration.has_written();
        if let Some(reply) = self.farewell.take() {
            reply.send(Ok("{}".to_owned()));
        }
        // Waiting messages are answered by their replies being dropped.
        drop(mailbox);
        let (journal, key) = (self.kept.journal.clone(), self.kept.key);
        let deleted = self.deleted;
        self.wait_for_end().await;
        if deleted {
            ending::forget(journal, key).await;
        }
        // Who has loaded the session meanwhile may start an instance now.
        drop(registration);
    }

    async fn wait(&mut self, mailbox: &mut mpsc::Receiver<Message>) -> Wake {
        let deadline = self.deadline();
        // Without room in the journal nothing more is taken from the agent.
        let room = self.room_until.is_none();
        tokio::select! {
            message = mailbox.recv() => Wake::Message(message),
            step = self.stage.next(), if room => Wake::Step(step),
            (ask, outcome) = self.requests.next(), if room => Wake::Done(ask, outcome),
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
        // Without room in the journal the harness is not listened to.
        let listens = self.room_until.is_none();
        opening
            .into_iter()
            .chain(cancelling)
            .filter(|_| listens)
            .chain(self.presence_due)
            .chain(self.room_until)
            .chain(self.asks.deadline())
            .min()
    }

    fn deadline_passed(&mut self) {
        let now = Instant::now();
        let late = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        let listens = self.room_until.is_none();
        let opening = self.stage.live();
        if listens && late(opening.and_then(|instance| instance.opening_until)) {
            self.start_failed(&SessionError::NotReady {
                harness: self.origin.harness.clone(),
                seconds: instance::OPENING.as_secs(),
            });
        }
        if listens && late(self.running.as_ref().and_then(Turn::cancelled_until)) {
            self.cancel_took_too_long();
        }
        if late(self.presence_due) {
            self.tell_presence();
        }
        while let Some(ask) = self.asks.late(now) {
            self.ask_expired(ask);
        }
        // With no room, the next flush looks again.
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Fork { hold, reply } => {
                let _ = reply.send(self.fork_point(hold));
            }
            Message::ForkDone => self.fork_done(),
            Message::Attach { client, how, reply } => self.attach(client, how, reply),
            Message::Detach { client, gone } => self.detach(client, gone),
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
            } => match self
                .drive(&client)
                .and_then(|()| extensions::check(&method, &params))
            {
                Ok(()) => self.call(Call {
                    client: client.id,
                    method,
                    params,
                    reply: Some(reply),
                }),
                Err(error) => {
                    reply.send(Err(error));
                }
            },
            Message::Notify {
                client,
                method,
                params,
            } => self.tell_agent(&client, method, params),
            Message::Cancel(client) => self.cancel(&client),
            Message::CancelRequest(client, id) => self.cancel_request(client, &id),
            Message::Answer {
                client,
                number,
                outcome,
            } => self.question_answered(&client, number, &outcome),
            Message::Control {
                client,
                take,
                reply,
            } => self.take_control(&client, take, reply),
            Message::Terminal {
                client,
                request,
                reply,
            } => self.terminal(client, request, reply),
            Message::MayEdit { client, reply } => {
                reply.send(self.drive(&client).map(|()| "{}".to_owned()));
            }
            Message::Edited { path, hash } => {
                let members = json!({ "path": path, "hash": hash });
                self.tell_positioned(methods::hostler::WORKSPACE_CHANGED, members);
            }
            Message::Shared => self.shared(),
            Message::Close { client, end, reply } => self.close_for(&client, end, reply),
            Message::PutBack => self.close(),
            Message::Delete(reply) => {
                self.deleted = true;
                self.close();
                match self.kept.journal.hide(self.kept.key) {
                    Ok(()) => self.farewell = Some(reply),
                    Err(error) => {
                        reply.send(Err(SessionError::Journal(error.to_string())));
                    }
                }
            }
            Message::Stop => self.stop(),
        }
    }

    /// Tells whoever keeps a record.
    fn observe(&self, what: Happening) {
        let info = lock(&self.info);
        self.observer.observe(&SessionEvent {
            session: &self.id,
            owner: &info.owner,
            title: info.summary.title.as_deref(),
            what,
        });
    }
}
