//! The instance of the harness behind a session: there is none, one is being
//! started, one is there, or one still ends. Never two.

use std::{collections::HashMap, fmt, time::Duration};

use hostler_runtime::{Command, Ended, Event, OPEN_REQUEST, SessionOrigin};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use crate::{
    ClientId, Endpoint, Reply, SessionError,
    endpoint::EndpointSource,
    launcher::{BoxFuture, Rights, Running},
    unit::pipe::{Full, Pipe},
};

/// How long a harness may take to answer `open`: the agent's program starts and
/// says hello. A package runner fetches it first, for which plugins allow up to
/// 120 seconds; this is longer, so that the plugin's own sentence is what the
/// client gets.
pub(crate) const OPENING: Duration = Duration::from_secs(150);

/// How long an instance may take to be gone: the plugin closes, and its children
/// are interrupted, terminated and killed within three seconds.
const ENDING: Duration = Duration::from_secs(10);

/// Calls that an instance may leave unanswered at a time: each is kept with what
/// it asked. Clients set a mode and some options; agents' extensions ask more.
const OPEN_CALLS: usize = 64;

/// What a session waits for from its instance.
pub(crate) enum Step {
    Launched(Launched),
    Event(Event),
    /// The earlier instance is gone, or, if not `in_time`, given up.
    Gone {
        in_time: bool,
    },
}

/// What came of a start.
pub(crate) struct Launched {
    /// What the agent has of this host, unless an earlier one had it already.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) running: Result<Running, SessionError>,
}

/// Is ready when an instance is gone with its children, or with `false` when
/// that takes too long.
pub(crate) type Ending = BoxFuture<'static, bool>;

#[derive(Default)]
pub(crate) enum Stage {
    /// The next prompt or call starts one.
    #[default]
    Absent,
    /// The plugin is being looked up and perhaps still loaded.
    Launching(BoxFuture<'static, Launched>),
    Live(Instance),
    /// An earlier one may still have children in the session's folder: the next
    /// one starts when they are gone.
    Ending(Ending),
}

impl Stage {
    /// May be dropped and called again at any time; after `Launched` and `Gone`
    /// the stage must be replaced.
    pub(crate) async fn next(&mut self) -> Step {
        match self {
            Self::Absent => std::future::pending().await,
            Self::Launching(launching) => Step::Launched(launching.await),
            Self::Live(instance) => Step::Event(instance.next().await),
            Self::Ending(ending) => Step::Gone {
                in_time: ending.await,
            },
        }
    }

    pub(crate) fn live(&mut self) -> Option<&mut Instance> {
        match self {
            Self::Live(instance) => Some(instance),
            Self::Absent | Self::Launching(_) | Self::Ending(_) => None,
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
            Self::Ending(_) => "Ending",
        })
    }
}

/// Something for the instance other than a prompt.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) client: ClientId,
    pub(crate) method: String,
    pub(crate) params: String,
    /// `None`: a notification.
    pub(crate) reply: Option<Reply>,
}

impl Call {
    /// Nothing comes of it.
    pub(crate) fn fail(self, error: SessionError) {
        match self.reply {
            Some(reply) => {
                reply.send(Err(error));
            }
            None => {
                tracing::debug!(client = %self.client, method = self.method, %error, "a notification did not reach the agent");
            }
        }
    }
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
    /// A cancel without a turn is on its way, and it was not heard of since: a
    /// second one would say nothing more.
    is_cancelled: bool,
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
            is_cancelled: false,
        }
    }

    /// One that opens has all its time from now on.
    pub(crate) fn grant_time(&mut self) {
        if self.opening_until.is_some() {
            self.opening_until = Some(Instant::now() + OPENING);
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

    /// Cancels what it does without a turn.
    pub(crate) fn cancel_unprompted(&mut self) -> Result<(), Full> {
        if std::mem::replace(&mut self.is_cancelled, true) {
            return Ok(());
        }
        self.cancel()
    }

    /// It says something.
    pub(crate) fn is_heard(&mut self) {
        self.is_cancelled = false;
    }

    pub(crate) fn answer(
        &mut self,
        ask: u64,
        outcome: Result<String, hostler_runtime::Failure>,
    ) -> Result<(), Full> {
        self.pipe.push(Command::Answer { ask, outcome })
    }

    /// Asks for the end and lets go.
    pub(crate) fn close(mut self) -> Ending {
        // When even this finds no place, dropping the handle does the same.
        let _ = self.pipe.push(Command::Close);
        self.end()
    }

    /// Lets go: the handle is dropped, which ends the instance, and calls that
    /// are still open are answered by their replies being dropped. What it has
    /// left to say is taken, so that it waits for nobody, and shown to nobody.
    pub(crate) fn end(self) -> Ending {
        let mut events = self.events;
        let gone = async move {
            // One that has ended before has closed its channel.
            while let Some(Event::Outputs(_)) = events.recv().await {}
        };
        Box::pin(async move { timeout(ENDING, gone).await.is_ok() })
    }

    /// Whether it would take a call now.
    ///
    /// # Errors
    /// It is behind with earlier commands.
    pub(crate) fn has_room(&self) -> Result<(), SessionError> {
        if self.calls.len() >= OPEN_CALLS {
            return Err(SessionError::TooMany {
                what: "the harness has not answered earlier requests",
                bound: OPEN_CALLS,
                remedy: "close the session and load it to start its agent again",
            });
        }
        if self.pipe.is_clear() {
            return Ok(());
        }
        Err(SessionError::TooMany {
            what: "the harness is behind with earlier requests",
            bound: hostler_runtime::MAILBOX,
            remedy: "try again when the turn has gone on",
        })
    }

    /// Forwards a call, or fails it at once.
    pub(crate) fn call(&mut self, call: Call) {
        if let Err(error) = self.has_room() {
            return call.fail(error);
        }
        let (method, params) = (call.method.clone(), call.params.clone());
        // There is room, so it is taken.
        if call.reply.is_none() {
            let _ = self.pipe.push(Command::Notify { method, params });
            return;
        }
        let request = self.next_request();
        let command = Command::Call {
            request,
            method,
            params,
        };
        let _ = self.pipe.push(command);
        self.calls.insert(request, call);
    }

    pub(crate) fn take_call(&mut self, request: u64) -> Option<Call> {
        self.calls.remove(&request)
    }

    pub(crate) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    pub(crate) fn take_calls(&mut self) -> impl Iterator<Item = Call> {
        self.calls.drain().map(|(_, call)| call)
    }
}

/// What starts an instance again: everything that `open` is given.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) harness: String,
    pub(crate) params: hostler_runtime::OpenParams,
    /// What its agents have of this host; it ends with the session. None before
    /// the first agent starts, and while there is nothing to have.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) source: EndpointSource,
    pub(crate) conversation: SessionOrigin,
}
