//! One model message of the Responses API, as the events of a stream: as small
//! as Codex takes it.

use serde_json::{Value, json};
use tokio::{sync::watch, time::sleep};
use uuid::Uuid;

use crate::{
    script::{Block, End},
    sse::{Gone, PING_EVERY, Reader, numbered, output_tokens, pieces},
    tools::Tools,
};

/// A model message to be told.
#[derive(Debug)]
pub(crate) struct Response {
    id: String,
    input_tokens: usize,
    tools: Tools,
    blocks: Vec<Block>,
    end: End,
}

impl Response {
    /// `input_tokens` is what the usage of the message says.
    pub(crate) fn new(input_tokens: usize, tools: Tools, blocks: Vec<Block>, end: End) -> Self {
        Self {
            id: id("resp"),
            input_tokens,
            tools,
            blocks,
            end,
        }
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
        let created = json!({"type": "response.created", "response": {"id": self.id}});
        reader.send(&created).await?;
        for (index, block) in self.blocks.iter().enumerate() {
            let item = item(block, &self.tools, reader).await?;
            if self.end == End::Cut && index + 1 == self.blocks.len() {
                break; // It breaks off in the middle of an item.
            }
            let done = json!({"type": "response.output_item.done", "item": item});
            reader.send(&done).await?;
        }
        let reason = match self.end {
            End::Hang => loop {
                sleep(PING_EVERY).await;
                reader.send(&json!({"type": "keepalive"})).await?;
            },
            End::Cut => return reader.cut().await,
            End::Stop("max_tokens") => Some("max_output_tokens"),
            End::Stop("refusal") => Some("content_filter"),
            End::Stop(_) => None,
        };
        let (input, output) = (self.input_tokens, output_tokens(&self.blocks));
        let mut response = json!({"id": self.id, "usage": {
            "input_tokens": input, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input + output,
        }});
        let kind = match reason {
            Some(reason) => {
                response["incomplete_details"] = json!({"reason": reason});
                "response.incomplete"
            }
            None => "response.completed",
        };
        reader
            .send(&json!({"type": kind, "response": response}))
            .await
    }
}

/// Says all of an item but that it is done; the whole of it.
async fn item(block: &Block, tools: &Tools, reader: &Reader) -> Result<Value, Gone> {
    Ok(match block {
        Block::Text(text) => {
            let item = json!({"type": "message", "role": "assistant", "id": id("msg")});
            added(&item, reader).await?;
            for piece in pieces(text) {
                said(&item, piece, reader).await?;
            }
            complete(item, text)
        }
        Block::Deltas { count, pause } => {
            let item = json!({"type": "message", "role": "assistant", "id": id("msg")});
            added(&item, reader).await?;
            let mut text = String::new();
            for number in 0..*count {
                let piece = numbered(number);
                said(&item, &piece, reader).await?;
                text.push_str(&piece);
                if !pause.is_zero() {
                    sleep(*pause).await;
                }
            }
            complete(item, &text)
        }
        Block::Thinking(text) => {
            let mut item = json!({"type": "reasoning", "id": id("rs"), "summary": []});
            added(&item, reader).await?;
            let part = json!({"type": "response.reasoning_summary_part.added", "item_id": item["id"], "summary_index": 0});
            reader.send(&part).await?;
            for piece in pieces(text) {
                let delta = json!({
                    "type": "response.reasoning_summary_text.delta", "item_id": item["id"],
                    "summary_index": 0, "delta": piece,
                });
                reader.send(&delta).await?;
            }
            item["summary"] = json!([{"type": "summary_text", "text": text}]);
            item
        }
        Block::ToolUse { name, input } => tools.call(call(name, input)),
        Block::Drop => Value::Null,
    })
}

async fn added(item: &Value, reader: &Reader) -> Result<(), Gone> {
    let mut item = item.clone();
    if item["type"] == "message" {
        item["content"] = json!([]);
    }
    let event = json!({"type": "response.output_item.added", "item": item});
    reader.send(&event).await
}

async fn said(item: &Value, piece: &str, reader: &Reader) -> Result<(), Gone> {
    let event =
        json!({"type": "response.output_text.delta", "item_id": item["id"], "delta": piece});
    reader.send(&event).await
}

fn complete(mut item: Value, text: &str) -> Value {
    item["content"] = json!([{"type": "output_text", "text": text}]);
    item
}

/// A tool call, by the tools that Codex has.
fn call(name: &str, input: &Value) -> Value {
    let text = |member: &str| input[member].as_str().unwrap_or_default();
    let lines = |mark: &str, text: &str| {
        let lines = text.lines().map(|line| format!("{mark}{line}\n"));
        lines.collect::<String>()
    };
    let call_id = id("call");
    let patch = |file: String| {
        let input = format!("*** Begin Patch\n*** {file}*** End Patch");
        json!({"type": "custom_tool_call", "call_id": call_id, "name": "apply_patch", "input": input})
    };
    let function = |name: &str, input: &Value| {
        json!({
            "type": "function_call", "call_id": call_id, "name": name,
            "arguments": input.to_string(),
        })
    };
    match (name, name.split_once('/')) {
        ("Bash", _) => function("exec_command", &json!({"cmd": input["command"]})),
        ("Write", _) => {
            let content = lines("+", text("content"));
            patch(format!("Add File: {}\n{content}", text("file_path")))
        }
        ("Edit", _) => {
            let (old, new) = (
                lines("-", text("old_string")),
                lines("+", text("new_string")),
            );
            patch(format!(
                "Update File: {}\n@@\n{old}{new}",
                text("file_path")
            ))
        }
        (_, Some((space, name))) => {
            let mut call = function(name, input);
            call["namespace"] = json!(space);
            call
        }
        (name, None) => function(name, input),
    }
}

fn id(kind: &str) -> String {
    format!("{kind}_{}", Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_a_patch_of_whole_lines() {
        let input = json!({"file_path": "f", "old_string": "a\nb", "new_string": "c"});
        let patch = "*** Begin Patch\n*** Update File: f\n@@\n-a\n-b\n+c\n*** End Patch";
        assert_eq!(call("Edit", &input)["input"], patch);
        let input = json!({"file_path": "f", "content": "x\n"});
        let patch = "*** Begin Patch\n*** Add File: f\n+x\n*** End Patch";
        assert_eq!(call("Write", &input)["input"], patch);
    }

    #[test]
    fn a_tool_of_a_namespace_is_called_there() {
        let call = call("mcp__db/query", &json!({"a": 1}));
        assert_eq!(
            (&call["namespace"], &call["name"]),
            (&json!("mcp__db"), &json!("query"))
        );
        assert_eq!(call["arguments"], r#"{"a":1}"#);
    }
}
