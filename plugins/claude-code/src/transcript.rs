//! The conversation as people see it: messages, thoughts and tool calls.
//!
//! The model's answer comes twice, in pieces while it is written and then block
//! by block. The pieces are shown; of the blocks only what no piece had.

use std::collections::BTreeMap;

use hostler_sdk::{Result, acp, client};
use serde_json::value::RawValue;

use crate::{
    incoming::{ApiEvent, Assistant, Block, Delta, StartedBlock, ToolResult, Usage, User},
    results,
    tools::{self, Preview},
};

/// What is being shown.
#[derive(Debug)]
pub(crate) struct Transcript {
    cwd: String,
    message: Option<Streamed>,
    tools: BTreeMap<String, Tool>,
    usage: Usage,
}

/// The message that comes in pieces now: there is never more than one.
#[derive(Debug)]
struct Streamed {
    id: acp::MessageId,
    text: bool,
    thought: bool,
}

impl Streamed {
    fn new(id: String) -> Self {
        Self {
            id: acp::MessageId::new(id),
            text: false,
            thought: false,
        }
    }

    fn show(&mut self, piece: Delta<'_>) -> Result {
        if let Some(words) = piece.text {
            self.text = true;
            return message(&self.id, words);
        }
        if let Some(words) = piece.thinking {
            self.thought = true;
            return thought(&self.id, words);
        }
        Ok(())
    }
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

/// What Claude Code itself wrote in place of an answer that failed.
#[derive(Debug)]
pub(crate) struct OwnWords {
    id: String,
    /// Such as `authentication_failed` or `max_output_tokens`.
    pub error: String,
    text: String,
}

impl OwnWords {
    /// Shows them like an answer.
    pub(crate) fn show(&self) -> Result {
        message(&acp::MessageId::new(self.id.as_str()), self.text.as_str())
    }
}

impl Transcript {
    /// An empty one. Paths below `cwd` are shown relative to it.
    pub(crate) fn new(cwd: String) -> Self {
        Self {
            cwd,
            message: None,
            tools: BTreeMap::new(),
            usage: Usage::default(),
        }
    }

    /// Tokens in the context window after the last answer.
    pub(crate) fn used(&self) -> u64 {
        self.usage.total()
    }

    /// A piece of an answer.
    pub(crate) fn piece(&mut self, event: ApiEvent<'_>) -> Result {
        match &*event.kind {
            "message_start" => {
                if let Some(start) = event.message {
                    self.usage = start.usage.unwrap_or_default();
                    self.message = Some(Streamed::new(start.id));
                }
            }
            "content_block_start" => {
                if let Some(StartedBlock {
                    id: Some(id),
                    name: Some(name),
                    ..
                }) = event.content_block.filter(|block| block.kind == "tool_use")
                {
                    return self.announce(id, name, None, false);
                }
            }
            "content_block_delta" => {
                if let (Some(streamed), Some(delta)) = (&mut self.message, event.delta) {
                    return streamed.show(delta);
                }
            }
            "message_delta" => self.usage.raise(event.usage.unwrap_or_default()),
            // A tool call without its block belongs to an answer that broke off
            // and will be streamed again under another id.
            "message_stop" => {
                return self.fail(|tool| !tool.complete, "The model's answer broke off.");
            }
            _ => {}
        }
        Ok(())
    }

    /// A finished block. Claude Code's own words about a failure are returned
    /// and not shown: the turn's result decides.
    pub(crate) fn block(&mut self, line: Assistant<'_>) -> Result<Option<OwnWords>> {
        let id = line.message.id;
        let blocks = line.message.content;
        if let Some(error) = line.error {
            let text = blocks.into_iter().filter_map(|block| block.text).collect();
            return Ok(Some(OwnWords { id, error, text }));
        }
        let id = acp::MessageId::new(id);
        let streamed = self.message.as_ref().filter(|message| message.id == id);
        let (text, thoughts) = streamed.map_or((false, false), |it| (it.text, it.thought));
        for block in blocks {
            match block {
                Block {
                    id: Some(id),
                    name: Some(name),
                    input: Some(input),
                    ..
                } => {
                    self.call(id, name, input, false)?;
                }
                Block {
                    text: Some(words), ..
                } if !text => message(&id, words)?,
                Block {
                    thinking: Some(words),
                    ..
                } if !thoughts => thought(&id, words)?,
                _ => {}
            }
        }
        Ok(None)
    }

    /// A tool call whose input is known.
    pub(crate) fn call(
        &mut self,
        id: String,
        tool: String,
        input: &RawValue,
        background: bool,
    ) -> Result {
        let preview = Preview::new(&tool, input, &self.cwd);
        let Some(known) = self.tools.get_mut(&id) else {
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
        if !self.tools.contains_key(id) {
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
            if let Some(tool) = self.tools.remove(id) {
                let fields = results::fields(&tool.name, block.is_error, block.content, own);
                update(id.to_owned(), fields)?;
            }
        }
        Ok(())
    }

    /// The turn is over: calls without a result will not get one.
    pub(crate) fn end_turn(&mut self, why: &str) -> Result {
        self.message = None;
        self.fail(|tool| !tool.background, why)
    }

    /// Claude Code is gone, and everything it did.
    pub(crate) fn end(&mut self, why: &str) -> Result {
        self.message = None;
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
        self.tools.insert(id, tool);
        client::update(&acp::SessionUpdate::ToolCall(call))
    }

    fn fail(&mut self, which: impl Fn(&Tool) -> bool, why: &str) -> Result {
        let failed = self.tools.iter().filter(|(_, tool)| which(tool));
        let failed: Vec<String> = failed.map(|(id, _)| id.clone()).collect();
        for id in failed {
            self.tools.remove(&id);
            let fields = acp::ToolCallUpdateFields::new()
                .status(acp::ToolCallStatus::Failed)
                .content(vec![tools::text(why)]);
            update(id, fields)?;
        }
        Ok(())
    }
}

fn update(id: String, fields: acp::ToolCallUpdateFields) -> Result {
    let update = acp::ToolCallUpdate::new(id, fields);
    client::update(&acp::SessionUpdate::ToolCallUpdate(update))
}

fn message(id: &acp::MessageId, text: impl Into<String>) -> Result {
    let chunk = chunk(id, text);
    client::update(&acp::SessionUpdate::AgentMessageChunk(chunk))
}

fn thought(id: &acp::MessageId, text: impl Into<String>) -> Result {
    let chunk = chunk(id, text);
    client::update(&acp::SessionUpdate::AgentThoughtChunk(chunk))
}

fn chunk(id: &acp::MessageId, text: impl Into<String>) -> acp::ContentChunk {
    let text = acp::ContentBlock::Text(acp::TextContent::new(text));
    acp::ContentChunk::new(text).message_id(id.clone())
}
