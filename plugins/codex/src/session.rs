//! One conversation: where events and requests go.

use std::num::NonZeroU16;

use hostler_sdk::{
    Choices, Conversation, Description, Event, Harness, McpServer, OpenParams, Origin, Prompt,
    PromptCapabilities, RequestId, Result, Status, config, log,
    process::{Child, Stdio},
};
use serde::Deserialize;

use crate::{
    agents::Agents,
    alone::Alone,
    approvals::Asks,
    calls::{self, Calls},
    cancel,
    checkpoint::{Checkpoint, Kept},
    cli::Cli,
    goal::Towards,
    limits::Limits,
    login::{self, Login},
    notice::Notices,
    offer, past, probe,
    settings::{Patch, Settings},
    slash::Skill,
    start, steer, store,
    sweep::{self, Sweeps},
    transcript::Transcript,
    turn::Turn,
    unseen::Unseen,
};

/// `[plugins.codex.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    /// Codex: a name on the host's PATH or an absolute path.
    program: String,
    /// How long it may take to start, in seconds.
    start_seconds: NonZeroU16,
    /// The model gets a tool to write plans.
    plans: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            program: "codex".into(),
            start_seconds: start::LIMIT,
            plans: true,
        }
    }
}

/// The adapter. Its process is started when the session opens and, should it
/// end, again for the next prompt.
#[derive(Debug)]
pub struct Codex {
    pub(crate) program: String,
    /// How long it may take to start.
    pub(crate) start_seconds: NonZeroU16,
    pub(crate) cwd: String,
    /// Further folders that the client named.
    pub(crate) directories: Vec<String>,
    pub(crate) servers: Vec<McpServer>,
    /// The model gets a tool to write plans.
    pub(crate) plans: bool,
    /// Codex's id of the conversation, once it has begun.
    pub(crate) thread: Option<String>,
    /// The thread that this is to be a copy of, until it is.
    pub(crate) copy_of: Option<String>,
    pub(crate) kept: Kept,
    /// Settings that a client chose: set again after a new start.
    pub(crate) chosen: Patch,
    pub(crate) settings: Settings,
    pub(crate) cli: Option<Cli>,
    /// `open`, until Codex is ready.
    pub(crate) opening: Option<RequestId>,
    /// In place of a conversation.
    pub(crate) login: Option<Login>,
    pub(crate) turn: Option<Turn>,
    /// A turn that no prompt waits for, and whether people know that there are such.
    pub(crate) alone: Option<Alone>,
    pub(crate) told_alone: bool,
    pub(crate) towards: Towards,
    /// Codex's name of the last turn that was cancelled, and the ends of the commands
    /// of such turns.
    pub(crate) cancelled: Option<String>,
    pub(crate) sweeps: Sweeps,
    pub(crate) asks: Asks,
    pub(crate) transcript: Transcript,
    pub(crate) calls: Calls,
    pub(crate) unseen: Unseen,
    pub(crate) agents: Agents,
    /// What can be prompted by name.
    pub(crate) skills: Vec<Skill>,
    /// Tokens in the context window, and how many it holds.
    pub(crate) used: Option<(u64, u64)>,
    pub(crate) limits: Limits,
    pub(crate) notices: Notices,
}

impl Harness for Codex {
    fn describe() -> Description {
        Description {
            title: "Codex".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            prompt: PromptCapabilities {
                image: true,
                audio: false,
                embedded_context: true,
            },
            fork: true,
        }
    }

    fn probe() -> Result<Status> {
        probe::probe(&config::get::<Config>()?.program)
    }

    fn offer() -> Result<Choices> {
        Ok(offer::offer(&config::get::<Config>()?.program))
    }

    fn conversations(cwd: Option<&str>) -> Result<Vec<Conversation>> {
        store::conversations(cwd)
    }

    fn history(id: &str) -> Result<Conversation> {
        past::tell(id)
    }

    fn open(request: RequestId, params: OpenParams, origin: Origin) -> Result<Self> {
        let config: Config = config::get()?;
        let checkpoint = match origin {
            Origin::Fresh => Checkpoint::default(),
            Origin::Resume(state) => Checkpoint::read(&state)?,
            Origin::Fork(state) => {
                let copy = Checkpoint::read(&state)?.copied();
                copy.write()?;
                copy
            }
            Origin::Outside(thread) => Checkpoint::kept(thread),
        };
        let mut session = Self {
            program: config.program,
            start_seconds: config.start_seconds,
            calls: Calls::new(params.cwd.clone()),
            cwd: params.cwd,
            directories: params.additional_directories,
            servers: params.mcp_servers,
            plans: config.plans,
            thread: checkpoint.thread,
            copy_of: checkpoint.copy_of,
            kept: checkpoint.kept,
            chosen: checkpoint.settings.unwrap_or_default(),
            settings: Settings::default(),
            cli: None,
            opening: Some(request),
            login: None,
            turn: None,
            alone: None,
            told_alone: false,
            towards: Towards::default(),
            cancelled: None,
            sweeps: Sweeps::default(),
            asks: Asks::default(),
            transcript: Transcript::default(),
            unseen: Unseen::default(),
            agents: Agents::default(),
            skills: Vec::new(),
            used: None,
            limits: Limits::default(),
            notices: Notices::default(),
        };
        session.start()?;
        Ok(session)
    }

    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
        self.begin_turn(request, &prompt)
    }

    fn call(&mut self, request: RequestId, method: &str, params: &str) -> Result {
        match method {
            steer::METHOD => self.steer(request, params),
            login::METHOD => self.log_in(request, params),
            _ => self.choose(request, method, params),
        }
    }

    fn cancel(&mut self) -> Result {
        self.cancel_turn()
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::Line {
                child,
                source,
                text,
                lossy,
            } if self.owns(child) => match source {
                Stdio::Out if lossy => self.damaged_line(&text),
                Stdio::Out => self.line(&text),
                Stdio::Err => {
                    log::debug(format_args!("stderr: {text}"));
                    self.cli.iter_mut().for_each(|cli| cli.said(&text));
                    Ok(())
                }
            },
            Event::StartFailed { child, message } if self.owns(child) => self.not_started(&message),
            Event::Exited { child, exit } if self.owns(child) => self.ended(exit),
            Event::WriteDrained(child) if self.owns(child) => match &mut self.cli {
                Some(cli) => cli.drained(),
                None => Ok(()),
            },
            Event::AskAnswered {
                id: login::ASK,
                outcome,
            } => self.login_shown(&outcome),
            Event::AskAnswered { id, outcome } => {
                let cli = self.cli.as_mut();
                self.asks.answered(id, &outcome, &mut self.calls, cli)
            }
            Event::Timer(start::TIMER) => self.start_took_too_long(),
            Event::Timer(cancel::TIMER) => self.cancel_took_too_long(),
            Event::Timer(cancel::INTERRUPT_TIMER) => self.interrupt(),
            Event::Timer(calls::TIMER) => self.calls.show_output(),
            Event::Timer(sweep::TIMER) => self.look(),
            // Of a process that was given up, or of no interest.
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result {
        match &mut self.cli {
            Some(cli) => cli.close(),
            None => Ok(()),
        }
    }
}

impl Codex {
    fn owns(&self, child: Child) -> bool {
        self.cli.as_ref().is_some_and(|cli| cli.is(child))
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.cli.as_ref().is_some_and(|cli| cli.ready)
    }

    /// Saves how the conversation stands. What cannot be saved is no reason to
    /// fail what is being done.
    pub(crate) fn checkpoint(&self) {
        let checkpoint = Checkpoint {
            thread: self.thread.clone(),
            kept: self.kept,
            settings: Some(self.chosen.clone()),
            copy_of: self.copy_of.clone(),
        };
        if let Err(error) = checkpoint.write() {
            log::error(format_args!("the conversation cannot be saved: {error}"));
        }
    }
}
