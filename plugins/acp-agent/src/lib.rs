//! Harness plugin for any agent that speaks ACP, version 1, on stdin and stdout.
//!
//! Nearly everything passes through as it came: the agent's updates go to the
//! clients byte for byte, its requests become asks and the answers go back. What
//! this plugin does itself:
//!
//! - `handshake`: starts the agent, `initialize` (`about`, `login`), and one
//!   session of it: a new one, or after a restart the same one by
//!   `session/resume` or `session/load`, whose replay the host has already;
//! - `ready`: what people had chosen is chosen again (`checkpoint`, `choose`),
//!   clients are told how the session stands (`standing`, `models`), and what
//!   waited goes on;
//! - `outgoing`: what the host wants of the agent: prompts, calls, cancel; they
//!   wait while the agent's session is not known yet;
//! - `incoming`: what the agent says: `updates`, requests (`asks`,
//!   `elicitation`), `answers`, garbage (`damaged`);
//! - `extension`: what only the agent and its clients understand;
//! - `link`: one running agent: its input, and our requests to it. Its own have
//!   another table, because ids of the two sides have nothing to do with each
//!   other;
//! - `message`: JSON-RPC with borrowed payloads; `servers`: of the Model Context
//!   Protocol; `settings`; `probe`; `timers`; `tools`: calls that are open;
//!   `notices`; `tail`: its last words.
//!
//! Deliberately absent: any opinion on what the agent says. Whether a permission
//! is valid, or which file may be read, is the host's to decide.

mod about;
mod answers;
mod asks;
mod checkpoint;
mod choose;
mod damaged;
mod elicitation;
mod extension;
mod handshake;
mod incoming;
mod link;
mod login;
mod message;
mod models;
mod notices;
mod outgoing;
mod probe;
mod ready;
mod servers;
mod settings;
mod standing;
mod tail;
mod timers;
mod tools;
mod updates;

use hostler_sdk::process::{Child, Stdio};
use hostler_sdk::{
    Choices, Description, Event, Failure, Harness, OpenParams, Origin, Pending, Prompt, RequestId,
    Result, Status, client, log,
};

use asks::Ask;
use checkpoint::{Chosen, Remembered};
use link::Link;
use notices::Notices;
use outgoing::Waiting;
use settings::Settings;
use timers::Timer;
use tools::Tools;

/// One conversation.
#[derive(Debug)]
pub struct AcpAgent {
    settings: Settings,
    place: OpenParams,
    /// The agent's own id of this conversation, once there is one.
    session: Option<String>,
    /// It is another one's still, and is to be copied.
    fork: bool,
    /// What people have chosen in it.
    chosen: Chosen,
    /// The running agent. `None` after it ended: the next prompt starts another.
    link: Option<Link>,
    /// The one before, which may not have ended yet.
    former: Option<Link>,
    /// The host's `open`, until it is answered.
    opening: Option<RequestId>,
    /// Requests of the host that wait for the agent's session.
    waiting: Vec<Waiting>,
    /// The agent's requests. Here, because the ids of asks go on rising when
    /// another agent is started.
    asks: Pending<Ask>,
    /// The agent's tool calls that are open.
    tools: Tools,
    notices: Notices,
    /// Why the agent's memory is gone, until the user was told.
    forgot: Option<String>,
    /// The user knows which servers the agent cannot use.
    told_of_servers: bool,
}

impl Harness for AcpAgent {
    fn describe() -> Description {
        Settings::load().unwrap_or_default().description()
    }

    fn probe() -> Result<Status> {
        Ok(probe::probe())
    }

    fn offer() -> Result<Choices> {
        probe::offer()
    }

    fn open(request: RequestId, place: OpenParams, origin: Origin) -> Result<Self> {
        let fork = matches!(origin, Origin::Fork(_));
        let checkpoint = match origin {
            Origin::Fork(checkpoint) => Some(checkpoint),
            origin => origin.resumed()?,
        };
        let (session, chosen) = match checkpoint.as_deref().and_then(Remembered::read) {
            Some(Remembered { session, chosen }) => (Some(session), chosen),
            None => (None, Chosen::default()),
        };
        let mut agent = Self {
            settings: Settings::load()?,
            place,
            session,
            fork,
            chosen,
            link: None,
            former: None,
            opening: Some(request),
            waiting: Vec::new(),
            asks: Pending::new(),
            tools: Tools::default(),
            notices: Notices::default(),
            forgot: None,
            told_of_servers: false,
        };
        agent.start()?;
        Ok(agent)
    }

    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
        self.request_or_fail(Waiting::Prompt { request, prompt })
    }

    fn call(&mut self, request: RequestId, method: &str, params: &str) -> Result {
        if extension::is_own(method) {
            return client::fail(request, Failure::method_not_found(method));
        }
        self.request_or_fail(Waiting::Call {
            request,
            method: method.to_owned(),
            params: params.to_owned(),
        })
    }

    fn cancel(&mut self) -> Result {
        self.cancel_turn()
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::AskAnswered { id, outcome } => self.answered(id, outcome),
            Event::Notified { method, params } => self.tell_agent(method, params),
            Event::Timer(id) => match Timer::of(id) {
                Some(Timer::Handshake) => self.no_handshake(),
                Some(Timer::Settling) => self.settled(),
                Some(Timer::Cancel) => self.deaf(),
                Some(Timer::Call(id)) => self.unanswered(id),
                None => Ok(()),
            },
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

    fn request_or_fail(&mut self, waiting: Waiting) -> Result {
        let request = waiting.request();
        let done = self.request(waiting);
        outgoing::fail(request, done)
    }
}

hostler_sdk::export!(AcpAgent);
