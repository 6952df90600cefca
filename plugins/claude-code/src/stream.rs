//! A message of the model while it comes, in pieces.
//!
//! When the connection breaks in the middle, the answer is asked for again and
//! streamed from its beginning under a new id. People have seen the first part:
//! as far as the new answer says the same, it is not shown again and goes on in
//! the old message. Where it differs, it is shown whole as a new message.

use hostler_sdk::{Result, acp, client};

use crate::incoming::Delta;

/// A message that comes in pieces.
#[derive(Debug)]
pub(crate) struct Streamed {
    /// The model's id of it.
    id: acp::MessageId,
    /// Under which people see it.
    shown_as: acp::MessageId,
    /// What people have seen of it.
    shown: Vec<Block>,
    /// Where the next piece belongs: a block, and how much of it has come.
    at: (usize, usize),
    /// It is complete: nothing of it comes again.
    ended: bool,
}

#[derive(Debug)]
struct Block {
    kind: Kind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Thought,
    /// A tool call and whatever else has no words.
    Other,
}

impl Streamed {
    /// A new message. If `former` broke off, this is the same answer once more.
    pub(crate) fn new(id: String, former: Option<Self>) -> Self {
        let id = acp::MessageId::new(id);
        let (shown_as, shown) = match former.filter(|former| !former.ended) {
            Some(former) => (former.shown_as, former.shown),
            None => (id.clone(), Vec::new()),
        };
        Self {
            id,
            shown_as,
            shown,
            at: (0, 0),
            ended: false,
        }
    }

    pub(crate) fn is(&self, id: &acp::MessageId) -> bool {
        self.id == *id
    }

    /// Whether words of this kind have come.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        let has = |block: &Block| block.kind == kind && !block.text.is_empty();
        self.shown.iter().any(has)
    }

    /// A block begins.
    pub(crate) fn begin(&mut self, index: usize, kind: Kind) {
        self.at = (index, 0);
        let differs = self.shown.get(index).is_some_and(|it| it.kind != kind);
        if differs {
            self.depart(index);
        }
        // Of blocks that were left out there is nothing to compare.
        if self.shown.len() <= index {
            self.shown.truncate(index);
            let text = String::new();
            self.shown.push(Block { kind, text });
            self.at.0 = self.shown.len() - 1;
        }
    }

    /// A piece of the block that began last.
    pub(crate) fn piece(&mut self, delta: Delta<'_>) -> Result {
        let (kind, words) = match (delta.text, delta.thinking) {
            (Some(words), _) => (Kind::Text, words),
            (None, Some(words)) => (Kind::Thought, words),
            (None, None) => return Ok(()),
        };
        let (index, come) = self.at;
        let Some(block) = self.shown.get_mut(index).filter(|it| it.kind == kind) else {
            return show(kind, &self.shown_as, words);
        };
        self.at.1 += words.len();
        let seen = block.text.get(come..).unwrap_or_default();
        if seen.starts_with(&*words) {
            return Ok(());
        }
        let new = match words.strip_prefix(seen) {
            Some(new) => new.to_owned(),
            None => {
                let whole = format!("{}{words}", block.text.get(..come).unwrap_or_default());
                block.text.clear();
                self.depart(index + 1);
                whole
            }
        };
        if let Some(block) = self.shown.get_mut(index) {
            block.text.push_str(&new);
        }
        show(kind, &self.shown_as, new)
    }

    /// From the block `index` on it is not what people have seen.
    fn depart(&mut self, index: usize) {
        self.shown.truncate(index);
        self.shown_as = self.id.clone();
    }

    /// It is complete.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// It broke off: the blocks from `index` on will come again.
    pub(crate) fn abandon(&mut self, index: usize) {
        self.shown.drain(..index.min(self.shown.len()));
    }
}

/// Shows a piece of the message `id`.
pub(crate) fn show(kind: Kind, id: &acp::MessageId, words: impl Into<String>) -> Result {
    let text = acp::ContentBlock::Text(acp::TextContent::new(words));
    let chunk = acp::ContentChunk::new(text).message_id(id.clone());
    client::update(&match kind {
        Kind::Thought => acp::SessionUpdate::AgentThoughtChunk(chunk),
        Kind::Text | Kind::Other => acp::SessionUpdate::AgentMessageChunk(chunk),
    })
}
