//! What Claude Code says: line by line, to whoever it concerns.

use hostler_sdk::{Error, Result, log};

use crate::{
    cli::Request,
    control::{ControlCancel, ControlReply, ControlRequest, ControlResponse},
    hooks,
    incoming::{Assistant, Head, Lifecycle, User},
    outgoing,
    session::ClaudeCode,
    system,
};

/// Types of lines that say nothing to people.
const UNUSED: [&str; 13] = [
    "active_goal",
    "api_metrics",
    "attachment",
    "auth_status",
    "autocompact_state",
    "control_request_progress",
    "keep_alive",
    "prompt_suggestion",
    "streamlined_text",
    "tombstone",
    "tool_progress",
    "tool_use_summary",
    "transcript_mirror",
];

/// Where the id of a request stands, from the beginning of the line: in front of
/// everything that may be long.
const HEAD: usize = 512;

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
            Err(Unread::Malformed(error)) => self.notices.skipped(text, error),
            Err(Unread::Host(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    /// A line of which bytes are lost. Whoever Claude Code asks with it gets a
    /// refusal: it would wait for ever, and nobody should allow what they cannot
    /// read. Anything else is taken as it is, if it can be read at all.
    pub(crate) fn damaged_line(&mut self, text: &str) -> Result {
        const WHY: &str = "it is damaged or too long";
        if let (Some(id), Some(cli)) = (request_id(text), &mut self.cli) {
            let refused = cli.write(&outgoing::refusal(id, "the request arrived damaged"));
            return refused.and(self.notices.skipped(text, WHY));
        }
        match self.message(text) {
            Err(Unread::Malformed(_)) => self.notices.skipped(text, WHY),
            Err(Unread::Host(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    fn message(&mut self, text: &str) -> Result<(), Unread> {
        let head: Head<'_> = serde_json::from_str(text)?;
        let kind = &*head.kind;
        let subtype = head.subtype.as_deref().unwrap_or_default();
        let parent = head.parent_tool_use_id.as_deref();
        match (kind, subtype) {
            ("user", _) => {
                let mut line: User<'_> = serde_json::from_str(text)?;
                if parent.is_none() {
                    self.last = line.uuid.take().or(self.last.take());
                }
                if self.transcript.calls.results(&line, &mut self.plan)? {
                    self.plan.show()?;
                    self.checkpoint();
                }
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
            ("system", "hook_response") => {
                let line: hooks::Ended = serde_json::from_str(text)?;
                self.hook_ended(&line)?;
            }
            ("system", _) if system::READ.contains(&subtype) => {
                self.system(subtype, serde_json::from_str(text)?)?;
            }
            ("system", _) => log::debug(format_args!("skipped a system line: {subtype}")),
            ("assistant", _) if parent.is_some() => {
                let line: Assistant<'_> = serde_json::from_str(text)?;
                let parent = parent.unwrap_or_default();
                self.transcript.sub_agents_block(parent, line)?;
            }
            // A sub-agent's words come once more, block by block.
            _ if parent.is_some() => {}
            ("stream_event", _) => self.transcript.piece(serde_json::from_str(text)?)?,
            ("assistant", _) => {
                let mut line: Assistant<'_> = serde_json::from_str(text)?;
                self.last = line.uuid.take().or(self.last.take());
                if let Some(words) = self.transcript.block(line)? {
                    self.failed_answer(words)?;
                }
            }
            ("conversation_reset", _) => self.reset()?,
            ("rate_limit_event", _) => self.notices.limit(serde_json::from_str(text)?)?,
            ("result", _) => self.result(&serde_json::from_str(text)?)?,
            _ if UNUSED.contains(&kind) => {}
            _ => self.notices.unknown(kind)?,
        }
        Ok(())
    }

    fn replied(&mut self, reply: ControlReply<'_>) -> Result {
        let request = self
            .cli
            .as_mut()
            .and_then(|cli| cli.answered(&reply.request_id));
        match request {
            Some(Request::Initialize) => self.initialized(reply),
            Some(Request::InForce) => self.in_force(&reply),
            Some(Request::Directories(directories)) => {
                if let Some(error) = reply.error {
                    let directories = directories.join(", ");
                    log::warn(format_args!("Claude Code refused {directories}: {error}"));
                }
                Ok(())
            }
            Some(Request::Interrupt) => self.interrupted(&reply),
            Some(Request::Stop { turn, .. }) => self.task_stopped(&turn),
            Some(Request::Set(change)) => self.chosen(change, reply.error),
            Some(Request::Servers(servers)) => self.servers_set(&servers, &reply),
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

/// The id of the request that a line makes, even when the rest of it is lost.
fn request_id(line: &str) -> Option<&str> {
    let end = (0..=HEAD.min(line.len())).rfind(|end| line.is_char_boundary(*end))?;
    let head = line.get(..end)?;
    if !head.contains(r#""type":"control_request""#) {
        return None;
    }
    let (_, id) = head.split_once(r#""request_id":""#)?;
    id.split_once('"').map(|(id, _)| id)
}
