//! Tool calls, from their first sign to their result.

use std::{collections::BTreeMap, time::Duration};

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

/// The calls that have no result yet.
#[derive(Debug)]
pub(crate) struct Calls {
    cwd: String,
    open: BTreeMap<String, Open>,
    /// Whether [`TIMER`] runs.
    waiting: bool,
}

#[derive(Debug)]
struct Open {
    view: View,
    /// The sub-agent that made it.
    by: Option<By>,
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
            waiting: false,
        }
    }

    /// An item that is a tool call has begun, or is complete.
    /// `by` is the sub-agent that made it, `report` what else is to be shown.
    pub(crate) fn changed(
        &mut self,
        head: &Head<'_>,
        item: &RawValue,
        done: bool,
        by: Option<&By>,
        report: Option<String>,
    ) -> Result {
        let id = head.id.to_string();
        let mut view = View::new(head, item, &self.cwd);
        view.content.extend(report.map(text));
        let known = self.open.remove(&id);
        let meta = by.map(By::meta);
        if done {
            if let Some(open) = known.as_ref().filter(|_| !view.has_output) {
                view.content.extend(shown(&open.tail));
            }
            view.end();
        }
        let update = match known {
            Some(_) => acp::SessionUpdate::ToolCallUpdate(
                acp::ToolCallUpdate::new(id.clone(), view.fields().status(view.status)).meta(meta),
            ),
            None => acp::SessionUpdate::ToolCall(view.call(&id).meta(meta)),
        };
        if !done {
            let open = Open {
                view,
                by: by.cloned(),
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
    pub(crate) fn asked(&self, id: &str) -> Result {
        self.status(id, acp::ToolCallStatus::Pending)
    }

    /// It may run.
    pub(crate) fn running(&self, id: &str) -> Result {
        self.status(id, acp::ToolCallStatus::InProgress)
    }

    fn status(&self, id: &str, status: acp::ToolCallStatus) -> Result {
        match self.open.get(id) {
            Some(open) => open.update(id, acp::ToolCallUpdateFields::new().status(status)),
            None => Ok(()),
        }
    }

    /// Calls without a result will not get one.
    pub(crate) fn end(&mut self, why: &str) -> Result {
        self.end_those(why, |_| true)
    }

    /// The same, of the sub-agent of this thread, or of the conversation itself.
    pub(crate) fn end_of(&mut self, thread: Option<&str>, why: &str) -> Result {
        self.end_those(why, |open| match (&open.by, thread) {
            (Some(by), Some(thread)) => by.is(thread),
            (by, thread) => by.is_none() && thread.is_none(),
        })
    }

    fn end_those(&mut self, why: &str, those: impl Fn(&Open) -> bool) -> Result {
        let mut done = Ok(());
        for (id, mut open) in self.open.extract_if(.., |_, open| those(open)) {
            let content = std::mem::take(&mut open.view.content).into_iter();
            let content = content.chain(shown(&open.tail)).chain([text(why)]);
            let fields = acp::ToolCallUpdateFields::new()
                .status(acp::ToolCallStatus::Failed)
                .content(content.collect::<Vec<_>>());
            done = done.and(open.update(&id, fields));
        }
        if self.open.is_empty() && std::mem::take(&mut self.waiting) {
            done = done.and(timer::cancel(TIMER));
        }
        done
    }
}

impl Open {
    fn update(&self, id: &str, fields: acp::ToolCallUpdateFields) -> Result {
        let update = acp::ToolCallUpdate::new(id.to_owned(), fields);
        let update = update.meta(self.by.as_ref().map(By::meta));
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
