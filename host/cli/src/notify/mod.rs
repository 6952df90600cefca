//! Tells people what happens in sessions: `[notify]` in `hostler.toml`.
//!
//! ```text
//! session ── tell ──> a queue for each way ── a task ──> POST, or a program's stdin
//! ```
//!
//! Telling never waits: each way has a bounded queue, and what finds no room puts
//! out the oldest. Each attempt is bounded in time, and there are at most three.

mod way;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use clap::ValueEnum;
use serde::Serialize;
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    args::{Notify as Args, SampleEvent},
    client::address::Address,
    config::Config,
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
};
use way::Way;

/// Notifications that wait for one way. Older ones are of no use by then.
const WAITING: usize = 256;

/// The longest title and text, in characters: a message on a phone.
const MAX_CHARS: usize = 1000;

/// How long to wait before the second and the third attempt.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// `[notify]`, checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notify {
    /// What gets a POST.
    pub(crate) webhook: Option<Address>,
    /// A program and its arguments.
    pub(crate) command: Option<Vec<String>>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Event {
    /// An agent asks for a permission.
    Asked,
    /// A turn is over.
    TurnEnded,
    /// A session's agent or plugin broke.
    Failed,
}

/// One notification, as it is sent: a JSON object.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Notification {
    pub(crate) event: Event,
    /// The session's id.
    pub(crate) session: String,
    /// The principal whose it is.
    pub(crate) owner: String,
    pub(crate) title: Option<String>,
    /// For people: what is asked, why it ended, what broke.
    pub(crate) text: String,
}

/// Takes notifications. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Notifier(Arc<[Queue]>);

#[derive(Debug, Clone)]
struct Queue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: Mutex<Waiting>,
    /// There is something, or there will be no more.
    changed: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bodies: VecDeque<String>,
    /// That were put out since the last was sent.
    lost: u64,
    closed: bool,
}

/// The tasks that send.
#[derive(Debug)]
pub(crate) struct Senders(Vec<JoinHandle<Sent>>);

/// What came of one way.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) name: String,
    /// Why the last that failed did.
    pub(crate) failed: Option<String>,
}

impl Notifier {
    /// Begins to send, by the ways that the operator wants; there may be none.
    pub(crate) fn start(notify: &Notify) -> (Self, Senders) {
        Self::start_with(notify, PAUSES)
    }

    fn start_with(notify: &Notify, pauses: [Duration; 2]) -> (Self, Senders) {
        let webhook = notify.webhook.clone().map(Way::Webhook);
        let command = notify.command.clone().map(Way::Command);
        let mut queues = Vec::new();
        let mut tasks = Vec::new();
        for way in webhook.into_iter().chain(command) {
            let queue = Queue::new();
            tasks.push(tokio::spawn(send(way, queue.clone(), pauses)));
            queues.push(queue);
        }
        (Self(queues.into()), Senders(tasks))
    }

    /// Sends it, soon. Never waits.
    pub(crate) fn tell(&self, mut notification: Notification) {
        if self.0.is_empty() {
            return;
        }
        notification.title = notification.title.map(|title| cut(&title));
        notification.text = cut(&notification.text);
        match serde_json::to_string(&notification) {
            Ok(body) => self.0.iter().for_each(|queue| queue.put(body.clone())),
            Err(error) => tracing::error!(%error, "a notification cannot be JSON"),
        }
    }

    /// Nothing more is told; what waits is still sent.
    pub(crate) fn close(&self) {
        for queue in self.0.iter() {
            queue.lock().closed = true;
            queue.0.changed.notify_one();
        }
    }
}

impl Senders {
    /// Waits until all is sent, after [`Notifier::close`].
    pub(crate) async fn end(self) -> Vec<Sent> {
        let mut ended = Vec::new();
        for task in self.0 {
            match task.await {
                Ok(sent) => ended.push(sent),
                Err(error) => tracing::error!(%error, "sending notifications broke"),
            }
        }
        ended
    }
}

impl Queue {
    fn new() -> Self {
        Self(Arc::new(Inner {
            waiting: Mutex::new(Waiting::default()),
            changed: tokio::sync::Notify::new(),
        }))
    }

    fn put(&self, body: String) {
        let mut waiting = self.lock();
        if waiting.bodies.len() >= WAITING {
            waiting.bodies.pop_front();
            waiting.lost += 1;
        }
        waiting.bodies.push_back(body);
        drop(waiting);
        self.0.changed.notify_one();
    }

    /// The next, and how many were lost before it; none when that was all.
    async fn next(&self) -> Option<(String, u64)> {
        loop {
            {
                let mut waiting = self.lock();
                if let Some(body) = waiting.bodies.pop_front() {
                    return Some((body, std::mem::take(&mut waiting.lost)));
                }
                if waiting.closed {
                    return None;
                }
            }
            self.0.changed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(way: Way, queue: Queue, pauses: [Duration; 2]) -> Sent {
    let mut failed = None;
    while let Some((body, lost)) = queue.next().await {
        if lost > 0 {
            tracing::warn!("{way} does not keep up: {lost} notifications were dropped");
        }
        let mut outcome = way.send(&body).await;
        for pause in pauses {
            let Err(error) = &outcome else { break };
            tracing::debug!("{way}: {error:#}; trying again");
            sleep(pause).await;
            outcome = way.send(&body).await;
        }
        if let Err(error) = outcome {
            tracing::warn!("a notification was not delivered by {way}: {error:#}");
            failed = Some(format!("{error:#}"));
        }
    }
    Sent {
        name: way.to_string(),
        failed,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// `hostler notify`: whether notifications arrive.
pub(crate) async fn run(args: Args) -> Result<Exit, Failure> {
    let bases = Bases::from_env();
    let config = Config::load(args.config.file.as_deref(), &bases, crate::bundle::BUNDLE)
        .or_exit(Exit::Usage)?;
    let SampleEvent { event } = args.sample;
    let (notifier, senders) = Notifier::start(&config.notify);
    notifier.tell(Notification {
        event,
        session: "00000000-0000-0000-0000-000000000000".into(),
        owner: "local".into(),
        title: Some("A sample".into()),
        text: "This is how a host tells that something happened in a session.".into(),
    });
    notifier.close();
    let ended = senders.end().await;
    if ended.is_empty() {
        let message = "there is no [notify] in hostler.toml: set `webhook` or `command` there";
        return Err(Failure::new(Exit::Usage, message));
    }
    let mut exit = Exit::Done;
    for sent in ended {
        match sent.failed {
            None => eprintln!("{}: delivered", sent.name),
            Some(why) => {
                eprintln!("{}: not delivered: {why}", sent.name);
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

#[cfg(test)]
mod tests;
