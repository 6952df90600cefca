//! Harness plugin for any agent that speaks ACP, version 1, on stdin and stdout.
//!
//! Nearly everything passes through as it came: the agent's updates go to the
//! clients byte for byte, its requests become asks and the answers go back. What
//! this plugin does itself:
//!
//! - `handshake`: starts the agent, `initialize`, and one session of it: a new
//!   one, or after a restart the same one by `session/resume` or `session/load`;
//! - `outgoing`: what the host wants of the agent: prompts, calls, cancel; they
//!   wait while the agent's session is not known yet;
//! - `incoming`: what the agent says: updates, requests, answers, garbage;
//! - `link`: one running agent: its input, and our requests to it. Its own have
//!   another table, because ids of the two sides have nothing to do with each
//!   other;
//! - `message`: JSON-RPC with borrowed payloads; `settings`; `tail`, its
//!   last words.
//!
//! Deliberately absent: any opinion on what the agent says. Whether a permission
//! is valid, or which file may be read, is the host's to decide.

mod handshake;
mod incoming;
mod link;
mod message;
mod outgoing;
mod servers;
mod settings;
mod tail;

use hostler_sdk::process::{Child, Stdio};
use hostler_sdk::{
    Description, Event, Failure, Harness, OpenParams, Pending, Prompt, RequestId, Result, Status,
    log,
};
use serde_json::value::RawValue;

use link::Link;
use outgoing::Waiting;
use settings::Settings;

/// One conversation.
#[derive(Debug)]
pub struct AcpAgent {
    settings: Settings,
    place: OpenParams,
    /// The agent's own id of this conversation, once there is one.
    session: Option<String>,
    /// The running agent. `None` after it ended: the next prompt starts another.
    link: Option<Link>,
    /// The host's `open`, until it is answered.
    opening: Option<RequestId>,
    /// Requests of the host that wait for the agent's session.
    waiting: Vec<Waiting>,
    /// The agent's requests: our ask, and the agent's own id. Here, because the
    /// ids of asks go on rising when another agent is started.
    asks: Pending<Box<RawValue>>,
    /// The user is still to be told that the agent's memory is gone.
    forgot: bool,
}

impl Harness for AcpAgent {
    fn describe() -> Description {
        Settings::load().unwrap_or_default().description()
    }

    fn probe() -> Result<Status> {
        Ok(settings::probe())
    }

    fn open(request: RequestId, place: OpenParams, resume: Option<Vec<u8>>) -> Result<Self> {
        let mut agent = Self {
            settings: Settings::load()?,
            place,
            session: resume.as_deref().and_then(handshake::remembered),
            link: None,
            opening: Some(request),
            waiting: Vec::new(),
            asks: Pending::new(),
            forgot: false,
        };
        agent.start()?;
        Ok(agent)
    }

    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
        self.request(Waiting::prompt(request, &prompt)?)
    }

    fn call(&mut self, request: RequestId, method: &str, params: &str) -> Result {
        self.request(Waiting::call(request, method, params))
    }

    fn cancel(&mut self) -> Result {
        self.cancel_turn()
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::AskAnswered { id, outcome } => self.answered(id, outcome),
            Event::Timer(_) => self.timed_out(),
            // It makes no requests.
            Event::Started(_)
            | Event::HttpHead { .. }
            | Event::HttpPiece { .. }
            | Event::HttpEnd(_)
            | Event::HttpFailed { .. } => Ok(()),
            Event::WriteDrained(child) => match self.link_of(child) {
                Some(link) => link.drained(),
                None => Ok(()),
            },
            Event::StartFailed { child, message } => match self.link_of(child) {
                Some(_) => self.lost(&Failure::internal(message)),
                None => Ok(()),
            },
            Event::Line {
                child,
                source,
                text,
                lossy,
            } => match self.link_of(child) {
                Some(_) if source == Stdio::Out => self.line(&text, lossy),
                Some(link) => {
                    log::debug(format_args!("stderr: {text}"));
                    link.tail.push(&text);
                    Ok(())
                }
                None => Ok(()),
            },
            Event::Exited { child, exit } => match self.link_of(child) {
                Some(link) => {
                    let failure = link.ended(exit);
                    self.lost(&failure)
                }
                None => Ok(()),
            },
        }
    }

    /// Most agents end when their input does; the host ends the others.
    fn close(&mut self) -> Result {
        match self.link.take() {
            Some(mut link) => link.close(),
            None => Ok(()),
        }
    }
}

impl AcpAgent {
    /// The running agent, if this is it: the events of an earlier one are over.
    fn link_of(&mut self, child: Child) -> Option<&mut Link> {
        self.link.as_mut().filter(|link| link.child() == child)
    }
}

hostler_sdk::export!(AcpAgent);
