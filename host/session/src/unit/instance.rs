//! The instance of the harness behind a session: there is none, one is being
//! started, or one is there.

use std::{collections::HashMap, fmt, time::Duration};

use bytes::Bytes;
use hostler_runtime::{Command, Ended, Event, OPEN_REQUEST};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    Reply, SessionError,
    launcher::{BoxFuture, Rights, Running},
    unit::pipe::{Full, Pipe},
};

/// How long a harness may take to answer `open`: the agent's program starts,
/// often through a package runner, and says hello.
pub(crate) const OPENING: Duration = Duration::from_secs(60);

/// What a session waits for from its instance.
pub(crate) enum Step {
    Launched(Result<Running, SessionError>),
    Event(Event),
}

#[derive(Default)]
pub(crate) enum Stage {
    /// The next prompt or call starts one.
    #[default]
    Absent,
    /// The plugin is being looked up and perhaps still loaded.
    Launching(BoxFuture<'static, Result<Running, SessionError>>),
    Live(Instance),
}

impl Stage {
    /// May be dropped and called again at any time; after `Launched` the stage
    /// must be replaced.
    pub(crate) async fn next(&mut self) -> Step {
        match self {
            Self::Absent => std::future::pending().await,
            Self::Launching(launching) => Step::Launched(launching.await),
            Self::Live(instance) => Step::Event(instance.next().await),
        }
    }

    pub(crate) fn live(&mut self) -> Option<&mut Instance> {
        match self {
            Self::Live(instance) => Some(instance),
            Self::Absent | Self::Launching(_) => None,
        }
    }

    /// The instance, if it can be prompted.
    pub(crate) fn ready(&mut self) -> Option<&mut Instance> {
        self.live()
            .filter(|instance| instance.opening_until.is_none())
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Launching(_) => "Launching",
            Self::Live(_) => "Live",
        })
    }
}

/// A request to the instance other than a prompt.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) params: String,
    pub(crate) reply: Reply,
}

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) rights: Rights,
    /// Until `open` is answered: the latest time for it.
    pub(crate) opening_until: Option<Instant>,
    pipe: Pipe,
    events: mpsc::Receiver<Event>,
    last_request: u64,
    /// Calls that are not answered yet, with what they were.
    calls: HashMap<u64, Call>,
}

impl Instance {
    pub(crate) fn new(running: Running) -> Self {
        Self {
            rights: running.rights,
            opening_until: Some(Instant::now() + OPENING),
            pipe: Pipe::new(running.harness),
            events: running.events,
            last_request: OPEN_REQUEST,
            calls: HashMap::new(),
        }
    }

    async fn next(&mut self) -> Event {
        loop {
            tokio::select! {
                event = self.events.recv() => return event.unwrap_or(Event::Ended(Ended::Closed)),
                () = self.pipe.drive() => {}
            }
        }
    }

    fn next_request(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }

    /// The number under which the turn will be answered.
    pub(crate) fn prompt(&mut self, prompt: &str) -> Result<u64, Full> {
        let request = self.next_request();
        let prompt = prompt.to_owned();
        self.pipe.push(Command::Prompt { request, prompt })?;
        Ok(request)
    }

    pub(crate) fn cancel(&mut self) -> Result<(), Full> {
        self.pipe.push(Command::Cancel)
    }

    pub(crate) fn answer(
        &mut self,
        ask: u64,
        outcome: Result<String, hostler_runtime::Failure>,
    ) -> Result<(), Full> {
        self.pipe.push(Command::Answer { ask, outcome })
    }

    /// Asks for the end; its last event comes when it is gone. Open calls are
    /// answered by their replies being dropped.
    pub(crate) fn close(&mut self) {
        self.calls.clear();
        // When even this finds no place, dropping the handle does the same.
        let _ = self.pipe.push(Command::Close);
    }

    /// Forwards a call, or answers it at once when the instance is behind with
    /// earlier commands.
    pub(crate) fn call(&mut self, call: Call) {
        const MAILBOX_FULL: SessionError = SessionError::TooMany {
            what: "the harness is behind with earlier requests",
            bound: hostler_runtime::MAILBOX,
            remedy: "try again when the turn has gone on",
        };
        if !self.pipe.is_clear() {
            call.reply.send(Err(MAILBOX_FULL));
            return;
        }
        let request = self.next_request();
        let command = Command::Call {
            request,
            method: call.method.clone(),
            params: call.params.clone(),
        };
        if self.pipe.push(command).is_ok() {
            self.calls.insert(request, call);
        } else {
            call.reply.send(Err(MAILBOX_FULL));
        }
    }

    pub(crate) fn take_call(&mut self, request: u64) -> Option<Call> {
        self.calls.remove(&request)
    }

    pub(crate) fn into_calls(self) -> impl Iterator<Item = Call> {
        self.calls.into_values()
    }
}

/// What starts an instance again: everything that `open` is given.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) harness: String,
    pub(crate) params: hostler_runtime::OpenParams,
    pub(crate) checkpoint: Option<Bytes>,
}
