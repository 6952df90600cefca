//! The conversation as people see it: messages and thoughts, with tool calls
//! between them.
//!
//! The model's answer comes twice, in pieces while it is written and then block
//! by block. The pieces are shown; of the blocks only what no piece had. Sub-agents
//! have no part in it: their words stand in the call that runs them.

use hostler_sdk::{Result, acp};

use crate::{
    calls::{By, Calls},
    incoming::{Assistant, Block, StreamEvent},
    stream::{Kind, Streamed, show},
    usage::Meter,
};

/// What is being shown.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// Its tool calls.
    pub calls: Calls,
    /// How much of it the model has in view.
    pub meter: Meter,
    /// The message that comes in pieces now: there is never more than one.
    message: Option<Streamed>,
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
        let id = acp::MessageId::new(self.id.as_str());
        show(Kind::Text, &id, self.text.as_str())
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
    pub(crate) fn piece(&mut self, line: StreamEvent<'_>) -> Result {
        let event = line.event;
        match &*event.kind {
            "message_start" => {
                if let Some(start) = event.message {
                    self.meter
                        .begin(start.model, start.usage.unwrap_or_default());
                    self.message = Some(Streamed::new(start.id, self.message.take()));
                }
            }
            "content_block_start" => {
                let Some(block) = event.content_block else {
                    return Ok(());
                };
                let kind = match &*block.kind {
                    "text" => Kind::Text,
                    "thinking" => Kind::Thought,
                    _ => Kind::Other,
                };
                if let (Some(message), Some(index)) = (&mut self.message, event.index) {
                    message.begin(index, kind);
                }
                if let ("tool_use", Some(id), Some(name)) = (&*block.kind, block.id, block.name) {
                    return self.calls.begin(id, name);
                }
            }
            "content_block_delta" => {
                if let (Some(message), Some(delta)) = (&mut self.message, event.delta) {
                    return message.piece(delta);
                }
            }
            "message_delta" => return self.meter.raise(event.usage.unwrap_or_default()),
            "message_stop" => {
                match (&mut self.message, line.abandoned_blocks) {
                    (Some(message), Some(it)) => message.abandon(it.from_block_index),
                    (Some(message), None) => message.end(),
                    (None, _) => {}
                }
                return self.calls.break_off();
            }
            _ => {}
        }
        Ok(())
    }

    /// The turn is over: nothing of an answer that broke off comes again.
    pub(crate) fn end_turn(&mut self) {
        self.message = None;
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
        let streamed = self.message.as_ref().filter(|message| message.is(&id));
        let came = |kind| streamed.is_some_and(|message| message.has(kind));
        let (text, thoughts) = (came(Kind::Text), came(Kind::Thought));
        for block in blocks {
            match block {
                Block {
                    id: Some(id),
                    name: Some(name),
                    input: Some(input),
                    ..
                } => self.calls.know(id, name, input, By::Main)?,
                Block {
                    text: Some(words), ..
                } if !text => show(Kind::Text, &id, words)?,
                Block {
                    thinking: Some(words),
                    ..
                } if !thoughts => show(Kind::Thought, &id, words)?,
                _ => {}
            }
        }
        Ok(None)
    }

    /// A finished block of the sub-agent that the call `parent` runs.
    pub(crate) fn sub_agents_block(&mut self, parent: &str, line: Assistant<'_>) -> Result {
        for block in line.message.content {
            if let (Some(id), Some(name), Some(input)) = (block.id, block.name, block.input) {
                self.calls
                    .know(id, name, input, By::SubAgent(Some(parent)))?;
            }
            if let Some(thought) = block.thinking {
                self.calls.sub_agent_says(parent, Kind::Thought, &thought)?;
            }
            if let Some(words) = block.text {
                self.calls.sub_agent_says(parent, Kind::Text, &words)?;
            }
        }
        Ok(())
    }
}
