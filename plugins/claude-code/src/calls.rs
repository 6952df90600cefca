//! Tool calls, from their first sign to their result.
//!
//! Those that write the plan are no calls for people, unless they fail. Work
//! that goes on in the background stays a call that is in progress until Claude
//! Code says how it ended, over the end of the turn.

use std::collections::BTreeMap;

use hostler_sdk::{Result, acp, client, log};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    incoming::{ToolResult, User},
    plan::{Plan, writes_plan},
    results,
    stream::Kind,
    tools::{self, EXIT_PLAN_MODE, Preview},
    words::Words,
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
    /// Kept of the few calls of which it is needed later: others may be large.
    input: Option<Box<RawValue>>,
    /// The call that runs the sub-agent which made this one.
    parent: Option<String>,
    /// It outlives the turn.
    background: bool,
    /// Of a command in the background: Claude Code's name of it.
    task: Option<String>,
    /// A turn that has ended left it running.
    left: bool,
    /// People know that it runs.
    running: bool,
    /// Of the sub-agent that it runs.
    words: Words,
}

/// Who makes a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By<'a> {
    /// The main conversation.
    Main,
    /// A sub-agent, with the call that runs it, if that is known.
    SubAgent(Option<&'a str>),
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
        self.announce(id, tool, None, By::Main)
    }

    /// An answer is complete. A call whose input has not come by then belongs to
    /// one that broke off and will be written again under another id.
    pub(crate) fn break_off(&mut self) -> Result {
        self.fail(|_, tool| !tool.complete, "The model's answer broke off.")
    }

    /// A tool call whose input is known.
    pub(crate) fn know(
        &mut self,
        id: String,
        tool: String,
        input: &RawValue,
        by: By<'_>,
    ) -> Result {
        let Some(known) = self.open.get_mut(&id) else {
            return self.announce(id, tool, Some(input), by);
        };
        if std::mem::replace(&mut known.complete, true) {
            return Ok(());
        }
        if keeps_input(&known.name) {
            known.input = Some(input.to_owned());
        }
        if writes_plan(&known.name) {
            return Ok(());
        }
        update(id, self.preview(&tool, input).fields())
    }

    /// How a call looks to those who are asked about it.
    pub(crate) fn preview(&self, tool: &str, input: &RawValue) -> Preview {
        Preview::new(tool, input, &self.cwd)
    }

    /// What the model wrote as the input of a call, where Claude Code asks with
    /// less than that.
    pub(crate) fn kept_input(&self, id: &str) -> Option<&RawValue> {
        self.open.get(id)?.input.as_deref()
    }

    /// Which sub-agent made the call, for clients that keep those apart.
    pub(crate) fn meta(&self, id: &str) -> Option<acp::Meta> {
        let parent = self.open.get(id)?.parent.as_ref()?;
        let meta = json!({"claudeCode": {"parentToolUseId": parent}});
        meta.as_object().cloned()
    }

    /// A tool call has begun to run.
    pub(crate) fn running(&mut self, id: &str) -> Result {
        let Some(tool) = self.open.get_mut(id) else {
            return Ok(());
        };
        if std::mem::replace(&mut tool.running, true) || writes_plan(&tool.name) {
            return Ok(());
        }
        let fields = acp::ToolCallUpdateFields::new().status(acp::ToolCallStatus::InProgress);
        update(id.to_owned(), fields)
    }

    /// The sub-agent that the call `id` runs says something.
    pub(crate) fn sub_agent_says(&mut self, id: &str, kind: Kind, words: &str) -> Result {
        if words.trim().is_empty() {
            return Ok(());
        }
        let Some(tool) = self.open.get_mut(id) else {
            log::debug("a sub-agent says something after its call has ended");
            return Ok(());
        };
        tool.words.say(kind, words);
        let fields = acp::ToolCallUpdateFields::new().content(tool.words.content());
        update(id.to_owned(), fields)
    }

    /// What tools brought. Says whether `plan` has changed.
    pub(crate) fn results(&mut self, line: &User<'_>, plan: &mut Plan) -> Result<bool> {
        let Ok(blocks) = serde_json::from_str::<Vec<ToolResult<'_>>>(line.message.content.get())
        else {
            return Ok(false); // Plain text: a prompt, or what Claude Code told the model.
        };
        // The tool's own result is that of the one block.
        let own = line.tool_use_result.filter(|_| blocks.len() == 1);
        let mut planned = false;
        for block in blocks.iter().filter(|block| block.kind == "tool_result") {
            if let Some(id) = block.tool_use_id.as_deref() {
                planned |= self.result(id, block, own, plan)?;
            }
        }
        Ok(planned)
    }

    fn result(
        &mut self,
        id: &str,
        block: &ToolResult<'_>,
        own: Option<&RawValue>,
        plan: &mut Plan,
    ) -> Result<bool> {
        let Some(tool) = self.open.remove(id) else {
            return Ok(false);
        };
        let fields = results::fields(&tool.name, block.is_error, block.content, own);
        match &tool.input {
            Some(input) if writes_plan(&tool.name) => {
                if block.is_error {
                    let call = self.call(id.to_owned(), &tool.name, Some(input));
                    client::update(&acp::SessionUpdate::ToolCall(call))?;
                    update(id.to_owned(), fields)?;
                }
                // A sub-agent's plan is its own.
                Ok(!block.is_error && tool.parent.is_none() && plan.apply(&tool.name, input, own))
            }
            _ => match own.filter(|_| !block.is_error).and_then(backgrounded) {
                Some(task) => {
                    let tool = Tool {
                        background: true,
                        task,
                        ..tool
                    };
                    self.open.insert(id.to_owned(), tool);
                    self.running(id).map(|()| false)
                }
                None => update(id.to_owned(), tool.words.before(fields)).map(|()| false),
            },
        }
    }

    /// Work in the background has ended with this report. Says whether a call
    /// shows it.
    pub(crate) fn background_ended(&mut self, id: &str, done: bool, report: &str) -> Result<bool> {
        if !self.open.get(id).is_some_and(|tool| tool.background) {
            return Ok(false);
        }
        let words = self.open.remove(id).map(|tool| tool.words);
        let left = self.fail(
            |_, tool| tool.parent.as_deref() == Some(id),
            "The sub-agent ended before.",
        );
        let status = match done {
            true => acp::ToolCallStatus::Completed,
            false => acp::ToolCallStatus::Failed,
        };
        let fields = acp::ToolCallUpdateFields::new()
            .status(status)
            .content(vec![tools::text(report)]);
        let fields = words.unwrap_or_default().before(fields);
        left.and(update(id.to_owned(), fields)).map(|()| true)
    }

    /// The commands that this turn has running in the background, by Claude Code's
    /// names of them.
    pub(crate) fn tasks(&self) -> Vec<String> {
        let of_turn = self.open.values().filter(|tool| !tool.left);
        of_turn.filter_map(|tool| tool.task.clone()).collect()
    }

    /// The turn is over, and leaves its work in the background to itself.
    pub(crate) fn end_turn(&mut self, why: &str) -> Result {
        self.open.values_mut().for_each(|tool| tool.left = true);
        self.close(why)
    }

    /// Calls without a result will not get one.
    pub(crate) fn close(&mut self, why: &str) -> Result {
        self.fail(
            |open, tool| {
                let parent = tool.parent.as_ref().and_then(|parent| open.get(parent));
                !tool.background && !parent.is_some_and(|parent| parent.background)
            },
            why,
        )
    }

    /// Claude Code is gone, and everything it did.
    pub(crate) fn end(&mut self, why: &str) -> Result {
        self.fail(|_, _| true, why)
    }

    fn announce(
        &mut self,
        id: String,
        name: String,
        input: Option<&RawValue>,
        by: By<'_>,
    ) -> Result {
        let mut call = self.call(id.clone(), &name, input);
        let hidden = writes_plan(&name);
        let kept = input.filter(|_| keeps_input(&name));
        let (parent, background) = match by {
            By::Main => (None, false),
            By::SubAgent(parent) => (parent.map(ToOwned::to_owned), parent.is_none()),
        };
        let tool = Tool {
            name,
            complete: input.is_some(),
            input: kept.map(ToOwned::to_owned),
            parent,
            background,
            task: None,
            left: false,
            running: false,
            words: Words::default(),
        };
        self.open.insert(id.clone(), tool);
        if hidden {
            return Ok(());
        }
        call.meta = self.meta(&id);
        client::update(&acp::SessionUpdate::ToolCall(call))
    }

    fn call(&self, id: String, name: &str, input: Option<&RawValue>) -> acp::ToolCall {
        let mut call = acp::ToolCall::new(id, tools::name(name))
            .kind(tools::kind(name))
            .name(name);
        if let Some(input) = input {
            let preview = self.preview(name, input);
            call.title = preview.title;
            call.content = preview.content;
            call.locations = preview.locations;
            call.raw_input = preview.raw_input;
        }
        call
    }

    fn fail(
        &mut self,
        which: impl Fn(&BTreeMap<String, Tool>, &Tool) -> bool,
        why: &str,
    ) -> Result {
        let failed = self.open.iter().filter(|(_, tool)| which(&self.open, tool));
        let failed: Vec<String> = failed.map(|(id, _)| id.clone()).collect();
        let mut done = Ok(());
        for id in failed {
            let hidden = self
                .open
                .remove(&id)
                .is_some_and(|it| writes_plan(&it.name));
            if !hidden {
                let fields = acp::ToolCallUpdateFields::new()
                    .status(acp::ToolCallStatus::Failed)
                    .content(vec![tools::text(why)]);
                done = done.and(update(id, fields));
            }
        }
        done
    }
}

fn keeps_input(tool: &str) -> bool {
    writes_plan(tool) || tool == EXIT_PLAN_MODE
}

/// The result says only that the work goes on; the name of a command that does.
fn backgrounded(own: &RawValue) -> Option<Option<String>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Own {
        /// Of a command.
        background_task_id: Option<String>,
        /// Of a sub-agent.
        #[serde(default)]
        is_async: bool,
    }
    let own: Own = serde_json::from_str(own.get()).ok()?;
    let goes_on = own.is_async || own.background_task_id.is_some();
    goes_on.then_some(own.background_task_id)
}

fn update(id: String, fields: acp::ToolCallUpdateFields) -> Result {
    let update = acp::ToolCallUpdate::new(id, fields);
    client::update(&acp::SessionUpdate::ToolCallUpdate(update))
}
