//! What Claude Code says: line by line, to whoever it concerns.

use hostler_sdk::{Error, Result, log};

use crate::{
    choice::Setting,
    cli::Request,
    control::{ControlCancel, ControlReply, ControlRequest, ControlResponse},
    incoming::{Assistant, Head, Lifecycle, StreamEvent, System, User},
    notice, servers,
    session::ClaudeCode,
};

/// How much of a line that could not be read goes to the log, in characters.
const EXCERPT: usize = 200;

impl ClaudeCode {
    pub(crate) fn said(&mut self, line: &str) -> Result {
        log::debug(format_args!("stderr: {line}"));
        if let Some(cli) = &mut self.cli {
            cli.said(line);
        }
        Ok(())
    }

    /// A line that cannot be read is skipped: the next one may be fine.
    pub(crate) fn line(&mut self, text: &str) -> Result {
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
                self.transcript.calls.results(&line)?;
            }
            ("control_request", _) => {
                let line: ControlRequest<'_> = serde_json::from_str(text)?;
                if let Some(cli) = &mut self.cli {
                    self.asks.ask(line, &mut self.transcript.calls, cli)?;
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
        }
        if let Some(tool) = &line.tool_use_id {
            self.transcript.calls.running(tool)?;
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
            Some(Request::Servers(_)) => {
                servers::told(&reply);
                Ok(())
            }
            None => Ok(()),
        }
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

pub(crate) fn skip(line: &str, why: impl std::fmt::Display) {
    let excerpt: String = line.chars().take(EXCERPT).collect();
    log::warn(format_args!(
        "skipped a line of Claude Code ({why}): {excerpt}"
    ));
}
