//! Tool calls, from their first sign to their result.

use std::collections::BTreeMap;

use hostler_sdk::{Result, acp, client};
use serde_json::value::RawValue;

use crate::{
    incoming::{ToolResult, User},
    results,
    tools::{self, Preview},
};

/// The calls that have no result yet.
#[derive(Debug)]
pub(crate) struct Calls {
    cwd: String,
    open: BTreeMap<String, Tool>,
}

/// A tool call without a result.
#[derive(Debug)]
struct Tool {
    name: String,
    /// Its whole input has come.
    complete: bool,
    /// A sub-agent's: it may outlive the turn.
    background: bool,
}

impl Calls {
    /// None. Paths below `cwd` will be shown relative to it.
    pub(crate) fn new(cwd: String) -> Self {
        Self {
            cwd,
            open: BTreeMap::new(),
        }
    }

    /// The model has begun to write one.
    pub(crate) fn begin(&mut self, id: String, tool: String) -> Result {
        self.announce(id, tool, None, false)
    }

    /// An answer is complete. A call whose input has not come by then belongs to
    /// one that broke off and will be written again under another id.
    pub(crate) fn break_off(&mut self) -> Result {
        self.fail(|tool| !tool.complete, "The model's answer broke off.")
    }

    /// A tool call whose input is known.
    pub(crate) fn know(
        &mut self,
        id: String,
        tool: String,
        input: &RawValue,
        background: bool,
    ) -> Result {
        let preview = Preview::new(&tool, input, &self.cwd);
        let Some(known) = self.open.get_mut(&id) else {
            return self.announce(id, tool, Some(preview), background);
        };
        if std::mem::replace(&mut known.complete, true) {
            return Ok(());
        }
        update(id, preview.fields())
    }

    /// How a call looks to those who are asked about it.
    pub(crate) fn preview(&self, tool: &str, input: &RawValue) -> Preview {
        Preview::new(tool, input, &self.cwd)
    }

    /// A tool call has begun to run.
    pub(crate) fn running(&self, id: &str) -> Result {
        if !self.open.contains_key(id) {
            return Ok(());
        }
        let fields = acp::ToolCallUpdateFields::new().status(acp::ToolCallStatus::InProgress);
        update(id.to_owned(), fields)
    }

    /// What tools brought.
    pub(crate) fn results(&mut self, line: &User<'_>) -> Result {
        let Ok(blocks) = serde_json::from_str::<Vec<ToolResult<'_>>>(line.message.content.get())
        else {
            return Ok(()); // Plain text: a prompt, or what Claude Code told the model.
        };
        // The tool's own result is that of the one block.
        let own = line.tool_use_result.filter(|_| blocks.len() == 1);
        for block in blocks.iter().filter(|block| block.kind == "tool_result") {
            let Some(id) = block.tool_use_id.as_deref() else {
                continue;
            };
            if let Some(tool) = self.open.remove(id) {
                let fields = results::fields(&tool.name, block.is_error, block.content, own);
                update(id.to_owned(), fields)?;
            }
        }
        Ok(())
    }

    /// The turn is over: calls without a result will not get one.
    pub(crate) fn end_turn(&mut self, why: &str) -> Result {
        self.fail(|tool| !tool.background, why)
    }

    /// Claude Code is gone, and everything it did.
    pub(crate) fn end(&mut self, why: &str) -> Result {
        self.fail(|_| true, why)
    }

    fn announce(
        &mut self,
        id: String,
        name: String,
        preview: Option<Preview>,
        background: bool,
    ) -> Result {
        let complete = preview.is_some();
        let mut call = acp::ToolCall::new(id.clone(), tools::name(&name))
            .kind(tools::kind(&name))
            .name(name.as_str());
        if let Some(preview) = preview {
            call.title = preview.title;
            call.content = preview.content;
            call.locations = preview.locations;
            call.raw_input = preview.raw_input;
        }
        let tool = Tool {
            name,
            complete,
            background,
        };
        self.open.insert(id, tool);
        client::update(&acp::SessionUpdate::ToolCall(call))
    }

    fn fail(&mut self, which: impl Fn(&Tool) -> bool, why: &str) -> Result {
        let failed = self.open.iter().filter(|(_, tool)| which(tool));
        let failed: Vec<String> = failed.map(|(id, _)| id.clone()).collect();
        let mut done = Ok(());
        for id in failed {
            self.open.remove(&id);
            let fields = acp::ToolCallUpdateFields::new()
                .status(acp::ToolCallStatus::Failed)
                .content(vec![tools::text(why)]);
            done = done.and(update(id, fields));
        }
        done
    }
}

fn update(id: String, fields: acp::ToolCallUpdateFields) -> Result {
    let update = acp::ToolCallUpdate::new(id, fields);
    client::update(&acp::SessionUpdate::ToolCallUpdate(update))
}
