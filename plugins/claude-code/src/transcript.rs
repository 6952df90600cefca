//! The conversation as people see it: messages and thoughts, with tool calls
//! between them.
//!
//! The model's answer comes twice, in pieces while it is written and then block
//! by block. The pieces are shown; of the blocks only what no piece had.

use hostler_sdk::{Result, acp, client};

use crate::{
    calls::Calls,
    incoming::{ApiEvent, Assistant, Block, Delta, StartedBlock},
    usage::Meter,
};

/// What is being shown.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// Its tool calls.
    pub calls: Calls,
    /// How much of it the model has in view.
    pub meter: Meter,
    message: Option<Streamed>,
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
            calls: Calls::new(cwd),
            meter: Meter::default(),
            message: None,
        }
    }

    /// A piece of an answer.
    pub(crate) fn piece(&mut self, event: ApiEvent<'_>) -> Result {
        match &*event.kind {
            "message_start" => {
                if let Some(start) = event.message {
                    self.meter
                        .begin(start.model, start.usage.unwrap_or_default());
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
                    return self.calls.begin(id, name);
                }
            }
            "content_block_delta" => {
                if let (Some(streamed), Some(delta)) = (&mut self.message, event.delta) {
                    return streamed.show(delta);
                }
            }
            "message_delta" => self.meter.raise(event.usage.unwrap_or_default()),
            "message_stop" => return self.calls.break_off(),
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
                    self.calls.know(id, name, input, false)?;
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
