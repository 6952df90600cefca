//! The conversation as people see it: messages and thoughts.
//!
//! An item comes in pieces and then whole: the pieces are shown, and the whole
//! only when there were none. When the connection to the model breaks, the answer
//! is asked for again and comes from its beginning under another id: what people
//! have read already is not repeated.

use std::collections::BTreeSet;

use hostler_sdk::{Result, acp, client};

use crate::incoming::Delta;

/// How much of a message is kept to recognise its repetition, in bytes.
const MAX_REMEMBERED: usize = 1 << 20;

/// What is being shown.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    /// Items of which pieces have come and which are not complete.
    begun: BTreeSet<String>,
    /// The message that comes now, under the id that it was shown with.
    current: Option<Message>,
    /// One that broke off.
    broken: Option<Message>,
}

#[derive(Debug, Default)]
struct Message {
    /// Codex's id.
    item: String,
    /// The id that people see: that of the broken one that this repeats.
    shown_as: String,
    text: String,
}

impl Transcript {
    /// A piece of a message.
    pub(crate) fn message(&mut self, piece: &Delta<'_>) -> Result {
        self.begun.insert(piece.item_id.to_string());
        let current = match &mut self.current {
            Some(current) if current.item == piece.item_id => current,
            _ => self.current.insert(Message {
                item: piece.item_id.to_string(),
                shown_as: piece.item_id.to_string(),
                text: String::new(),
            }),
        };
        if current.text.len() + piece.delta.len() > MAX_REMEMBERED {
            // Too long to be recognised again.
            self.broken = None;
        } else {
            current.text.push_str(&piece.delta);
        }
        let Some(broken) = &self.broken else {
            return message(&current.shown_as, &*piece.delta);
        };
        if broken.text.starts_with(&current.text) {
            return Ok(()); // A repetition so far.
        }
        let rest = match current.text.strip_prefix(&broken.text) {
            Some(rest) => {
                current.shown_as.clone_from(&broken.shown_as);
                rest
            }
            // It says something else now.
            None => current.text.as_str(),
        };
        let shown = message(&current.shown_as, rest);
        self.broken = None;
        shown
    }

    /// A piece of the reasoning.
    pub(crate) fn thought(&mut self, piece: &Delta<'_>) -> Result {
        self.begun.insert(piece.item_id.to_string());
        thought(&piece.item_id, &*piece.delta)
    }

    /// Another part of the reasoning begins.
    pub(crate) fn next_thought(&self, piece: &Delta<'_>) -> Result {
        match piece.summary_index {
            0 => Ok(()),
            _ => thought(&piece.item_id, "\n\n"),
        }
    }

    /// A message is complete.
    pub(crate) fn message_done(&mut self, id: &str, text: &str) -> Result {
        let repeated = self.broken.take();
        let current = self.current.take().filter(|current| current.item == id);
        if !self.begun.remove(id) {
            return match text {
                "" => Ok(()),
                text => message(id, text),
            };
        }
        // All of it was held back, because the broken one had more.
        match (repeated, current) {
            (Some(broken), Some(current)) if broken.text != current.text => message(id, text),
            _ => Ok(()),
        }
    }

    /// A reasoning is complete.
    pub(crate) fn thought_done(&mut self, id: &str, parts: &[String]) -> Result {
        if self.begun.remove(id) || parts.is_empty() {
            return Ok(());
        }
        thought(id, parts.join("\n\n"))
    }

    /// The connection to the model broke: what comes next is a repetition.
    pub(crate) fn break_off(&mut self) {
        if let Some(message) = self.current.take() {
            self.begun.remove(&message.item);
            let whole = self.broken.take();
            // A repetition that breaks off itself: the longer one counts.
            let longer = whole.filter(|whole| whole.text.len() > message.text.len());
            self.broken = longer.or(Some(message));
        }
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
