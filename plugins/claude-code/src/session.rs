//! One conversation: where events and requests go.

use hostler_sdk::{
    Description, Error, Event, Harness, OpenParams, Prompt, PromptCapabilities, RequestId, Result,
    Status, config, log,
    process::{Child, Stdio},
};
use serde::Deserialize;

use crate::{
    checkpoint::{Checkpoint, Kept},
    choice::Setting,
    cli::{Cli, Request},
    incoming::{
        Assistant, ControlCancel, ControlReply, ControlRequest, ControlResponse, Head, Lifecycle,
        StreamEvent, System, User,
    },
    notice,
    permission::Asks,
    probe,
    settings::Settings,
    start,
    transcript::Transcript,
    turn::{self, Turn},
    usage::Meter,
};

/// How much of a line that could not be read goes to the log, in characters.
const EXCERPT: usize = 200;

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
    pub(crate) transcript: Transcript,
    pub(crate) meter: Meter,
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
            transcript: Transcript::new(params.cwd),
            meter: Meter::default(),
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
                    skip(&text, "it is damaged");
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
                self.asks.answered(id, &outcome, &self.transcript, cli)
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

    fn said(&mut self, line: &str) -> Result {
        log::debug(format_args!("stderr: {line}"));
        if let Some(cli) = &mut self.cli {
            cli.said(line);
        }
        Ok(())
    }

    /// A line that cannot be read is skipped: the next one may be fine.
    fn line(&mut self, text: &str) -> Result {
        match self.message(text) {
            Err(Unread::Malformed(error)) => {
                skip(text, error);
                Ok(())
            }
            Err(Unread::Host(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    fn message(&mut self, text: &str) -> Result<(), Unread> {
        let head: Head<'_> = serde_json::from_str(text)?;
        let kind = &*head.kind;
        let subtype = head.subtype.as_deref().unwrap_or_default();
        let background = head.parent_tool_use_id.is_some();
        match (kind, subtype) {
            ("user", _) => {
                let line: User<'_> = serde_json::from_str(text)?;
                self.transcript.results(&line)?;
            }
            ("control_request", _) => {
                let line: ControlRequest<'_> = serde_json::from_str(text)?;
                if let Some(cli) = &mut self.cli {
                    self.asks.ask(line, &mut self.transcript, cli)?;
                }
            }
            ("control_cancel_request", _) => {
                let line: ControlCancel = serde_json::from_str(text)?;
                self.asks.withdraw(&line.request_id)?;
            }
            ("control_response", _) => {
                let line: ControlResponse<'_> = serde_json::from_str(text)?;
                self.replied(line.response)?;
            }
            ("command_lifecycle", _) => {
                let line: Lifecycle<'_> = serde_json::from_str(text)?;
                self.prompt_became(&line.command_uuid, &line.state)?;
            }
            // A sub-agent's words are no part of the main text.
            _ if background => {}
            ("stream_event", _) => {
                let line: StreamEvent<'_> = serde_json::from_str(text)?;
                self.transcript.piece(line.event)?;
            }
            ("assistant", _) => {
                let line: Assistant<'_> = serde_json::from_str(text)?;
                if let Some(words) = self.transcript.block(line)? {
                    self.failed_answer(words)?;
                }
            }
            ("result", _) => self.result(&serde_json::from_str(text)?)?,
            ("system", "init" | "status" | "api_retry" | "task_started") => {
                self.system(&serde_json::from_str(text)?)?;
            }
            ("system" | "tool_progress", _) => {}
            _ => log::debug(format_args!("skipped a line of the unknown type {kind}")),
        }
        Ok(())
    }

    fn system(&mut self, line: &System) -> Result {
        if let Some(mode) = line.permission_mode.as_deref() {
            self.now_set(Setting::Mode, mode)?;
        }
        if let Some(model) = line.model.as_deref() {
            let value = self.settings.value_of(model);
            self.now_set(Setting::Model, &value)?;
            self.meter.answering(model);
        }
        if let Some(tool) = &line.tool_use_id {
            self.transcript.running(tool)?;
        }
        notice::retry(line)
    }

    fn replied(&mut self, reply: ControlReply<'_>) -> Result {
        let request = self
            .cli
            .as_mut()
            .and_then(|cli| cli.answered(&reply.request_id));
        match request {
            Some(Request::Initialize) => self.initialized(reply),
            Some(Request::Interrupt) => self.interrupted(&reply),
            Some(Request::Set(change)) => self.chosen(change, reply.error),
            None => Ok(()),
        }
    }

    pub(crate) fn checkpoint(&self) -> Result {
        Checkpoint::write(&self.id, self.kept, &self.settings)
    }
}

/// Why a line had no effect, or not all of it.
enum Unread {
    Malformed(serde_json::Error),
    Host(Error),
}

impl From<serde_json::Error> for Unread {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed(error)
    }
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

fn skip(line: &str, why: impl std::fmt::Display) {
    let excerpt: String = line.chars().take(EXCERPT).collect();
    log::warn(format_args!(
        "skipped a line of Claude Code ({why}): {excerpt}"
    ));
}
