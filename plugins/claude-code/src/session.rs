//! One conversation: where events and requests go.

use hostler_sdk::{
    Description, Event, Harness, OpenParams, Prompt, PromptCapabilities, RequestId, Result, Status,
    config, log,
    process::{Child, Stdio},
};
use serde::Deserialize;

use crate::{
    checkpoint::{Checkpoint, Kept},
    cli::Cli,
    dispatch,
    permission::Asks,
    probe,
    servers::Servers,
    settings::Settings,
    start,
    transcript::Transcript,
    turn::{self, Turn},
};

/// `[plugins.claude-code.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Claude Code: a name on the host's PATH or an absolute path.
    pub program: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            program: "claude".into(),
        }
    }
}

/// The adapter. Its process is started when the session opens and, should it
/// end, again for the next prompt.
#[derive(Debug)]
pub struct ClaudeCode {
    pub(crate) program: String,
    /// Of the conversation, at Claude Code and at the host.
    pub(crate) id: String,
    pub(crate) kept: Kept,
    pub(crate) settings: Settings,
    pub(crate) cli: Option<Cli>,
    /// `open`, until Claude Code is ready.
    pub(crate) opening: Option<RequestId>,
    pub(crate) turn: Option<Turn>,
    pub(crate) asks: Asks,
    pub(crate) servers: Servers,
    pub(crate) transcript: Transcript,
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
        }
    }

    fn probe() -> Result<Status> {
        probe::probe(&config::get::<Config>()?.program)
    }

    fn open(request: RequestId, params: OpenParams, resume: Option<Vec<u8>>) -> Result<Self> {
        let config: Config = config::get()?;
        let checkpoint = match resume {
            Some(state) => Checkpoint::read(&state)?,
            None => Checkpoint {
                id: params.session,
                kept: Kept::No,
                mode: None,
                model: None,
            },
        };
        for directory in &params.additional_directories {
            log::warn(format_args!(
                "{directory} is not made known to Claude Code: it is told about its own \
                 folder only"
            ));
        }
        let mut session = Self {
            program: config.program,
            id: checkpoint.id,
            kept: checkpoint.kept,
            settings: Settings::new(checkpoint.mode, checkpoint.model),
            cli: None,
            opening: Some(request),
            turn: None,
            asks: Asks::default(),
            servers: Servers::new(params.mcp_servers),
            transcript: Transcript::new(params.cwd),
        };
        session.start()?;
        Ok(session)
    }

    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
        self.begin_turn(request, &prompt)
    }

    fn call(&mut self, request: RequestId, method: &str, params: &str) -> Result {
        self.choose(request, method, params)
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
                Stdio::Out if lossy => {
                    dispatch::skip(&text, "it is damaged");
                    Ok(())
                }
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
                    .answered(id, &outcome, &self.transcript.calls, cli)
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
        if let Err(error) = Checkpoint::write(&self.id, self.kept, &self.settings) {
            log::error(format_args!("the conversation cannot be saved: {error}"));
        }
    }
}
