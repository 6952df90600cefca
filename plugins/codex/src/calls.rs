//! Tool calls, from their first sign to their result.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use hostler_sdk::text::fenced;
use hostler_sdk::{Result, acp, client, timer};
use serde_json::value::RawValue;

use crate::{
    agents::By,
    incoming::PatchUpdated,
    items::{Head, View, text},
};

/// Fires when output that came since the last update may be shown.
pub(crate) const TIMER: u64 = 3;

/// How often the output of running commands is shown: an update replaces the one
/// before it, so each of them holds a whole tail.
const EVERY: Duration = Duration::from_millis(250);

/// How much output of a running command is shown, in bytes: a screenful or two.
/// The result has all of it.
const TAIL: usize = 4 << 10;

/// How many commands go on over the end of their turn: Codex keeps so many running at
/// most. So many calls are remembered that ended without a result.
const KEPT: usize = 64;

/// The calls that have no result yet.
#[derive(Debug)]
pub(crate) struct Calls {
    cwd: String,
    open: BTreeMap<String, Open>,
    /// Those that ended without a result, and who made a command. One that runs on
    /// has its result later.
    ended: VecDeque<(String, Option<Maker>)>,
    /// Whether [`TIMER`] runs.
    waiting: bool,
}

/// Who made a call.
#[derive(Debug)]
pub(crate) enum Maker {
    /// A turn of the conversation, by Codex's name of it.
    Turn(Option<String>),
    /// A sub-agent, in a thread of its own.
    Agent(By),
}

impl Maker {
    pub(crate) fn turn(&self) -> Option<&str> {
        match self {
            Self::Turn(turn) => turn.as_deref(),
            Self::Agent(by) => by.turn(),
        }
    }

    fn meta(&self) -> Option<acp::Meta> {
        match self {
            Self::Turn(_) => None,
            Self::Agent(by) => Some(by.meta()),
        }
    }
}

#[derive(Debug)]
struct Open {
    view: View,
    /// Whose it is.
    by: Maker,
    /// It is a command.
    is_command: bool,
    /// Somebody is asked whether it may run.
    is_asked: bool,
    /// The end of what it printed so far.
    tail: String,
    /// The tail has changed since it was shown.
    stale: bool,
}

impl Calls {
    /// None. Paths below `cwd` will be shown relative to it.
    pub(crate) fn new(cwd: String) -> Self {
        Self {
            cwd,
            open: BTreeMap::new(),
            ended: VecDeque::new(),
            waiting: false,
        }
    }

    /// An item that is a tool call has begun, or is complete. `report` is what else
    /// is to be shown.
    pub(crate) fn changed(
        &mut self,
        head: &Head<'_>,
        item: &RawValue,
        done: bool,
        by: Maker,
        report: Option<String>,
    ) -> Result {
        let id = head.id.to_string();
        let mut view = View::new(head, item, &self.cwd);
        view.content.extend(report.map(text));
        let known = self.open.remove(&id);
        let meta = by.meta();
        if done {
            if let Some(open) = known.as_ref().filter(|_| !view.has_output) {
                view.content.extend(shown(&open.tail));
            }
            view.end();
        }
        let is_known = known.is_some() || self.ended.iter().any(|(ended, _)| *ended == id);
        let update = match is_known {
            true => acp::SessionUpdate::ToolCallUpdate(
                acp::ToolCallUpdate::new(id.clone(), view.fields().status(view.status)).meta(meta),
            ),
            false => acp::SessionUpdate::ToolCall(view.call(&id).meta(meta)),
        };
        self.ended.retain(|(ended, _)| *ended != id);
        if !done {
            let open = Open {
                view,
                by,
                is_command: head.kind == "commandExecution",
                is_asked: false,
                tail: String::new(),
                stale: false,
            };
            self.open.insert(id, open);
        }
        client::update(&update)
    }

    /// A running command printed something.
    pub(crate) fn printed(&mut self, id: &str, piece: &str) -> Result {
        let Some(open) = self.open.get_mut(id) else {
            return Ok(());
        };
        open.tail.push_str(piece);
        open.stale = true;
        if open.tail.len() > 2 * TAIL {
            let from = open.tail.ceil_char_boundary(open.tail.len() - TAIL);
            open.tail.drain(..from);
        }
        match self.waiting {
            true => Ok(()),
            false => self.show_output(),
        }
    }

    /// Shows what was printed, and waits before the next time if there was any.
    pub(crate) fn show_output(&mut self) -> Result {
        self.waiting = false;
        let mut done = Ok(());
        for (id, open) in self.open.iter_mut().filter(|(_, open)| open.stale) {
            open.stale = false;
            self.waiting = true;
            let from = open.tail.len().saturating_sub(TAIL);
            let from = open.tail.ceil_char_boundary(from);
            let tail = shown(open.tail.get(from..).unwrap_or_default());
            let content = open
                .view
                .content
                .iter()
                .cloned()
                .chain(tail)
                .collect::<Vec<_>>();
            let fields = acp::ToolCallUpdateFields::new()
                .status(acp::ToolCallStatus::InProgress)
                .content(content);
            done = done.and(open.update(id, fields));
        }
        match self.waiting {
            true => done.and(timer::set(TIMER, EVERY)),
            false => done,
        }
    }

    /// What a file change will do has changed.
    pub(crate) fn patched(&mut self, line: &PatchUpdated<'_>) -> Result {
        let Some(open) = self.open.get_mut(&line.item_id) else {
            return Ok(());
        };
        open.view.patch(line.changes, &self.cwd);
        open.update(&line.item_id, open.view.fields())
    }

    /// A running call says how it gets on.
    pub(crate) fn progress(&mut self, id: &str, message: &str) -> Result {
        let Some(open) = self.open.get(id) else {
            return Ok(());
        };
        let content = open.view.content.iter().cloned().chain([text(message)]);
        let fields = acp::ToolCallUpdateFields::new()
            .status(acp::ToolCallStatus::InProgress)
            .content(content.collect::<Vec<_>>());
        open.update(id, fields)
    }

    /// How an open call looks, for those who are asked about it.
    pub(crate) fn view(&self, id: &str) -> Option<&View> {
        self.open.get(id).map(|open| &open.view)
    }

    /// The open call of this tool of an MCP server.
    pub(crate) fn of_mcp(&self, server: &str, tool: &str) -> Option<String> {
        let mut open = self.open.iter().rev();
        let found = open.find(|(_, open)| {
            let input = open.view.raw_input.as_ref();
            input.is_some_and(|input| input["server"] == server && input["tool"] == tool)
        });
        found.map(|(id, _)| id.clone())
    }

    /// Somebody is asked whether it may run.
    pub(crate) fn asked(&mut self, id: &str) -> Result {
        self.open
            .get_mut(id)
            .into_iter()
            .for_each(|open| open.is_asked = true);
        self.status(id, acp::ToolCallStatus::Pending)
    }

    /// It may run.
    pub(crate) fn running(&mut self, id: &str) -> Result {
        self.open
            .get_mut(id)
            .into_iter()
            .for_each(|open| open.is_asked = false);
        self.status(id, acp::ToolCallStatus::InProgress)
    }

    fn status(&self, id: &str, status: acp::ToolCallStatus) -> Result {
        match self.open.get(id) {
            Some(open) => open.update(id, acp::ToolCallUpdateFields::new().status(status)),
            None => Ok(()),
        }
    }

    /// Whether a command of this turn may run.
    pub(crate) fn has_commands_of(&self, turn: &str) -> bool {
        let mut open = self.open.values();
        let mut ended = self.ended.iter().filter_map(|(_, by)| by.as_ref());
        open.any(|open| open.runs() && open.by.turn() == Some(turn))
            || ended.any(|by| by.turn() == Some(turn))
    }

    /// The turn of a call that runs, or ran when its turn ended.
    pub(crate) fn turn_of(&self, id: &str) -> Option<&str> {
        let open = self.open.get(id).and_then(|open| open.by.turn());
        let ended = || {
            let ended = self.ended.iter().find(|(ended, _)| ended == id);
            ended.and_then(|(_, by)| by.as_ref()?.turn())
        };
        open.or_else(ended)
    }

    /// The turns of sub-agents, with their threads, that worked for this turn of the
    /// conversation, have ended and may have left a command running.
    pub(crate) fn left_by_agents_of(&self, root: &str) -> BTreeSet<(String, String)> {
        let left = self.ended.iter().filter_map(|(_, by)| match by {
            Some(Maker::Agent(by)) => by.worked_for(root),
            _ => None,
        });
        left.map(|(turn, thread)| (turn.to_owned(), thread.to_owned()))
            .collect()
    }

    /// Calls without a result will not get one now.
    pub(crate) fn end(&mut self, why: &str) -> Result {
        self.end_those(why, |_| true)
    }

    /// The same, of the conversation itself, whose turn has ended, but for commands:
    /// they go on, unless their turn is the one that was `cancelled`.
    pub(crate) fn end_turn(&mut self, cancelled: Option<&str>, why: &str) -> Result {
        let mut kept = 0;
        self.end_those(why, |open| match &open.by {
            Maker::Turn(turn) => {
                let is_cancelled =
                    cancelled.is_some() && (turn.is_none() || turn.as_deref() == cancelled);
                let goes_on = open.runs() && !is_cancelled && kept < KEPT;
                kept += usize::from(goes_on);
                !goes_on
            }
            Maker::Agent(_) => false,
        })
    }

    /// The same, of the sub-agent of this thread.
    pub(crate) fn end_of(&mut self, thread: &str, why: &str) -> Result {
        self.end_those(why, |open| match &open.by {
            Maker::Agent(by) => by.is(thread),
            Maker::Turn(_) => false,
        })
    }

    /// The same, but for the commands of this turn.
    pub(crate) fn end_but_commands(&mut self, thread: &str, turn: &str, why: &str) -> Result {
        self.end_those(why, |open| match &open.by {
            Maker::Agent(by) => by.is(thread) && !(open.is_command && open.by.turn() == Some(turn)),
            Maker::Turn(_) => false,
        })
    }

    /// The same of one turn's.
    pub(crate) fn end_of_turn(&mut self, turn: &str, why: &str) -> Result {
        self.end_those(why, |open| open.by.turn() == Some(turn))
    }

    fn end_those(&mut self, why: &str, mut those: impl FnMut(&Open) -> bool) -> Result {
        let mut done = Ok(());
        for (id, mut open) in self.open.extract_if(.., |_, open| those(open)) {
            let content = std::mem::take(&mut open.view.content).into_iter();
            let content = content.chain(shown(&open.tail)).chain([text(why)]);
            let fields = acp::ToolCallUpdateFields::new()
                .status(acp::ToolCallStatus::Failed)
                .content(content.collect::<Vec<_>>());
            done = done.and(open.update(&id, fields));
            if self.ended.len() == KEPT {
                // A command that runs on is known longest.
                let other = self.ended.iter().position(|(_, by)| by.is_none());
                self.ended.remove(other.unwrap_or(0));
            }
            self.ended
                .push_back((id, open.is_command.then_some(open.by)));
        }
        if self.open.is_empty() && std::mem::take(&mut self.waiting) {
            done = done.and(timer::cancel(TIMER));
        }
        done
    }
}

impl Open {
    /// It is a command that may run.
    fn runs(&self) -> bool {
        self.is_command && !self.is_asked
    }

    fn update(&self, id: &str, fields: acp::ToolCallUpdateFields) -> Result {
        let update = acp::ToolCallUpdate::new(id.to_owned(), fields);
        let update = update.meta(self.by.meta());
        client::update(&acp::SessionUpdate::ToolCallUpdate(update))
    }
}

fn shown(output: &str) -> Option<acp::ToolCallContent> {
    (!output.is_empty()).then(|| text(fenced("", output)))
}

pub(crate) fn update(id: &str, fields: acp::ToolCallUpdateFields) -> Result {
    let update = acp::ToolCallUpdate::new(id.to_owned(), fields);
    client::update(&acp::SessionUpdate::ToolCallUpdate(update))
}
