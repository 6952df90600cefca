//! One running agent: its input, its last words, and who waits for what.

use std::collections::BTreeSet;

use hostler_sdk::process::{Child, Exit, Signal};
use hostler_sdk::{Ending, Error, Failure, LineWriter, Pending, RequestId, Result, log};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::about::About;
use crate::message::{Outgoing, Reply};
use crate::standing::Standing;
use crate::tail::Tail;
use crate::timers::{self, Timer};

/// How many bytes of messages may wait for the agent's session to be known.
/// Agents send their commands and modes early; nothing larger.
const MAX_EARLY: usize = 1 << 20;

/// The request of somebody who logs in.
pub(crate) const LOGIN: &str = "authenticate";

/// A request to the agent that has no answer yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    Initialize,
    NewSession,
    ResumeSession,
    LoadSession,
    /// A new session, as a copy of another.
    ForkSession,
    /// The host's turn.
    Prompt(RequestId),
    /// A choice; without a request it is one of before, made again.
    Choose(Option<RequestId>, Choice),
    /// Any other request of the host.
    Forward(RequestId),
}

/// What can be chosen in a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Choice {
    Mode(String),
    Option {
        id: String,
        value: Value,
    },
    /// An option that this plugin has made of the agent's models.
    Model(String),
}

/// How far the handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The agent's session is not known yet.
    Unknown,
    /// The agent replays a session that the host has already.
    Replaying,
    /// The agent takes a session up again without a replay.
    Resuming,
    /// What people had chosen is chosen again.
    Restoring,
    /// The agent can be prompted.
    Ready,
}

#[derive(Debug)]
pub(crate) struct Link {
    name: String,
    stdin: LineWriter,
    pub(crate) stage: Stage,
    /// Our requests, by our ids.
    pub(crate) calls: Pending<Call>,
    pub(crate) tail: Tail,
    /// What the agent said before its session was known.
    early: Vec<String>,
    /// What it said of itself, once it did.
    pub(crate) about: About,
    /// How its session stands, once there is one.
    pub(crate) standing: Standing,
    /// Kinds of nonsense that the user was told of in this turn.
    pub(crate) complained: BTreeSet<&'static str>,
    /// The user cancelled this turn.
    pub(crate) cancelled: bool,
    /// It is being ended, because it did not end a turn.
    pub(crate) ending: Ending,
    /// Somebody logs in: what has to be opened for it is that person's to see.
    pub(crate) login: bool,
}

impl Link {
    pub(crate) fn new(child: Child, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            stdin: LineWriter::new(child),
            stage: Stage::Unknown,
            calls: Pending::new(),
            tail: Tail::default(),
            early: Vec::new(),
            about: About::default(),
            standing: Standing::default(),
            complained: BTreeSet::new(),
            cancelled: false,
            ending: Ending::default(),
            login: false,
        }
    }

    pub(crate) const fn child(&self) -> Child {
        self.stdin.child()
    }

    pub(crate) fn drained(&mut self) -> Result {
        self.stdin.drained()
    }

    /// Sends a request; its id. When it cannot be written it is not open either;
    /// but an agent that has just ended is about to be reported, and that tells
    /// why.
    pub(crate) fn call<P: Serialize>(
        &mut self,
        call: Call,
        method: &str,
        params: P,
    ) -> Result<u64> {
        let id = self.calls.insert(call);
        let sent = self
            .stdin
            .write_json(&Outgoing::request(id, method, params));
        match sent {
            Err(Error::NotFound(why)) => {
                log::debug(format_args!("{method} came too late: {why}"));
                Ok(id)
            }
            Err(error) => {
                self.calls.take(id);
                Err(error)
            }
            Ok(()) => Ok(id),
        }
    }

    /// Somebody logs in.
    pub(crate) fn log_in(&mut self, request: RequestId, params: &RawValue) -> Result {
        self.login = true;
        let id = self.call(Call::Forward(request), LOGIN, params)?;
        Timer::Call(id).set(timers::CALL)
    }

    /// It has said what it is.
    pub(crate) fn is_acquainted(&self) -> bool {
        self.calls.find(|call| *call == Call::Initialize).is_none()
    }

    pub(crate) fn notify<P: Serialize>(&mut self, method: &str, params: P) -> Result {
        self.stdin
            .write_json(&Outgoing::notification(method, params))
    }

    /// Answers a request of the agent. One that has just ended needs no answer.
    pub(crate) fn reply(&mut self, id: &RawValue, outcome: Result<String, Failure>) -> Result {
        match self.stdin.write_json(&Reply::new(id, outcome)) {
            Err(Error::NotFound(why)) => {
                log::debug(format_args!("an answer came too late: {why}"));
                Ok(())
            }
            done => done,
        }
    }

    /// Keeps a line until the session is known.
    pub(crate) fn hold(&mut self, line: &str) -> Result<(), Failure> {
        let held: usize = self.early.iter().map(String::len).sum();
        if held + line.len() > MAX_EARLY {
            return Err(Failure::internal(format!(
                "{} sent more than {MAX_EARLY} bytes before it said which session they belong to",
                self.name
            )));
        }
        self.early.push(line.to_owned());
        Ok(())
    }

    /// What was held, in order.
    pub(crate) fn take_held(&mut self) -> Vec<String> {
        std::mem::take(&mut self.early)
    }

    /// The turn that the agent works on.
    pub(crate) fn in_turn(&self) -> bool {
        let turn = |call: &Call| matches!(call, Call::Prompt(_));
        self.calls.find(turn).is_some()
    }

    /// One of our requests has this id.
    pub(crate) fn is_open(&self, id: &RawValue) -> bool {
        let id = id.get().parse().ok();
        id.is_some_and(|id| self.calls.get(id).is_some())
    }

    /// Choices of before are still on their way.
    pub(crate) fn is_restoring(&self) -> bool {
        let again = |call: &Call| matches!(call, Call::Choose(None, _));
        self.calls.find(again).is_some()
    }

    /// Closes the agent's input behind what waits.
    pub(crate) fn close(&mut self) -> Result {
        self.stdin.close()
    }

    /// Ends the agent. One that has ended already is no error.
    pub(crate) fn stop(&self, signal: Signal) {
        if let Err(error) = self.child().kill(signal) {
            log::debug(format_args!("{} cannot be stopped: {error}", self.name));
        }
    }

    /// What to tell those who wait for an agent that ended by itself.
    pub(crate) fn ended(&self, exit: Exit) -> Failure {
        let mut message = format!("{} ended ({exit})", self.name);
        if let Some(words) = self.tail.words() {
            message = format!("{message}: {words}");
        }
        let data = json!({
            "exitCode": exit.code,
            "signal": exit.signal,
            "stderr": self.tail.lines(),
        });
        Failure::internal(message).with_data(data.to_string())
    }
}
