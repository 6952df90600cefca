//! What Codex says: line by line, to whoever it concerns.

use hostler_sdk::{Error, Result, acp, client, text::one_line};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    calls::Maker,
    cli::Request,
    incoming::{
        About, Delta, ErrorNotice, ItemChanged, McpStatus, NameUpdated, PatchUpdated, PlanUpdated,
        Progress, Rerouted, Resolved, SettingsUpdated, TurnChanged, UsageUpdated, Warning,
    },
    items::{Head, Message as Text, Reasoning},
    rpc::Message,
    session::Codex,
    start::Reply,
};

/// Notifications that nobody here needs: whole families, and single ones of the
/// families that are read.
const SILENT: [&str; 23] = [
    "account/",
    "app/",
    "command/",
    "deprecationNotice",
    "externalAgentConfig/",
    "fs/",
    "fuzzyFileSearch/",
    "hook/",
    "item/autoApprovalReview/",
    "item/fileChange/outputDelta",
    "mcpServer/",
    "model/",
    "modelProvider/",
    "process/",
    "project/",
    "rawResponse/",
    "remoteControl/",
    "serverRequest/",
    "skills/",
    "thread/",
    "turn/diff/updated",
    "turn/moderationMetadata",
    "windows",
];

impl Codex {
    /// A line that cannot be read is skipped: the next one may be fine.
    pub(crate) fn line(&mut self, text: &str) -> Result {
        match self.message(text) {
            Err(Unread::Malformed(error)) => self.notices.skipped(text, error),
            Err(Unread::Host(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    pub(crate) fn message(&mut self, text: &str) -> Result<(), Unread> {
        let line: Message<'_> = serde_json::from_str(text)?;
        let params = line.params.map_or("{}", |params| params.get());
        match (line.id, line.method) {
            (Some(id), Some(method)) => self.asked(id, &method, params),
            (None, Some(method)) => self.told(&method, params),
            (Some(id), None) => Ok(self.replied(
                id,
                match line.error {
                    Some(error) => Err(error),
                    None => Ok(line.result.unwrap_or(RawValue::NULL)),
                },
            )?),
            (None, None) => Err(Unread::Malformed(serde::de::Error::custom(
                "it is neither a request nor an answer",
            ))),
        }
    }

    /// Codex wants something.
    fn asked(&mut self, id: &RawValue, method: &str, params: &str) -> Result<(), Unread> {
        let by = serde_json::from_str::<About<'_>>(params).ok();
        let by = by.and_then(|about| about.thread_id);
        // Before there is a thread, nobody else can ask.
        let other = |thread: &str| self.is_ready() && self.thread.as_deref() != Some(thread);
        let by = by.filter(|thread| other(thread));
        let by = by.map(|thread| self.agents.of(&thread));
        if let Some(cli) = &mut self.cli {
            self.asks
                .ask(id, method, params, by, &mut self.calls, cli)?;
        }
        Ok(())
    }

    /// Codex has answered the request with this id.
    pub(crate) fn replied(&mut self, id: &RawValue, reply: Reply<'_>) -> Result {
        let request = self.cli.as_mut().and_then(|cli| cli.answered(id));
        match request {
            Some(Request::Initialize) => self.initialized(reply),
            Some(Request::Account) => self.account_read(reply),
            Some(Request::Models) => self.models_listed(reply),
            Some(Request::Thread { resumed }) => self.thread_opened(resumed, reply),
            Some(Request::Choose(change)) => {
                self.decided(change, reply.err().map(|error| error.message))
            }
            Some(Request::Turn) => self.turn_answered(reply),
            Some(Request::Steer(words)) => self.steered(words, reply),
            Some(Request::Login) => self.login_started(reply),
            Some(Request::Compact) => self.compact_answered(reply),
            Some(Request::Skills) => self.skills_listed(reply),
            Some(Request::Servers(prompt)) => self.servers_listed(prompt, reply),
            Some(Request::Rename(prompt)) => self.renamed(prompt, reply),
            Some(Request::Terminals(turn)) => self.terminals_listed(&turn, reply),
            Some(Request::Terminate(turn)) => self.terminated(&turn),
            Some(Request::Interrupt) => self.interrupt_answered(reply),
            Some(Request::Goal(prompt)) => self.goal_answered(prompt, reply),
            Some(Request::Rest) => {
                self.goal_rests(reply);
                Ok(())
            }
            // What is interrupted ends, or has; a login has its answer.
            Some(Request::Ignored | Request::CancelLogin) | None => Ok(()),
        }
    }

    /// A notification.
    fn told(&mut self, method: &str, params: &str) -> Result<(), Unread> {
        let about: About<'_> = serde_json::from_str(params)?;
        let other = |thread: &str| self.thread.as_deref() != Some(thread);
        if self.is_ready()
            && let Some(thread) = about.thread_id.as_deref().filter(|thread| other(thread))
        {
            return self.told_of_agent(method, params, thread);
        }
        match method {
            "item/agentMessage/delta" | "item/plan/delta" => {
                self.transcript.message(&read(params)?)?;
            }
            "item/reasoning/summaryTextDelta" | "item/reasoning/textDelta" => {
                self.transcript.thought(&read(params)?)?;
            }
            "item/reasoning/summaryPartAdded" => self.transcript.next_thought(&read(params)?)?,
            "item/started" => self.item(read::<ItemChanged<'_>>(params)?, false)?,
            "item/completed" => self.item(read::<ItemChanged<'_>>(params)?, true)?,
            "item/commandExecution/outputDelta" => {
                let piece: Delta<'_> = read(params)?;
                self.calls.printed(&piece.item_id, &piece.delta)?;
            }
            "item/fileChange/patchUpdated" => {
                self.calls.patched(&read::<PatchUpdated<'_>>(params)?)?;
            }
            "item/mcpToolCall/progress" => {
                let progress: Progress = read(params)?;
                self.calls.progress(&progress.item_id, &progress.message)?;
            }
            "rawResponseItem/completed" => {
                let line: ItemChanged<'_> = read(params)?;
                self.unseen.raw(read(line.item.get())?, None, &self.cwd)?;
            }
            // A script has a way to type into a command, or to write a plan.
            "item/commandExecution/terminalInteraction" => self.unseen.told(None),
            "turn/started" => self.turn_started(read::<TurnChanged>(params)?.turn)?,
            "turn/completed" => self.turn_ended(&read::<TurnChanged>(params)?.turn)?,
            "turn/plan/updated" => {
                self.unseen.told(None);
                plan(read(params)?)?;
            }
            "thread/tokenUsage/updated" => self.used = usage(&read(params)?)?,
            "account/rateLimits/updated" => {
                self.limits.updated(read(params)?, &mut self.notices)?;
            }
            "skills/changed" => self.list_skills()?,
            "thread/settings/updated" => {
                if self
                    .settings
                    .take(read::<SettingsUpdated>(params)?.thread_settings)
                {
                    self.settings_changed()?;
                }
            }
            "thread/name/updated" => {
                title(read::<NameUpdated<'_>>(params)?.thread_name.as_deref())?;
            }
            "thread/goal/updated" | "thread/goal/cleared" => self.goal_changed(params)?,
            "serverRequest/resolved" => self
                .asks
                .withdraw(read::<Resolved<'_>>(params)?.request_id)?,
            "error" => {
                let notice: ErrorNotice = read(params)?;
                if notice.will_retry {
                    self.transcript.break_off();
                }
                self.notices.error(&notice, self.turn.is_some())?;
            }
            "warning" | "guardianWarning" | "configWarning" => self.warn(&read(params)?)?,
            "mcpServer/startupStatus/updated" => self.mcp_server(&read(params)?)?,
            "account/login/completed" => self.login_completed(read(params)?)?,
            "model/rerouted" => {
                let Rerouted {
                    from_model,
                    to_model,
                } = read(params)?;
                let text = format!("{to_model} answers instead of {from_model}.");
                self.notices.say(acp::NoticeSeverity::Warning, text)?;
            }
            _ if SILENT.iter().any(|silent| method.starts_with(silent)) => {}
            _ => self.notices.unknown(method)?,
        }
        Ok(())
    }

    fn item(&mut self, line: ItemChanged<'_>, done: bool) -> Result<(), Unread> {
        let head: Head<'_> = serde_json::from_str(line.item.get())?;
        match &*head.kind {
            // What was prompted, and what hooks added to it.
            "userMessage" | "hookPrompt" => {}
            "agentMessage" | "plan" if done => {
                let item: Text = read(line.item.get())?;
                self.transcript.message_done(&head.id, &item.text)?;
            }
            "reasoning" if done => {
                let item: Reasoning = read(line.item.get())?;
                let parts = match item.summary.as_slice() {
                    [] => &item.content,
                    _ => &item.summary,
                };
                self.transcript.thought_done(&head.id, parts)?;
            }
            "agentMessage" | "plan" | "reasoning" => {}
            _ => {
                self.transcript.next_step();
                let turn = line.turn_id.as_deref();
                self.call(
                    &head,
                    line.item,
                    done,
                    Maker::Turn(turn.map(ToOwned::to_owned)),
                )?;
            }
        }
        Ok(())
    }

    fn warn(&mut self, warning: &Warning) -> Result {
        let text = match &warning.details {
            Some(details) => format!("{}: {details}", warning.message),
            None => warning.message.clone(),
        };
        if warning.path.is_some() {
            self.notices.broken_config = Some(text.clone());
        }
        self.notices.say(acp::NoticeSeverity::Warning, text)
    }

    fn mcp_server(&mut self, server: &McpStatus) -> Result {
        if server.status != "failed" {
            return Ok(());
        }
        let why = server.error.as_deref().unwrap_or("it did not say why");
        let text = format!("The MCP server {} did not start: {why}", server.name);
        self.notices.say(acp::NoticeSeverity::Error, text)
    }
}

pub(crate) fn read<'a, T: Deserialize<'a>>(params: &'a str) -> serde_json::Result<T> {
    serde_json::from_str(params)
}

fn plan(line: PlanUpdated) -> Result {
    let entries = line.plan.into_iter().map(|step| {
        let status = match step.status.as_str() {
            "completed" => acp::PlanEntryStatus::Completed,
            "inProgress" => acp::PlanEntryStatus::InProgress,
            _ => acp::PlanEntryStatus::Pending,
        };
        acp::PlanEntry::new(step.step, acp::PlanEntryPriority::Medium, status)
    });
    client::update(&acp::SessionUpdate::Plan(acp::Plan::new(entries.collect())))
}

/// The conversation has a name.
pub(crate) fn title(title: Option<&str>) -> Result {
    let Some(title) = title.filter(|title| !title.trim().is_empty()) else {
        return Ok(());
    };
    let info = acp::SessionInfoUpdate::new().title(one_line(title));
    client::update(&acp::SessionUpdate::SessionInfoUpdate(info))
}

/// How full the context window is.
fn usage(line: &UsageUpdated) -> Result<Option<(u64, u64)>> {
    let usage = &line.token_usage;
    match usage.model_context_window {
        Some(size) => {
            let used = usage.last.total_tokens;
            let usage = acp::UsageUpdate::new(used, size);
            client::update(&acp::SessionUpdate::UsageUpdate(usage))?;
            Ok(Some((used, size)))
        }
        None => Ok(None),
    }
}

/// Why a line had no effect, or not all of it.
pub(crate) enum Unread {
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
