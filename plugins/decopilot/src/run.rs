//! A run of the thread: from its `start` to its `finish`, whoever began it.

use std::collections::BTreeSet;

use hostler_sdk::{Result, acp, client, log, text::one_line, timer};
use serde_json::{Value, json};

use crate::{
    checkpoint::{Call, Running},
    chunk::Chunk,
    message::Message,
    notice,
    part::Kind,
    post::Outbox,
    requests::Purpose,
    seen::Seen,
    session::Decopilot,
    settle, show,
};

/// What the thread does, so far as it is known here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    #[default]
    Idle,
    /// A message was sent; its run is to start.
    Awaited {
        /// It goes on with the message that there is.
        same: bool,
    },
    Running,
}

#[derive(Debug, Default)]
pub(crate) struct Run {
    pub stage: Stage,
    /// Somebody else began it: it is not this session's to stop.
    pub foreign: bool,
    /// The user's message that it answers.
    pub prompt: Option<String>,
    pub message: Message,
    /// The message as it was when the run began: a replay begins there.
    pub base: Message,
    pub seen: Seen,
    /// Calls that people see without a result.
    pub calls: BTreeSet<String>,
    /// Why it fails.
    pub error: Option<String>,
    /// What the service tells of the message.
    pub metadata: Value,
    /// It was cancelled, and may still go on at the service.
    pub left: bool,
    /// A message that is not shown again: people have seen it, or nobody wants to see
    /// the rest.
    pub over: Option<String>,
    /// The last message of a run that is at its end: what comes behind it is new.
    pub last: Option<String>,
}

/// Data that is for the service's own page, or a copy of what chunks say.
const SILENT: [&str; 5] = [
    "data-queue",
    "data-tool",
    "data-title-input",
    "data-heartbeat",
    "data-usage",
];

impl Run {
    /// What a fresh instance needs while it is not at its end.
    pub(crate) fn checkpoint(&self) -> Option<Running> {
        let open = |part: &&crate::part::Part| part.kind == Kind::Tool && part.progress != u32::MAX;
        let calls = self.base.parts.iter().filter(open).map(|part| Call {
            id: part.text("toolCallId").to_owned(),
            tool: part.tool().to_owned(),
            ordinal: part.ordinal,
            progress: part.progress,
        });
        (self.stage != Stage::Idle).then(|| Running {
            foreign: self.foreign,
            prompt: self.prompt.clone(),
            message: self.message.id.clone(),
            base: self.base.counts(),
            calls: calls.collect(),
            seen: self.seen.clone(),
        })
    }

    /// A run that the host's restart cut off here, and not at the service.
    pub(crate) fn resumed(kept: Running) -> Self {
        let mut message = Message::behind(kept.message, kept.base);
        for call in kept.calls {
            let json = json!({
                "type": format!("tool-{}", call.tool), "toolCallId": call.id,
                "state": "input-available",
            });
            message.add_call(json, call.ordinal, call.progress);
        }
        Self {
            stage: match message.id {
                Some(_) => Stage::Running,
                None => Stage::Awaited { same: false },
            },
            foreign: kept.foreign,
            prompt: kept.prompt,
            base: message.clone(),
            message,
            seen: kept.seen,
            ..Self::default()
        }
    }

    /// Another message begins.
    fn begin(&mut self, id: Option<String>) {
        self.message = Message::behind(id, [0; 4]);
        self.seen = Seen::default();
        self.base = self.message.clone();
        self.metadata = Value::Null;
    }

    /// It is at its end.
    fn end(&mut self) {
        let newest = self.message.id.as_ref().or(self.prompt.as_ref());
        self.last = newest.cloned().or(self.last.take());
        self.stage = Stage::Idle;
        self.left = false;
    }

    /// It does not go on, whatever the service does.
    pub(crate) fn give_up(&mut self) {
        if self.stage == Stage::Running {
            self.over.clone_from(&self.message.id);
        }
        self.end();
    }
}

impl Decopilot {
    pub(crate) fn chunk(&mut self, chunk: Chunk<'_>) -> Result {
        if chunk.kind == "start" {
            return self.started(chunk);
        }
        if self.run.stage != Stage::Running {
            // Of a run that was given up: a prompt may wait for its end.
            return match &*chunk.kind {
                "finish" | "abort" if self.unsettled => self.advance(),
                _ => Ok(()),
            };
        }
        match &*chunk.kind {
            "finish" => {
                self.metadata(chunk.message_metadata);
                let reason = chunk.finish_reason.unwrap_or_default();
                self.finished(&reason)
            }
            "abort" => self.aborted(chunk.reason.as_deref()),
            "error" => {
                let words = chunk.error_text.unwrap_or_default();
                log::info(format_args!("Decopilot tells of an error: {words}"));
                self.run.error = Some(words);
                // Usually its end follows.
                timer::set(settle::TIMER, settle::GRACE)
            }
            "message-metadata" => {
                self.metadata(chunk.message_metadata);
                Ok(())
            }
            "start-step" | "finish-step" | "source-url" | "source-document" | "file" => {
                self.part(chunk)
            }
            kind if kind.starts_with("data-") => self.data(chunk),
            kind if ["text-", "reasoning-"]
                .iter()
                .any(|own| kind.starts_with(own)) =>
            {
                match kind.rsplit('-').next() {
                    Some("start" | "delta" | "end") => self.part(chunk),
                    _ => self.notices.unknown(&chunk.kind),
                }
            }
            "tool-input-start"
            | "tool-input-delta"
            | "tool-input-available"
            | "tool-input-error"
            | "tool-approval-request"
            | "tool-output-available"
            | "tool-output-error"
            | "tool-output-denied" => self.part(chunk),
            kind => self.notices.unknown(kind),
        }
    }

    /// A run starts, or is told again from its start.
    fn started(&mut self, chunk: Chunk<'_>) -> Result {
        let id = chunk.message_id;
        let same = id.is_none() || id == self.run.message.id;
        let mut done = Ok(());
        let awaited = matches!(self.run.stage, Stage::Awaited { .. });
        match self.run.stage {
            _ if id.is_some() && id == self.run.over => return Ok(()),
            Stage::Running | Stage::Awaited { same: true } if same => {
                self.run.message = self.run.base.clone();
            }
            Stage::Idle => {
                // They may have made more than this while nobody listened.
                let gap = self.run.last.clone().zip(id.clone());
                if let Some((from, until)) = gap.filter(|_| self.unsettled && !same) {
                    done = self.ask_messages(Purpose::Between { from, until });
                }
                // Somebody else wrote, or answered what is asked here.
                done = done.and(self.asks.withdraw_all());
                self.question = None;
                self.run.foreign = true;
                self.unsettled &= self.turn.is_some();
                match same {
                    true => self.run.base = self.run.message.clone(),
                    false => self.run.begin(id),
                }
            }
            Stage::Running | Stage::Awaited { .. } => self.run.begin(id),
        }
        let waits = |outbox: &Outbox| !outbox.is_on_its_way;
        if self.outbox.as_ref().is_some_and(waits) {
            done = done.and(self.taken());
        } else if awaited && self.outbox.is_none() && self.is_cancelled() {
            // The cancel may have come when there was nothing to stop yet.
            done = done.and(self.stop_run());
        }
        self.run.stage = Stage::Running;
        self.run.left = false;
        self.run.error = None;
        self.metadata(chunk.message_metadata);
        self.checkpoint();
        done
    }

    /// Something of the message.
    fn part(&mut self, chunk: Chunk<'_>) -> Result {
        let shown = match self.run.message.take(chunk) {
            Some(index) => self.show(index),
            None => Ok(()),
        };
        self.run.message.trim();
        shown
    }

    /// Shows what is new of a part, and asks what it asks.
    pub(crate) fn show(&mut self, index: usize) -> Result {
        let run = &mut self.run;
        let Some(part) = run.message.parts.get(index) else {
            return Ok(());
        };
        let is_news = part.progress > run.seen.of(part.kind, part.ordinal);
        let shown = show::show(&run.message, part, &mut run.seen, &self.service.base);
        if part.kind == Kind::Tool {
            let id = part.text("toolCallId").to_owned();
            match part.progress {
                u32::MAX => run.calls.remove(&id),
                _ => run.calls.insert(id),
            };
        }
        let asked = self.ask_about(index);
        self.unsaved |= is_news;
        shown.and(asked)
    }

    fn data(&mut self, chunk: Chunk<'_>) -> Result {
        let named = chunk.kind.contains("title").then(|| {
            let title = chunk.data["title"].as_str().or(chunk.data.as_str());
            title.map(one_line).filter(|title| !title.is_empty())
        });
        if let Some(Some(title)) = named {
            return titled(&title);
        }
        if SILENT.iter().any(|silent| chunk.kind.starts_with(silent)) {
            return Ok(());
        }
        let told = self.notices.unknown(&chunk.kind);
        told.and(self.part(chunk))
    }

    /// Later members replace earlier ones.
    fn metadata(&mut self, metadata: Value) {
        let Value::Object(new) = metadata else {
            return;
        };
        match &mut self.run.metadata {
            Value::Object(known) => known.extend(new),
            other => *other = Value::Object(new),
        }
    }

    /// The run is at its end.
    pub(crate) fn finished(&mut self, reason: &str) -> Result {
        self.run.end();
        self.unsettled = false;
        self.checkpoint();
        self.run_ended(reason)
    }

    /// Somebody stopped it: here, or on the service's own page.
    fn aborted(&mut self, reason: Option<&str>) -> Result {
        let here = self.is_cancelled();
        let told = match (here, reason) {
            (true, _) => Ok(()),
            (false, None) => notice::warn("The run was stopped at Decopilot."),
            (false, Some(reason)) => notice::warn(format!(
                "The run was stopped at Decopilot: {}",
                one_line(reason)
            )),
        };
        self.run.give_up();
        self.unsettled = false;
        self.checkpoint();
        told.and(self.run_stopped())
    }

    /// Calls without a result will not get one.
    pub(crate) fn close_calls(&mut self, why: &str) -> Result {
        let calls = std::mem::take(&mut self.run.calls);
        let close = |id: String| {
            let fields = acp::ToolCallUpdateFields::new()
                .status(acp::ToolCallStatus::Failed)
                .content(vec![crate::content::text(why)]);
            let update = acp::ToolCallUpdate::new(id, fields);
            client::update(&acp::SessionUpdate::ToolCallUpdate(update))
        };
        calls.into_iter().map(close).fold(Ok(()), Result::and)
    }
}

/// The conversation has a name.
pub(crate) fn titled(title: &str) -> Result {
    let info = acp::SessionInfoUpdate::new().title(title.to_owned());
    client::update(&acp::SessionUpdate::SessionInfoUpdate(info))
}
