//! Stands in for Claude Code where its own speed would hide what is measured:
//! speaks enough stream-json to open a session, and answers every prompt with a
//! recorded turn, as [`stand_in`](hostler_bench::stand_in) says.

use std::{
    env,
    io::{self, BufRead, Write},
};

use anyhow::{Context as _, Result, bail};
use hostler_bench::stand_in::{Piece, Wanted, recorded, write};
use serde_json::{Value, json};

/// A turn of the real one: what it was told and what it wrote.
const RECORDED: &str = include_str!("../../../../plugins/claude-code/tests/fixtures/simple.jsonl");

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["--version"] => {
            println!("2.1.328 (Claude Code)");
            return Ok(());
        }
        ["auth", "status", ..] => {
            println!(r#"{{"loggedIn":true,"authMethod":"api_key"}}"#);
            return Ok(());
        }
        _ => {}
    }
    let recorded = Recorded::read().context("the recorded turn")?;
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        match line["type"].as_str() {
            Some("control_request") => write(&mut out, &recorded.control(&line))?,
            Some("user") => recorded.turn(&mut out, &line)?,
            _ => {}
        }
    }
    Ok(())
}

struct Recorded {
    initialized: Value,
    before: Vec<Value>,
    piece: Piece,
    after: Vec<Value>,
}

impl Recorded {
    fn read() -> Result<Self> {
        let messages = recorded(RECORDED)?.into_iter();
        let said = messages.filter_map(|(said, line)| said.then_some(line));
        let mut lines: Vec<Value> = said.collect();
        let is_piece = |line: &Value| line["event"]["type"] == "content_block_delta";
        let (Some(first), Some(last)) = (
            lines.iter().position(is_piece),
            lines.iter().rposition(is_piece),
        ) else {
            bail!("it has no piece of text");
        };
        let after = lines.split_off(last + 1);
        let piece = lines.swap_remove(first);
        lines.truncate(first);
        let initialized = lines.remove(0);
        Ok(Self {
            initialized,
            before: lines,
            piece: Piece::new(piece, "/event/delta/text").context("a piece without text")?,
            after,
        })
    }

    /// Every control request is granted; only `initialize` is told something.
    fn control(&self, asked: &Value) -> Value {
        let response = match asked["request"]["subtype"].as_str() {
            Some("initialize") => self.initialized["response"]["response"].clone(),
            _ => json!({}),
        };
        json!({"type": "control_response", "response": {
            "subtype": "success", "request_id": asked["request_id"], "response": response,
        }})
    }

    fn turn(&self, out: &mut impl Write, prompt: &Value) -> Result<()> {
        let wanted = Wanted::by(&prompt["message"]["content"].to_string());
        for line in &self.before {
            write(out, &of(prompt, line.clone()))?;
        }
        let text = wanted.tell(out, &self.piece)?;
        for line in &self.after {
            let mut line = of(prompt, line.clone());
            if line["type"] == "assistant" {
                line["message"]["content"][0]["text"] = text.as_str().into();
            }
            if line["type"] == "result" {
                line["result"] = text.as_str().into();
                // The recording leaves it out; the peer reads it.
                line["usage"] = json!({
                    "input_tokens": 102, "output_tokens": 20,
                    "cache_creation_input_tokens": 5, "cache_read_input_tokens": 10,
                });
            }
            write(out, &line)?;
        }
        Ok(())
    }
}

/// The line as part of the turn that `prompt` began.
fn of(prompt: &Value, mut line: Value) -> Value {
    for name in ["command_uuid", "user_message_uuids"] {
        if let Some(value) = line.get_mut(name) {
            *value = match value {
                Value::Array(_) => json!([prompt["uuid"]]),
                _ => prompt["uuid"].clone(),
            };
        }
    }
    line
}
