//! Sub-agents: threads of Codex beside the conversation. Their calls are shown
//! and marked, because people are asked about them; their words are not, because
//! they go to the agent that began them. The last ones are its report.

use std::collections::BTreeMap;

use hostler_sdk::{Result, acp};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    calls::Maker,
    cli::Request,
    dispatch::{Unread, read},
    incoming::{Delta, ItemChanged, PatchUpdated, Progress, Resolved, TurnChanged, TurnState},
    items::{Head, Message},
    session::Codex,
};

/// How many are known at once: more than a person can follow.
const MAX_KNOWN: usize = 256;

/// How much of a report is kept, in bytes: some pages.
const MAX_REPORT: usize = 16 << 10;

/// Why a call of one that has ended will bring no result.
const ENDED: &str = "The sub-agent ended before.";

/// Which sub-agent does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct By {
    thread: String,
    parent: Option<String>,
    /// The call that began it.
    call: Option<String>,
    /// Such as `/root/helper`.
    path: Option<String>,
    /// The turn in which it does it, and that of the conversation for which.
    turn: Option<String>,
    root: Option<String>,
}

impl By {
    /// For clients that keep sub-agents apart.
    pub(crate) fn meta(&self) -> acp::Meta {
        let mut codex = json!({"threadId": self.thread});
        for (name, value) in [
            ("parentThreadId", &self.parent),
            ("parentToolCallId", &self.call),
            ("agent", &self.path),
        ] {
            if let Some(value) = value {
                codex[name] = json!(value);
            }
        }
        acp::Meta::from_iter([("codex".to_owned(), codex)])
    }

    /// For people: the last part of its path.
    pub(crate) fn name(&self) -> &str {
        let path = self.path.as_deref().unwrap_or("without a name");
        path.rsplit('/').next().unwrap_or(path)
    }

    pub(crate) fn turn(&self) -> Option<&str> {
        self.turn.as_deref()
    }

    /// Its turn and thread, if it works for this turn of the conversation.
    pub(crate) fn worked_for(&self, root: &str) -> Option<(&str, &str)> {
        let for_it = self.root.as_deref() == Some(root);
        Some((self.turn()?, &*self.thread)).filter(|_| for_it)
    }

    pub(crate) fn is(&self, thread: &str) -> bool {
        self.thread == thread
    }

    /// Whether both are the same sub-agent, or both the conversation itself. More
    /// may be known of one than of the other.
    pub(crate) fn same(one: Option<&Self>, other: Option<&Self>) -> bool {
        one.map(|by| &by.thread) == other.map(|by| &by.thread)
    }
}

/// Those that there are, by their threads.
#[derive(Debug, Default)]
pub(crate) struct Agents(BTreeMap<String, Agent>);

#[derive(Debug)]
struct Agent {
    by: By,
    /// The last thing that it said.
    report: String,
    /// Its turn, while one runs, and the last one that was cancelled.
    turn: Option<String>,
    cancelled: Option<String>,
}

/// `subAgentActivity`, and `collabAgentToolCall` of earlier models.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Activity {
    kind: String,
    agent_thread_id: Option<String>,
    agent_path: Option<String>,
    receiver_thread_ids: Vec<String>,
}

impl Agents {
    /// The one of this thread, known or not.
    pub(crate) fn of(&self, thread: &str) -> By {
        let known = self.0.get(thread);
        known.map_or_else(|| unknown(thread), |agent| agent.by.clone())
    }

    /// An item of the thread `parent` may tell of others; what the one that it
    /// tells the end of has said.
    pub(crate) fn heard(&mut self, head: &Head<'_>, item: &str, parent: &str) -> Option<String> {
        if !matches!(&*head.kind, "subAgentActivity" | "collabAgentToolCall") {
            return None;
        }
        let told: Activity = serde_json::from_str(item).ok()?;
        let ended = told.kind == "completed";
        let path = told.agent_path;
        for thread in told.agent_thread_id.iter().chain(&told.receiver_thread_ids) {
            if ended {
                let agent = self.0.get_mut(thread)?;
                return Some(std::mem::take(&mut agent.report)).filter(|said| !said.is_empty());
            }
            let Some(agent) = self.entry(thread) else {
                continue;
            };
            let by = &mut agent.by;
            by.call.get_or_insert_with(|| head.id.to_string());
            by.parent.get_or_insert_with(|| parent.to_owned());
            by.path = by.path.take().or_else(|| path.clone());
        }
        None
    }

    fn said(&mut self, thread: &str, text: &str) {
        if let Some(agent) = self.entry(thread) {
            let end = text.floor_char_boundary(MAX_REPORT);
            agent.report = text.get(..end).unwrap_or_default().to_owned();
        }
    }

    fn begins(&mut self, thread: &str, turn: TurnState) {
        if let Some(agent) = self.entry(thread) {
            agent.by.turn = Some(turn.id.clone());
            agent.by.root = turn.root_turn_id;
            agent.turn = Some(turn.id);
        }
    }

    fn rests(&mut self, thread: &str) {
        if let Some(agent) = self.0.get_mut(thread) {
            agent.turn = None;
        }
    }

    /// Whether this turn of this thread was cancelled and has ended.
    pub(crate) fn was_cancelled(&self, turn: &str, thread: &str) -> bool {
        let agent = self.0.get(thread);
        agent.is_some_and(|agent| {
            agent.cancelled.as_deref() == Some(turn) && agent.turn.as_deref() != Some(turn)
        })
    }

    fn entry(&mut self, thread: &str) -> Option<&mut Agent> {
        if !self.0.contains_key(thread) && self.0.len() == MAX_KNOWN {
            let mut agents = self.0.iter();
            let rests = agents.find(|(_, agent)| agent.turn.is_none());
            let rests = rests.map(|(thread, _)| thread.clone())?;
            self.0.remove(&rests);
        }
        Some(self.0.entry(thread.to_owned()).or_insert_with(|| Agent {
            by: unknown(thread),
            report: String::new(),
            turn: None,
            cancelled: None,
        }))
    }
}

fn unknown(thread: &str) -> By {
    By {
        thread: thread.to_owned(),
        parent: None,
        call: None,
        path: None,
        turn: None,
        root: None,
    }
}

impl Codex {
    /// A notification of a sub-agent.
    pub(crate) fn told_of_agent(
        &mut self,
        method: &str,
        params: &str,
        thread: &str,
    ) -> Result<(), Unread> {
        let by = self.agents.of(thread);
        match method {
            "item/started" => self.agents_item(&by, read(params)?, false)?,
            "item/completed" => self.agents_item(&by, read(params)?, true)?,
            "item/commandExecution/outputDelta" => {
                let piece: Delta<'_> = read(params)?;
                self.calls.printed(&piece.item_id, &piece.delta)?;
            }
            "item/commandExecution/terminalInteraction" => self.unseen.told(Some(&by)),
            "item/fileChange/patchUpdated" => {
                self.calls.patched(&read::<PatchUpdated<'_>>(params)?)?;
            }
            "item/mcpToolCall/progress" => {
                let progress: Progress = read(params)?;
                self.calls.progress(&progress.item_id, &progress.message)?;
            }
            "rawResponseItem/completed" => {
                let line: ItemChanged<'_> = read(params)?;
                self.unseen
                    .raw(read(line.item.get())?, Some(&by), &self.cwd)?;
            }
            "serverRequest/resolved" => self
                .asks
                .withdraw(read::<Resolved<'_>>(params)?.request_id)?,
            "turn/started" => {
                let turn = read::<TurnChanged>(params)?.turn;
                // It was being started when everything was cancelled.
                let late = turn.root_turn_id.is_some() && turn.root_turn_id == self.cancelled;
                self.agents.begins(thread, turn);
                if late || self.turn.as_ref().is_some_and(|turn| turn.cancelled) {
                    self.interrupt_agents(Some(thread))?;
                }
            }
            "turn/completed" => {
                let turn = read::<TurnChanged>(params)?.turn.id;
                self.agents.rests(thread);
                let ended = self.unseen.end_turn(ENDED, Some(&by), &self.cwd);
                if self.agents.was_cancelled(&turn, thread) && self.calls.has_commands_of(&turn) {
                    let swept = self.sweep(&turn, thread);
                    let closed = self.calls.end_but_commands(thread, &turn, ENDED);
                    ended.and(swept).and(closed)?;
                } else {
                    ended.and(self.calls.end_of(thread, ENDED))?;
                }
            }
            // Its words, its plan, its tokens.
            _ => {}
        }
        Ok(())
    }

    fn agents_item(&mut self, by: &By, line: ItemChanged<'_>, done: bool) -> Result<(), Unread> {
        let head: Head<'_> = serde_json::from_str(line.item.get())?;
        match &*head.kind {
            "agentMessage" if done => {
                let item: Message = read(line.item.get())?;
                self.agents.said(&by.thread, &item.text);
            }
            "userMessage" | "hookPrompt" | "agentMessage" | "plan" | "reasoning" => {}
            _ => self.call(&head, line.item, done, Maker::Agent(by.clone()))?,
        }
        Ok(())
    }

    /// Stops those that run, or the one of this thread: Codex lets them go on when the
    /// turn that began them is interrupted.
    pub(crate) fn interrupt_agents(&mut self, only: Option<&str>) -> Result {
        let Some(cli) = &mut self.cli else {
            return Ok(());
        };
        let mut done = Ok(());
        let agents = self.agents.0.iter_mut();
        for (thread, agent) in agents.filter(|(thread, _)| only.is_none_or(|only| only == *thread))
        {
            if let Some(turn) = &agent.turn {
                agent.cancelled = Some(turn.clone());
                let params = json!({"threadId": thread, "turnId": turn});
                done = done.and(cli.request(Request::Ignored, "turn/interrupt", &params));
            }
        }
        done
    }

    /// An item that is a tool call, of a sub-agent or of none.
    pub(crate) fn call(
        &mut self,
        head: &Head<'_>,
        item: &RawValue,
        done: bool,
        maker: Maker,
    ) -> Result {
        let by = match &maker {
            Maker::Agent(by) => Some(by),
            Maker::Turn(_) => None,
        };
        let turn = maker.turn().map(ToOwned::to_owned);
        match done {
            false => self.unseen.began(&head.id, by),
            true => {
                let failed = matches!(head.status.as_deref(), Some("failed" | "declined"));
                self.unseen.ended(&head.id, failed, by);
            }
        }
        let thread = match by {
            Some(by) => by.thread.as_str(),
            None => self.thread.as_deref().unwrap_or_default(),
        };
        let thread = thread.to_owned();
        let report = match done {
            true => self.agents.heard(head, item.get(), &thread),
            false => None,
        };
        let changed = self.calls.changed(head, item, done, maker, report);
        changed.and(match &*head.kind {
            "commandExecution" => self.command_changed(turn.as_deref(), &thread),
            _ => Ok(()),
        })
    }
}
