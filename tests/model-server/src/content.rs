//! One model message of the Gemini API, as the events of a stream: as small as
//! Gemini CLI takes it.

use serde_json::{Value, json};
use tokio::{sync::watch, time::sleep};

use crate::{
    script::{Block, End},
    sse::{Gone, PING_EVERY, Reader, numbered, output_tokens, pieces},
};

/// A model message to be told.
#[derive(Debug)]
pub(crate) struct Content {
    input_tokens: usize,
    blocks: Vec<Block>,
    end: End,
}

impl Content {
    /// `input_tokens` is what the usage of the message says.
    pub(crate) const fn new(input_tokens: usize, blocks: Vec<Block>, end: End) -> Self {
        Self {
            input_tokens,
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
        for block in &self.blocks {
            self.block(block, reader).await?;
        }
        let reason = match self.end {
            End::Hang => loop {
                sleep(PING_EVERY).await;
                self.part(json!({"text": ""}), reader).await?;
            },
            End::Cut => return reader.cut().await,
            End::Stop("max_tokens") => "MAX_TOKENS",
            End::Stop("refusal") => "SAFETY",
            End::Stop(_) => "STOP",
        };
        let (input, output) = (self.input_tokens, output_tokens(&self.blocks));
        let content = json!({"role": "model", "parts": [{"text": ""}]});
        let end = json!({
            "candidates": [{"index": 0, "content": content, "finishReason": reason}],
            "usageMetadata": {
                "promptTokenCount": input, "candidatesTokenCount": output,
                "totalTokenCount": input + output,
            },
        });
        reader.send(&end).await
    }

    async fn block(&self, block: &Block, reader: &Reader) -> Result<(), Gone> {
        match block {
            Block::Text(text) => {
                for piece in pieces(text) {
                    self.part(json!({"text": piece}), reader).await?;
                }
            }
            Block::Deltas { count, pause } => {
                for number in 0..*count {
                    self.part(json!({"text": numbered(number)}), reader).await?;
                    if !pause.is_zero() {
                        sleep(*pause).await;
                    }
                }
            }
            Block::Thinking(text) => {
                self.part(json!({"text": text, "thought": true}), reader)
                    .await?;
            }
            Block::ToolUse { name, input } => {
                self.part(json!({"functionCall": call(name, input)}), reader)
                    .await?;
            }
            Block::Drop => {}
        }
        Ok(())
    }

    async fn part(&self, part: Value, reader: &Reader) -> Result<(), Gone> {
        let content = json!({"role": "model", "parts": [part]});
        let event = json!({"candidates": [{"index": 0, "content": content}]});
        reader.send(&event).await
    }
}

/// A tool call, by the tools that Gemini CLI has.
fn call(name: &str, input: &Value) -> Value {
    let (name, args) = match name {
        "Bash" => ("run_shell_command", json!({"command": input["command"]})),
        "Write" => ("write_file", input.clone()),
        "Edit" => {
            let mut args = input.clone();
            args["instruction"] = json!("As the script says");
            ("replace", args)
        }
        name => (name, input.clone()),
    };
    json!({"name": name, "args": args})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_have_the_names_of_gemini_cli() {
        let input = json!({"command": "ls", "description": "d"});
        assert_eq!(
            call("Bash", &input),
            json!({"name": "run_shell_command", "args": {"command": "ls"}})
        );
        assert_eq!(call("Edit", &json!({"file_path": "f"}))["name"], "replace");
        assert_eq!(call("glob", &json!({}))["name"], "glob");
    }
}
