//! Tool calls, from their first sign to their result.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use hostler_sdk::text::fenced;
use hostler_sdk::{Result, acp, client, timer};
use serde_json::value::RawValue;

use crate::{
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

/// How many calls are remembered that ended without a result: Codex keeps so many
/// commands running at most.
const ENDED: usize = 64;

/// The calls that have no result yet.
#[derive(Debug)]
pub(crate) struct Calls {
    cwd: String,
    open: BTreeMap<String, Open>,
    /// Those that ended without a result, and the turn of each. A command that runs
    /// on has its result later.
    ended: VecDeque<(String, Option<String>)>,
    /// Whether [`TIMER`] runs.
    waiting: bool,
}

#[derive(Debug)]
struct Open {
    view: View,
    /// Codex's name of the turn that it belongs to.
    turn: Option<String>,
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

    /// An item of `turn` that is a tool call has begun, or is complete.
    pub(crate) fn changed(
        &mut self,
        head: &Head<'_>,
        item: &RawValue,
        done: bool,
        turn: Option<&str>,
    ) -> Result {
        let id = head.id.to_string();
        let mut view = View::new(head, item, &self.cwd);
        let known = self.open.remove(&id);
        if done {
            if let Some(open) = known.as_ref().filter(|_| !view.has_output) {
                view.content.extend(shown(&open.tail));
            }
            view.end();
        }
        let is_known = known.is_some() || self.ended.iter().any(|(ended, _)| *ended == id);
        let update = match is_known {
            true => acp::SessionUpdate::ToolCallUpdate(acp::ToolCallUpdate::new(
                id.clone(),
                view.fields().status(view.status),
            )),
            false => acp::SessionUpdate::ToolCall(view.call(&id)),
        };
        self.ended.retain(|(ended, _)| *ended != id);
        if !done {
            let open = Open {
                view,
                turn: turn.map(ToOwned::to_owned),
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
            done = done.and(update(id, fields));
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
        update(&line.item_id, open.view.fields())
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
        update(id, fields)
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
        if !self.open.contains_key(id) {
            return Ok(());
        }
        update(id, acp::ToolCallUpdateFields::new().status(status))
    }

    /// Whether a command of this turn may run.
    pub(crate) fn has_commands_of(&self, turn: &str) -> bool {
        let mut open = self.open.values();
        open.any(|open| open.is_command && !open.is_asked && open.turn.as_deref() == Some(turn))
    }

    /// The turn of a call that runs, or ran when its turn ended.
    pub(crate) fn turn_of(&self, id: &str) -> Option<&str> {
        let open = self.open.get(id).and_then(|open| open.turn.as_deref());
        let ended = || {
            let ended = self.ended.iter().find(|(ended, _)| ended == id);
            ended.and_then(|(_, turn)| turn.as_deref())
        };
        open.or_else(ended)
    }

    /// Calls without a result will not get one now.
    pub(crate) fn end(&mut self, why: &str) -> Result {
        let done = match std::mem::take(&mut self.waiting) {
            true => timer::cancel(TIMER),
            false => Ok(()),
        };
        let open = std::mem::take(&mut self.open);
        done.and(self.end_all(open, why))
    }

    /// The same of one turn's.
    pub(crate) fn end_of(&mut self, turn: &str, why: &str) -> Result {
        let all = std::mem::take(&mut self.open).into_iter();
        let (open, others) = all.partition(|(_, open)| open.turn.as_deref() == Some(turn));
        self.open = others;
        self.end_all(open, why)
    }

    fn end_all(&mut self, open: BTreeMap<String, Open>, why: &str) -> Result {
        let mut done = Ok(());
        for (id, open) in open {
            let content = open.view.content.into_iter();
            let content = content.chain(shown(&open.tail)).chain([text(why)]);
            let fields = acp::ToolCallUpdateFields::new()
                .status(acp::ToolCallStatus::Failed)
                .content(content.collect::<Vec<_>>());
            done = done.and(update(&id, fields));
            if self.ended.len() == ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back((id, open.turn));
        }
        done
    }
}

fn shown(output: &str) -> Option<acp::ToolCallContent> {
    (!output.is_empty()).then(|| text(fenced("", output)))
}

pub(crate) fn update(id: &str, fields: acp::ToolCallUpdateFields) -> Result {
    let update = acp::ToolCallUpdate::new(id.to_owned(), fields);
    client::update(&acp::SessionUpdate::ToolCallUpdate(update))
}
