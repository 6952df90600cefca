//! A harness that does what no plugin should, on demand: what the host has to
//! contain. No agent stands behind it.
//!
//! A prompt's first word chooses the behaviour: `behaviour` has them all. Those
//! that end in a trap are in `trap`. The config chooses what goes wrong before
//! any prompt: `{"on_describe": …, "on_probe": …, "on_open": …}`, each the name
//! of a [`Mischief`].

mod behaviour;
mod trap;

use hostler_sdk::acp::StopReason;
use hostler_sdk::process::{Child, Signal};
use hostler_sdk::{
    Description, Error, Event, Harness, OpenParams, Origin, Prompt, PromptCapabilities, RequestId,
    Result, Status, client, config,
};
use serde::Deserialize;

pub use trap::Mischief;

/// One conversation.
#[derive(Debug)]
pub struct Misbehaving {
    turn: Option<RequestId>,
    /// Cancels are ignored.
    deaf: bool,
    child: Option<Child>,
    last_ask: u64,
    /// What the last checkpoint holds.
    remembered: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    on_describe: Option<Mischief>,
    on_probe: Option<Mischief>,
    on_open: Option<Mischief>,
}

impl Harness for Misbehaving {
    fn describe() -> Description {
        let settings: Settings = config::get().unwrap_or_default();
        if let Some(mischief) = settings.on_describe {
            mischief.trap();
        }
        Description {
            title: "Misbehaving".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            prompt: PromptCapabilities::default(),
            fork: true,
        }
    }

    fn probe() -> Result<Status> {
        match config::get::<Settings>()?.on_probe {
            None => Ok(Status::ready("always here")),
            Some(Mischief::Fail) => Err(Error::other("failed on purpose")),
            Some(mischief) => {
                mischief.trap();
                Ok(Status::broken("no such mischief in a probe"))
            }
        }
    }

    fn open(request: RequestId, _: OpenParams, origin: Origin) -> Result<Self> {
        match config::get::<Settings>()?.on_open {
            None => client::opened(request, &client::Opened::default())?,
            Some(Mischief::Fail) => return Err(Error::other("failed on purpose")),
            Some(Mischief::NeverAnswer) => {}
            Some(mischief) => mischief.trap(),
        }
        Ok(Self {
            turn: None,
            deaf: false,
            child: None,
            last_ask: 0,
            remembered: match origin {
                Origin::Fresh => None,
                Origin::Resume(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                Origin::Fork(bytes) => {
                    Some(format!("a copy of {}", String::from_utf8_lossy(&bytes)))
                }
                Origin::Outside(id) => Some(format!("the outside {id}")),
            },
        })
    }

    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
        self.turn = Some(request);
        self.deaf = false;
        let text = prompt.text()?;
        let (name, rest) = text.split_once(' ').unwrap_or((&text, ""));
        self.behave(request, name, rest)
    }

    /// Says back what it was given, to see what a plugin gets.
    fn call(&mut self, request: RequestId, _: &str, params: &str) -> Result {
        client::answer_raw(request, params)
    }

    fn cancel(&mut self) -> Result {
        if self.deaf {
            return Ok(());
        }
        if let Some(child) = self.child.take() {
            child.kill(Signal::Kill)?;
        }
        self.end(StopReason::Cancelled)
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::Line { text, .. } => client::message(text + "\n"),
            Event::StartFailed { message, .. } => {
                self.child = None;
                self.report(message)
            }
            Event::Exited { exit, .. } => {
                self.child = None;
                self.report(exit)
            }
            Event::AskAnswered { outcome, .. } => {
                let choice = client::selected(&outcome);
                self.report(choice.map_or("cancelled".into(), |option| option.to_string()))
            }
            Event::Timer(_) => self.report("timer"),
            Event::Started(_) | Event::WriteDrained(_) => Ok(()),
        }
    }
}

impl Misbehaving {
    /// Says `what` and ends the turn, if one is open.
    fn report(&mut self, what: impl ToString) -> Result {
        if self.turn.is_some() {
            client::message(what.to_string())?;
        }
        self.end(StopReason::EndTurn)
    }

    /// What the host said to something that it should have refused.
    fn report_refusal(&mut self, outcome: Result) -> Result {
        match outcome {
            Ok(()) => self.report("accepted"),
            Err(error) => self.report(error),
        }
    }

    fn end(&mut self, reason: StopReason) -> Result {
        match self.turn.take() {
            Some(request) => client::end_turn(request, reason),
            None => Ok(()),
        }
    }
}

hostler_sdk::export!(Misbehaving);
