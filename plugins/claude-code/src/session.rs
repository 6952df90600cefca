//! One conversation: where events and requests go.

use std::collections::BTreeSet;

use hostler_sdk::{
    Choices, Conversation, Description, Event, Harness, OpenParams, Origin, Prompt,
    PromptCapabilities, RequestId, Result, Status,
    acp::NoticeSeverity,
    config, log,
    process::{Child, Stdio},
};

use crate::{
    checkpoint::{Checkpoint, Kept, Original},
    cli::Cli,
    commands::{Command, Commands},
    notice::Notices,
    offer, past,
    permission::Asks,
    plan::Plan,
    probe,
    program::Program,
    servers::Servers,
    settings::Settings,
    start, steer, store,
    transcript::Transcript,
    turn::{self, Turn},
    unprompted::Unprompted,
};

/// The adapter. Its process is started when the session opens and, should it
/// end, again for the next prompt.
#[derive(Debug)]
pub struct ClaudeCode {
    pub(crate) program: Program,
    /// Of the conversation, at Claude Code and at the host.
    pub(crate) id: String,
    pub(crate) kept: Kept,
    /// Claude Code's own id of the last message.
    pub(crate) last: Option<String>,
    /// What this is a copy of, until Claude Code has it in its files.
    pub(crate) copy_of: Option<Original>,
    pub(crate) settings: Settings,
    pub(crate) cli: Option<Cli>,
    /// `open`, until Claude Code is ready.
    pub(crate) opening: Option<RequestId>,
    pub(crate) turn: Option<Turn>,
    pub(crate) unprompted: Option<Unprompted>,
    pub(crate) asks: Asks,
    /// Further folders that the client named.
    pub(crate) directories: Vec<String>,
    pub(crate) servers: Servers,
    pub(crate) transcript: Transcript,
    pub(crate) plan: Plan,
    pub(crate) commands: Commands,
    /// Those of `initialize`, until the session is open.
    pub(crate) commands_to_tell: Vec<Command>,
    pub(crate) notices: Notices,
    /// What people are told when the session is open: nobody views it before.
    pub(crate) to_tell: Vec<(NoticeSeverity, String)>,
    /// MCP servers of which people know that they do not work.
    pub(crate) failed_servers: BTreeSet<String>,
}

impl Harness for ClaudeCode {
    fn describe() -> Description {
        Description {
            title: "Claude Code".into(),
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
        probe::probe(&config::get::<Program>()?.path)
    }

    fn offer() -> Result<Choices> {
        Ok(offer::offer(config::get::<Program>()?.bypass))
    }

    fn conversations(cwd: Option<&str>) -> Result<Vec<Conversation>> {
        store::conversations(cwd)
    }

    fn history(id: &str) -> Result<Conversation> {
        past::tell(id)
    }

    fn open(request: RequestId, params: OpenParams, origin: Origin) -> Result<Self> {
        let program: Program = config::get()?;
        let checkpoint = match origin {
            Origin::Fresh => Checkpoint::fresh(params.session),
            Origin::Resume(state) => Checkpoint::read(&state)?,
            Origin::Fork(state) => {
                let copy = Checkpoint::read(&state)?.copied(params.session);
                copy.write()?;
                copy
            }
            Origin::Outside(id) => Checkpoint::kept(id),
        };
        let settings = Settings::new(
            checkpoint.mode,
            checkpoint.model,
            checkpoint.effort,
            program.bypass,
        );
        let mut session = Self {
            program,
            id: checkpoint.id,
            kept: checkpoint.kept,
            last: checkpoint.last,
            copy_of: checkpoint.copy_of,
            settings,
            cli: None,
            opening: Some(request),
            turn: None,
            unprompted: None,
            asks: Asks::default(),
            directories: params.additional_directories,
            servers: Servers::new(params.mcp_servers),
            transcript: Transcript::new(params.cwd),
            plan: checkpoint.plan,
            commands: Commands::default(),
            commands_to_tell: Vec::new(),
            notices: Notices::default(),
            to_tell: Vec::new(),
            failed_servers: BTreeSet::new(),
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
                Stdio::Err => self.said(&text),
            },
            Event::StartFailed { child, message } if self.owns(child) => self.not_started(&message),
            Event::Exited { child, exit } if self.owns(child) => self.ended(exit),
            Event::WriteDrained(child) if self.owns(child) => match &mut self.cli {
                Some(cli) => cli.drained(),
                None => Ok(()),
            },
            Event::AskAnswered { id, outcome } => {
                let cli = self.cli.as_mut();
                self.asks
                    .answered(id, &outcome, &mut self.transcript.calls, cli)
            }
            Event::Timer(start::TIMER) => self.start_took_too_long(),
            Event::Timer(turn::TIMER) => self.cancel_took_too_long(),
            // Of a process that was given up, or of no interest.
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result {
        match self.cli.take() {
            Some(cli) => cli.terminate(),
            None => Ok(()),
        }
    }
}

impl ClaudeCode {
    fn owns(&self, child: Child) -> bool {
        self.cli.as_ref().is_some_and(|cli| cli.is(child))
    }

    /// Saves how the conversation stands. What cannot be saved is no reason to
    /// fail what is being done.
    pub(crate) fn checkpoint(&self) {
        let checkpoint = Checkpoint {
            id: self.id.clone(),
            kept: self.kept,
            mode: Some(self.settings.mode.clone()),
            model: Some(self.settings.model.clone()),
            effort: self.settings.chosen_effort.clone(),
            plan: self.plan.clone(),
            last: self.last.clone(),
            copy_of: self.copy_of.clone(),
        };
        if let Err(error) = checkpoint.write() {
            log::error(format_args!("the conversation cannot be saved: {error}"));
        }
    }
}
