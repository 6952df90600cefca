//! What a call made the host do, and readers for it.

use std::{ops::Deref, time::Duration};

use serde_json::Value;

use crate::exchange::{ExchangeId, Request};
use crate::process::{Child, Command, Signal};
use crate::{Error, Failure, RequestId, log::Level};

/// One thing that the adapter asked the host to do. JSON is kept as text, byte
/// for byte as the adapter gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// `client::update`.
    Update(String),
    /// `client::ask`.
    Ask {
        /// The plugin's own id.
        id: u64,
        /// The ACP method.
        method: String,
        /// The JSON params.
        params: String,
    },
    /// `client::notify`.
    Notify {
        /// Of an extension.
        method: String,
        /// The JSON params.
        params: String,
    },
    /// `client::withdraw`.
    Withdraw(u64),
    /// `client::answer`, `opened`, `end_turn` and `fail`.
    Answer {
        /// Of which request.
        request: RequestId,
        /// The JSON result, or the failure.
        outcome: Result<String, Failure>,
    },
    /// `client::checkpoint`.
    Checkpoint(Vec<u8>),
    /// `Command::spawn`.
    Spawn {
        /// The id that the child got.
        child: Child,
        /// What runs.
        command: Command,
    },
    /// `Command::run`, in a probe.
    Run(Command),
    /// `Child::write`.
    Write {
        /// To which child.
        child: Child,
        /// The bytes.
        data: Vec<u8>,
    },
    /// `Child::close_stdin`.
    CloseStdin(Child),
    /// `Child::kill`.
    Kill {
        /// Which child.
        child: Child,
        /// With what.
        signal: Signal,
    },
    /// `timer::set`.
    TimerSet {
        /// The plugin's own id.
        id: u64,
        /// How far from now.
        after: Duration,
    },
    /// `timer::cancel`.
    TimerCancel(u64),
    /// `exchange::open`.
    ExchangeOpen {
        /// The id that it got.
        exchange: ExchangeId,
        /// What is sent.
        request: Request,
    },
    /// `exchange::cancel`.
    ExchangeCancel(ExchangeId),
    /// `device::progress`.
    Progress(String),
    /// A line for the log.
    Log {
        /// How much it matters.
        level: Level,
        /// The line.
        message: String,
    },
    /// The call itself returned this error.
    Failed(Error),
}

/// The effects of one call, in order. The readers panic with everything that did
/// happen when the one thing asked for did not: they are for tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects(Vec<Effect>);

impl From<Vec<Effect>> for Effects {
    fn from(effects: Vec<Effect>) -> Self {
        Self(effects)
    }
}

impl Deref for Effects {
    type Target = [Effect];

    fn deref(&self) -> &[Effect] {
        &self.0
    }
}

impl Effects {
    /// These and then `more`.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// The updates, parsed.
    pub fn updates(&self) -> Vec<Value> {
        self.pick(|effect| match effect {
            Effect::Update(update) => Some(parse(update)),
            _ => None,
        })
    }

    /// All text of `agent_message_chunk` updates, joined.
    pub fn text(&self) -> String {
        self.updates()
            .iter()
            .filter(|update| update["sessionUpdate"] == "agent_message_chunk")
            .filter_map(|update| update["content"]["text"].as_str())
            .collect()
    }

    /// The asks: id, method, params.
    pub fn asks(&self) -> Vec<(u64, String, Value)> {
        self.pick(|effect| match effect {
            Effect::Ask { id, method, params } => Some((*id, method.clone(), parse(params))),
            _ => None,
        })
    }

    /// The notifications of extensions: method, params.
    pub fn notifications(&self) -> Vec<(String, Value)> {
        self.pick(|effect| match effect {
            Effect::Notify { method, params } => Some((method.clone(), parse(params))),
            _ => None,
        })
    }

    /// The answers to requests of the host.
    pub fn answers(&self) -> Vec<(RequestId, Result<Value, Failure>)> {
        self.pick(|effect| match effect {
            Effect::Answer { request, outcome } => {
                Some((*request, outcome.clone().map(|json| parse(&json))))
            }
            _ => None,
        })
    }

    /// The one answer.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn answer(&self) -> Result<Value, Failure> {
        self.only("answer", self.answers()).1
    }

    /// The one child that was started.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn spawned(&self) -> (Child, Command) {
        let spawned = self.pick(|effect| match effect {
            Effect::Spawn { child, command } => Some((*child, command.clone())),
            _ => None,
        });
        self.only("spawn", spawned)
    }

    /// Everything that was written to children, as text.
    pub fn written(&self) -> String {
        let bytes: Vec<Vec<u8>> = self.pick(|effect| match effect {
            Effect::Write { data, .. } => Some(data.clone()),
            _ => None,
        });
        String::from_utf8_lossy(&bytes.concat()).into_owned()
    }

    /// Everything that was written to children, as lines of JSON.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[track_caller]
    pub fn written_json(&self) -> Vec<Value> {
        self.written().lines().map(parse).collect()
    }

    /// The requests that were opened.
    pub fn exchanges(&self) -> Vec<(ExchangeId, Request)> {
        self.pick(|effect| match effect {
            Effect::ExchangeOpen { exchange, request } => Some((*exchange, request.clone())),
            _ => None,
        })
    }

    /// The one request that was opened.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn exchange(&self) -> (ExchangeId, Request) {
        self.only("request", self.exchanges())
    }

    /// The requests that were cancelled.
    pub fn cancelled(&self) -> Vec<ExchangeId> {
        self.pick(|effect| match effect {
            Effect::ExchangeCancel(exchange) => Some(*exchange),
            _ => None,
        })
    }

    /// The lines for the log.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.pick(|effect| match effect {
            Effect::Log { level, message } => Some((*level, message.clone())),
            _ => None,
        })
    }

    /// The error that the call returned, if it did.
    pub fn failed(&self) -> Option<&Error> {
        self.0.iter().find_map(|effect| match effect {
            Effect::Failed(error) => Some(error),
            _ => None,
        })
    }

    fn pick<T>(&self, pick: impl Fn(&Effect) -> Option<T>) -> Vec<T> {
        self.0.iter().filter_map(pick).collect()
    }

    #[track_caller]
    fn only<T>(&self, what: &str, found: Vec<T>) -> T {
        let count = found.len();
        match <[T; 1]>::try_from(found) {
            Ok([one]) => one,
            Err(_) => panic!("expected one {what}, found {count}, in {:#?}", self.0),
        }
    }
}

#[track_caller]
fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json:?} is not JSON: {error}"))
}
