//! One model message of the Messages API, as the events of a stream or as one
//! JSON body.

use std::{io, time::Duration};

use axum::response::sse::Event;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};
use uuid::Uuid;

use crate::script::{Block, End};

/// How often a message that hangs shows that its connection lives.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(5);

/// How long what was said has to leave before the connection breaks: what is
/// still buffered then is lost with it.
const BEFORE_CUT: Duration = Duration::from_millis(300);

/// Bytes of a text delta or of a tool's input per event: small, so that short
/// texts come in several.
const DELTA_BYTES: usize = 16;

/// What one delta of a counted text says.
pub(crate) fn numbered(index: u32) -> String {
    format!("word{index} ")
}

/// A model message to be told.
#[derive(Debug)]
pub(crate) struct Message {
    id: String,
    model: Value,
    input_tokens: usize,
    blocks: Vec<Block>,
    end: End,
}

impl Message {
    /// `input_tokens` is what the usage of the message says.
    pub(crate) fn new(model: &Value, input_tokens: usize, blocks: Vec<Block>, end: End) -> Self {
        Self {
            id: format!("msg_{}", Uuid::new_v4().simple()),
            model: model.clone(),
            input_tokens,
            blocks,
            end,
        }
    }

    /// The whole message as one JSON value; `None` if it never ends.
    pub(crate) fn whole(self) -> Option<Value> {
        let End::Stop(stop) = self.end else {
            return None;
        };
        let mut message = self.opening();
        message["content"] = self.blocks.iter().map(whole_block).collect();
        message["stop_reason"] = json!(stop);
        message["usage"]["output_tokens"] = json!(self.output_tokens());
        Some(message)
    }

    fn opening(&self) -> Value {
        json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model,
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {
                "input_tokens": self.input_tokens, "output_tokens": 1,
                "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            },
        })
    }

    fn output_tokens(&self) -> usize {
        output_tokens(&self.blocks)
    }

    /// Sends the message as events until it ends, its reader goes away or the
    /// server stops.
    pub(crate) async fn tell(self, reader: Reader, mut stopped: watch::Receiver<()>) {
        tokio::select! {
            _ = self.events(&reader) => {}
            () = reader.0.closed() => {}
            _ = stopped.changed() => {}
        }
    }

    async fn events(&self, reader: &Reader) -> Result<(), Gone> {
        let opening = json!({"type": "message_start", "message": self.opening()});
        reader.send(&opening).await?;
        reader.send(&json!({"type": "ping"})).await?;
        for (index, block) in self.blocks.iter().enumerate() {
            let start = json!({"type": "content_block_start", "index": index, "content_block": empty_block(block)});
            reader.send(&start).await?;
            deltas(block, index, reader).await?;
            if self.end == End::Cut && index + 1 == self.blocks.len() {
                break; // It breaks off in the middle of a block.
            }
            let stop = json!({"type": "content_block_stop", "index": index});
            reader.send(&stop).await?;
        }
        let stop = match self.end {
            End::Stop(stop) => stop,
            End::Cut => return reader.cut().await,
            End::Hang => loop {
                sleep(PING_EVERY).await;
                reader.send(&json!({"type": "ping"})).await?;
            },
        };
        let end = json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": null},
            "usage": {"output_tokens": self.output_tokens()},
        });
        reader.send(&end).await?;
        reader.send(&json!({"type": "message_stop"})).await
    }
}

/// A rough count, but one that grows with what was said.
pub(crate) fn output_tokens(blocks: &[Block]) -> usize {
    let of = |block: &Block| match block {
        Block::Text(text) | Block::Thinking(text) => text.len() / 4,
        Block::Deltas { count, .. } => usize::try_from(*count).unwrap_or(usize::MAX),
        Block::ToolUse { input, .. } => input.to_string().len() / 4,
        Block::Drop => 0,
    };
    blocks.iter().map(of).sum::<usize>().max(1)
}

/// Where events go.
#[derive(Debug)]
pub(crate) struct Reader(pub(crate) mpsc::Sender<io::Result<Event>>);

/// The reader went away.
#[derive(Debug)]
pub(crate) struct Gone;

impl Reader {
    pub(crate) async fn send(&self, event: &Value) -> Result<(), Gone> {
        // Readers of the Gemini API know no names, not even empty ones.
        let named = match event["type"].as_str() {
            Some(name) => Event::default().event(name),
            None => Event::default(),
        };
        let event = named.data(event.to_string());
        self.0.send(Ok(event)).await.map_err(|_| Gone)
    }

    /// Ends the connection in the middle of the body, when what was said has left.
    pub(crate) async fn cut(&self) -> Result<(), Gone> {
        sleep(BEFORE_CUT).await;
        let cut = io::ErrorKind::ConnectionReset.into();
        self.0.send(Err(cut)).await.map_err(|_| Gone)
    }
}

fn whole_block(block: &Block) -> Value {
    let mut whole = empty_block(block);
    match block {
        Block::Text(text) => whole["text"] = json!(text),
        Block::Thinking(text) => whole["thinking"] = json!(text),
        Block::Deltas { count, .. } => {
            whole["text"] = json!((0..*count).map(numbered).collect::<String>());
        }
        Block::ToolUse { input, .. } => whole["input"] = input.clone(),
        Block::Drop => {}
    }
    whole
}

fn empty_block(block: &Block) -> Value {
    match block {
        Block::Text(_) | Block::Deltas { .. } | Block::Drop => json!({"type": "text", "text": ""}),
        Block::Thinking(_) => json!({"type": "thinking", "thinking": "", "signature": ""}),
        Block::ToolUse { name, .. } => {
            let id = format!("toolu_{}", Uuid::new_v4().simple());
            json!({"type": "tool_use", "id": id, "name": name, "input": {}})
        }
    }
}

async fn deltas(block: &Block, index: usize, reader: &Reader) -> Result<(), Gone> {
    let event =
        |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    match block {
        Block::Text(text) => {
            for piece in pieces(text) {
                let delta = json!({"type": "text_delta", "text": piece});
                reader.send(&event(delta)).await?;
            }
        }
        Block::Thinking(text) => {
            for piece in pieces(text) {
                let delta = json!({"type": "thinking_delta", "thinking": piece});
                reader.send(&event(delta)).await?;
            }
            let signature = json!({"type": "signature_delta", "signature": "c2NyaXB0ZWQ="});
            reader.send(&event(signature)).await?;
        }
        Block::Deltas { count, pause } => {
            for number in 0..*count {
                let delta = json!({"type": "text_delta", "text": numbered(number)});
                reader.send(&event(delta)).await?;
                if !pause.is_zero() {
                    sleep(*pause).await;
                }
            }
        }
        Block::ToolUse { input, .. } => {
            for piece in pieces(&input.to_string()) {
                let delta = json!({"type": "input_json_delta", "partial_json": piece});
                reader.send(&event(delta)).await?;
            }
        }
        Block::Drop => {}
    }
    Ok(())
}

/// Cuts a text into pieces of about [`DELTA_BYTES`], never inside a character.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(DELTA_BYTES));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_lose_nothing_and_split_no_character() {
        for text in ["", "short", "ünïcödé wörds of mäny bytes €€€€€€€€€€€"]
        {
            assert_eq!(pieces(text).concat(), text);
        }
        assert_eq!(pieces(&"x".repeat(40)).len(), 3);
    }
}
