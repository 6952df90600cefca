//! `system`: what Claude Code tells of itself and of the work that it does.

use hostler_sdk::{Result, acp, acp::NoticeSeverity, client, text::one_line};
use serde::Deserialize;

use crate::{choice::Setting, commands::Command, plan::Plan, session::ClaudeCode};

/// The subtypes that are read; the others say nothing to people.
pub(crate) const READ: [&str; 15] = [
    "api_retry",
    "commands_changed",
    "compact_boundary",
    "informational",
    "init",
    "local_command_output",
    "model_consent_fallback",
    "model_fallback",
    "model_refusal_fallback",
    "notification",
    "session_title_changed",
    "session_writes_lost",
    "status",
    "task_notification",
    "task_started",
];

/// A line of the type `system`, of every subtype that the adapter reads.
#[derive(Debug, Deserialize)]
pub(crate) struct System {
    /// Of `init`: the model's full name.
    model: Option<String>,
    /// Of `init`: Claude Code's id of the conversation.
    session_id: Option<String>,
    /// Of `init`.
    #[serde(default)]
    mcp_servers: Vec<McpServer>,
    /// Of `init` and `status`.
    #[serde(rename = "permissionMode")]
    permission_mode: Option<String>,
    /// Of `status`, and how a task ended.
    status: Option<String>,
    /// Of `status` after it was `compacting`.
    compact_result: Option<String>,
    compact_error: Option<String>,
    compact_metadata: Option<Compacted>,
    /// Of `api_retry`, counted from 1.
    attempt: Option<u32>,
    max_retries: Option<u32>,
    retry_delay_ms: Option<u64>,
    /// The HTTP status; none when there was no answer.
    error_status: Option<u16>,
    error: Option<String>,
    /// Of `task_started` and `task_notification`.
    tool_use_id: Option<String>,
    /// Of `task_notification`.
    summary: Option<String>,
    /// Of `session_title_changed`.
    title: Option<String>,
    /// Of `commands_changed`.
    #[serde(default)]
    commands: Vec<Command>,
    /// Of several that are meant for people.
    content: Option<String>,
    text: Option<String>,
    level: Option<String>,
}

#[derive(Debug, Deserialize)]
struct McpServer {
    name: String,
    #[serde(default)]
    status: String,
}

#[derive(Debug, Deserialize)]
struct Compacted {
    post_tokens: Option<u64>,
}

impl ClaudeCode {
    pub(crate) fn system(&mut self, subtype: &str, line: System) -> Result {
        match subtype {
            "init" => self.begins(&line),
            "status" => self.status(&line),
            "api_retry" => retry(&line),
            "task_started" => {
                let tool = line.tool_use_id.as_deref().unwrap_or_default();
                self.transcript.calls.running(tool)
            }
            "task_notification" => self.task_ended(&line),
            "compact_boundary" => match line.compact_metadata.and_then(|it| it.post_tokens) {
                Some(tokens) => self.transcript.meter.compacted(tokens),
                None => Ok(()),
            },
            "session_title_changed" => title(line.title.as_deref()),
            "commands_changed" => self.commands.tell(line.commands),
            "local_command_output" => match line.content {
                Some(words) => client::message(words),
                None => Ok(()),
            },
            "session_writes_lost" => client::notice(
                NoticeSeverity::Error,
                "Claude Code could not save the conversation: the disk is full. \
                 Make room, or it cannot be resumed",
            ),
            _ => said(&line),
        }
    }

    /// A turn begins, whoever asked for it.
    fn begins(&mut self, line: &System) -> Result {
        if let Some(id) = line.session_id.as_ref().filter(|id| **id != self.id) {
            self.id.clone_from(id);
            self.checkpoint();
        }
        let mut done = self.status(line);
        if let Some(model) = line.model.as_deref() {
            let value = self.settings.value_of(model);
            done = done.and(self.now_set(Setting::Model, &value));
        }
        let failed = line.mcp_servers.iter().filter(|it| it.status == "failed");
        for server in failed {
            if self.failed_servers.insert(server.name.clone()) {
                let name = one_line(&server.name);
                let text = format!(
                    "The MCP server {name} does not work: Claude Code goes on without its tools"
                );
                done = done.and(client::notice(NoticeSeverity::Warning, text));
            }
        }
        match self.turn {
            None => done.and(self.goes_on_by_itself()),
            Some(_) => {
                // Whatever ran before it is over.
                self.unprompted = None;
                done
            }
        }
    }

    /// Somebody typed `/clear`: the conversation goes on under another id, which
    /// the next line of the kind `init` tells.
    pub(crate) fn reset(&mut self) -> Result {
        self.plan = Plan::default();
        let text = "Claude Code has forgotten the conversation so far and begins anew";
        client::notice(NoticeSeverity::Warning, text)
    }

    fn status(&mut self, line: &System) -> Result {
        let mut done = Ok(());
        if let Some(mode) = line.permission_mode.as_deref() {
            done = self.now_set(Setting::Mode, mode);
        }
        if line.status.as_deref() == Some("compacting") {
            let text = "The conversation is being summarised, to make room";
            done = done.and(client::notice(NoticeSeverity::Info, text));
        }
        match (line.compact_result.as_deref(), &line.compact_error) {
            (None | Some("success"), _) => done,
            (Some(result), error) => {
                let why = one_line(error.as_deref().unwrap_or(result));
                let text = format!("The conversation was not summarised: {why}");
                done.and(client::notice(NoticeSeverity::Warning, text))
            }
        }
    }

    fn task_ended(&mut self, line: &System) -> Result {
        let id = line.tool_use_id.as_deref().unwrap_or_default();
        let status = line.status.as_deref().unwrap_or("completed");
        let report = line.summary.as_deref().unwrap_or(status);
        let done = status == "completed";
        let calls = &mut self.transcript.calls;
        calls.background_ended(id, done, report).map(|_| ())
    }
}

/// The conversation has a name.
pub(crate) fn title(title: Option<&str>) -> Result {
    let Some(title) = title.filter(|title| !title.trim().is_empty()) else {
        return Ok(());
    };
    let info = acp::SessionInfoUpdate::new().title(one_line(title));
    client::update(&acp::SessionUpdate::SessionInfoUpdate(info))
}

/// Something that Claude Code wants people to read.
fn said(line: &System) -> Result {
    let words = line.content.as_deref().or(line.text.as_deref());
    let Some(words) = words.filter(|words| !words.trim().is_empty()) else {
        return Ok(());
    };
    let severity = match line.level.as_deref() {
        Some("error") => NoticeSeverity::Error,
        Some("warning") => NoticeSeverity::Warning,
        _ => NoticeSeverity::Info,
    };
    client::notice(severity, words)
}

/// The model did not answer and is asked again. By default Claude Code does so
/// ten times, which takes three minutes.
fn retry(line: &System) -> Result {
    let Some(attempt) = line.attempt else {
        return Ok(());
    };
    let what = match (line.error_status, line.error.as_deref()) {
        (Some(401 | 403), _) => "The login was refused".to_owned(),
        (Some(429), _) => "There were too many requests".to_owned(),
        (Some(529), _) => "The model is overloaded".to_owned(),
        (Some(500..), _) => "The model's server failed".to_owned(),
        (None, _) => "The connection to the model failed".to_owned(),
        (Some(_), error) => format!("The model failed ({})", error.unwrap_or("unknown")),
    };
    let status = line.error_status.map(|status| format!(" ({status})"));
    let of = line.max_retries.map(|max| format!(" of {max}"));
    let seconds = line.retry_delay_ms.unwrap_or_default().div_ceil(1000);
    let text = format!(
        "{what}{}: next attempt in {seconds} s ({attempt}{})",
        status.unwrap_or_default(),
        of.unwrap_or_default()
    );
    client::notice(NoticeSeverity::Warning, text)
}
