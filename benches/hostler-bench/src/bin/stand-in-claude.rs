//! Stands in for Claude Code where its own speed would hide what is measured:
//! speaks enough stream-json to open a session, and answers every prompt with a
//! recorded turn.
//!
//! `[[deltas N]]` in a prompt makes it N pieces of text as fast as Claude Code
//! writes them, `[[slow N MS]]` one every MS milliseconds (the words of
//! `tests/model-server`). Each piece is written alone, and its text is the
//! monotonic clock in nanoseconds just before.

use std::{
    env,
    io::{self, BufRead, Write},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// A turn of the real one: what it was told and what it wrote.
const RECORDED: &str = include_str!("../../../../plugins/claude-code/tests/fixtures/simple.jsonl");

/// Between two pieces as fast as they come: the real one takes 0.2 s for 3000.
const PACE: Duration = Duration::from_micros(65);

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
    piece: Value,
    after: Vec<Value>,
}

impl Recorded {
    fn read() -> Result<Self> {
        let mut lines = Vec::new();
        for line in RECORDED.lines() {
            let mut line: Value = serde_json::from_str(line)?;
            if line["dir"] == "<" {
                lines.push(line["msg"].take());
            }
        }
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
            piece,
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
        let (count, pause) = wanted(&prompt["message"]["content"].to_string());
        for line in &self.before {
            write(out, &of(prompt, line.clone()))?;
        }
        let mut text = String::new();
        let begin = Instant::now();
        for number in 1..=count {
            let mut piece = of(prompt, self.piece.clone());
            let stamp = monotonic_ns().to_string();
            piece["event"]["delta"]["text"] = stamp.as_str().into();
            write(out, &piece)?;
            text.push_str(&stamp);
            // By the clock, so that a late wake-up is made up for.
            sleep((begin + pause * number).saturating_duration_since(Instant::now()));
        }
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

/// How many pieces, and the time between two.
fn wanted(prompt: &str) -> (u32, Duration) {
    let directive = prompt
        .split_once("[[")
        .and_then(|(_, rest)| rest.split_once("]]"))
        .map_or("", |(directive, _)| directive);
    let words: Vec<&str> = directive.split(' ').collect();
    let number = |word: &str| word.parse().unwrap_or(1);
    match words[..] {
        ["deltas", count] => (number(count), PACE),
        ["slow", count, pause] => (number(count), Duration::from_millis(number(pause).into())),
        _ => (3, PACE),
    }
}

fn write(out: &mut impl Write, line: &Value) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    out.write_all(&bytes)?;
    out.flush()
}

/// One clock for all processes of a machine.
fn monotonic_ns() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
