//! The conversation as people see it: messages and thoughts.
//!
//! An item comes in pieces and then whole: the pieces are shown, and the whole
//! only when there were none. When the connection to the model breaks, the answer
//! is asked for again: what people have read already is not repeated (`stream`).

use hostler_sdk::{Result, acp, client};

use crate::{incoming::Delta, stream::Stream};

/// Between the parts of a reasoning.
const PARAGRAPH: &str = "\n\n";

/// What is being shown.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    messages: Stream,
    thoughts: Stream,
}

impl Transcript {
    /// A piece of a message.
    pub(crate) fn message(&mut self, piece: &Delta<'_>) -> Result {
        match self.messages.piece(&piece.item_id, &piece.delta) {
            Some((id, text)) => message(&id, text),
            None => Ok(()),
        }
    }

    /// A piece of the reasoning.
    pub(crate) fn thought(&mut self, piece: &Delta<'_>) -> Result {
        match self.thoughts.piece(&piece.item_id, &piece.delta) {
            Some((id, text)) => thought(&id, text),
            None => Ok(()),
        }
    }

    /// Another part of the reasoning begins.
    pub(crate) fn next_thought(&mut self, piece: &Delta<'_>) -> Result {
        let gap = Delta {
            item_id: piece.item_id.clone(),
            delta: PARAGRAPH.into(),
            summary_index: piece.summary_index,
        };
        match piece.summary_index {
            0 => Ok(()),
            _ => self.thought(&gap),
        }
    }

    /// A message is complete.
    pub(crate) fn message_done(&mut self, id: &str, text: &str) -> Result {
        match self.messages.done(id, text) {
            true => message(id, text),
            false => Ok(()),
        }
    }

    /// A reasoning is complete.
    pub(crate) fn thought_done(&mut self, id: &str, parts: &[String]) -> Result {
        let text = parts.join(PARAGRAPH);
        match self.thoughts.done(id, &text) {
            true => thought(id, text),
            false => Ok(()),
        }
    }

    /// The connection to the model broke: what comes next is a repetition.
    pub(crate) fn break_off(&mut self) {
        self.messages.break_off();
        self.thoughts.break_off();
    }

    /// The model has done something: what it says next is new.
    pub(crate) fn next_step(&mut self) {
        self.messages.next_step();
        self.thoughts.next_step();
    }

    pub(crate) fn end_turn(&mut self) {
        *self = Self::default();
    }
}

/// A piece of a message under this id.
pub(crate) fn message(id: &str, text: impl Into<String>) -> Result {
    let chunk = chunk(id, text);
    client::update(&acp::SessionUpdate::AgentMessageChunk(chunk))
}

fn thought(id: &str, text: impl Into<String>) -> Result {
    let chunk = chunk(id, text);
    client::update(&acp::SessionUpdate::AgentThoughtChunk(chunk))
}

fn chunk(id: &str, text: impl Into<String>) -> acp::ContentChunk {
    let text = acp::ContentBlock::Text(acp::TextContent::new(text));
    acp::ContentChunk::new(text).message_id(acp::MessageId::new(id))
}
