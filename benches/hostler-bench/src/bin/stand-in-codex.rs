//! Stands in for Codex where its own speed would hide what is measured: answers
//! the requests of `codex app-server` as a real one did, and every prompt with a
//! recorded turn, as [`stand_in`](hostler_bench::stand_in) says. One process
//! serves any number of threads, as the real one does.

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead, Write},
};

use anyhow::{Context as _, Result, bail};
use hostler_bench::stand_in::{Piece, Wanted, recorded, write};
use serde_json::{Value, json};

/// What a real one was told and what it wrote.
const RECORDED: &str = include_str!("../../recorded/codex.jsonl");

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["--version"] => println!("codex-cli 0.169.0"),
        ["login", "status"] => eprintln!("Logged in using an API key - sk-dummy"),
        ["debug", "models"] => println!(r#"{{"models":[]}}"#),
        _ => serve()?,
    }
    Ok(())
}

fn serve() -> Result<()> {
    let recorded = Recorded::read().context("the recorded turn")?;
    let mut out = io::stdout().lock();
    // Threads and turns that were begun: each has a name of its own.
    let mut begun = 0;
    for line in io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        if line["id"].is_null() {
            continue;
        }
        begun += 1;
        if line["method"] == "turn/start" {
            recorded.turn(&mut out, &line, begun)?;
        } else {
            write(&mut out, &recorded.answer(&line, begun)?)?;
        }
    }
    Ok(())
}

struct Recorded {
    /// By method.
    answers: BTreeMap<String, Value>,
    /// What the recording calls its thread, its turn and its message.
    thread: String,
    turn: String,
    message: String,
    before: Vec<Value>,
    piece: Value,
    after: Vec<Value>,
}

impl Recorded {
    fn read() -> Result<Self> {
        let mut asked = BTreeMap::new();
        let mut answers = BTreeMap::new();
        let mut lines = Vec::new();
        for (said, line) in recorded(RECORDED)? {
            let id = line["id"].as_u64();
            match (said, id, line["method"].as_str()) {
                (false, Some(id), Some(method)) => {
                    asked.insert(id, method.to_owned());
                }
                (true, Some(id), _) => {
                    let method = asked.remove(&id).context("an answer to nothing")?;
                    answers.insert(method, line["result"].clone());
                }
                (true, None, _) => lines.push(line),
                (false, ..) => {}
            }
        }
        let is_piece = |line: &Value| line["method"] == "item/agentMessage/delta";
        let (Some(first), Some(last)) = (
            lines.iter().position(is_piece),
            lines.iter().rposition(is_piece),
        ) else {
            bail!("it has no piece of text");
        };
        let after = lines.split_off(last + 1);
        let piece = lines.swap_remove(first);
        lines.truncate(first);
        let name = |member: &str| piece["params"][member].as_str().map(str::to_owned);
        Ok(Self {
            answers,
            thread: name("threadId").context("no thread")?,
            turn: name("turnId").context("no turn")?,
            message: name("itemId").context("no message")?,
            before: lines,
            piece,
            after,
        })
    }

    /// What it was not asked when it was recorded is done, and of what is listed
    /// there is nothing.
    fn answer(&self, asked: &Value, number: u64) -> Result<Value> {
        let method = asked["method"].as_str().unwrap_or_default();
        let result = self.answers.get(method).cloned();
        let result = renamed(
            &result.unwrap_or_else(|| json!({"data": [], "nextCursor": null})),
            &[(&self.thread, &numbered(&self.thread, number))],
        )?;
        Ok(json!({"id": asked["id"], "result": result}))
    }

    fn turn(&self, out: &mut impl Write, asked: &Value, number: u64) -> Result<()> {
        let thread = asked["params"]["threadId"].as_str().context("no thread")?;
        let turn = numbered(&self.turn, number);
        let message = format!("{}_{number}", self.message);
        let names = [
            (&*self.thread, thread),
            (&*self.turn, &*turn),
            (&*self.message, &*message),
        ];
        let of_turn = |line: &Value| renamed(line, &names);
        let begun = self.answers.get("turn/start").context("no turn")?;
        let answer = json!({"id": asked["id"], "result": of_turn(begun)?});
        write(out, &answer)?;
        for line in &self.before {
            write(out, &of_turn(line)?)?;
        }
        let piece = Piece::new(of_turn(&self.piece)?, "/params/delta").context("no text")?;
        let wanted = Wanted::by(&asked["params"]["input"].to_string());
        let text = wanted.tell(out, &piece)?;
        for line in &self.after {
            let mut line = of_turn(line)?;
            for message in ["/params/item", "/params/turn/items/0"] {
                if let Some(said) = line.pointer_mut(&format!("{message}/text")) {
                    *said = text.as_str().into();
                }
            }
            write(out, &line)?;
        }
        Ok(())
    }
}

/// The same with other names, wherever they stand in it.
fn renamed(line: &Value, names: &[(&str, &str)]) -> Result<Value> {
    let mut text = line.to_string();
    for (old, new) in names {
        text = text.replace(old, new);
    }
    Ok(serde_json::from_str(&text)?)
}

/// The id with another end, which is this number.
fn numbered(id: &str, number: u64) -> String {
    let kept = id.rfind('-').map_or(0, |dash| dash + 1);
    format!("{}{number:012x}", &id[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(out: &[u8]) -> Vec<Value> {
        let text = std::str::from_utf8(out).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn what_adapters_ask_before_a_turn_is_answered_as_it_was() {
        let recorded = Recorded::read().unwrap();
        for method in ["initialize", "account/read", "model/list", "config/read"] {
            let asked = json!({"id": "a", "method": method});
            let answer = recorded.answer(&asked, 1).unwrap();
            assert_eq!(answer["id"], "a");
            assert!(recorded.answers.contains_key(method), "{method}");
            assert!(answer["result"].is_object(), "{method}");
        }
        let unknown = json!({"id": 7, "method": "no/such"});
        let answer = recorded.answer(&unknown, 1).unwrap();
        assert_eq!(
            answer,
            json!({"id": 7, "result": {"data": [], "nextCursor": null}})
        );
    }

    #[test]
    fn every_thread_and_every_turn_has_a_name_of_its_own() {
        let recorded = Recorded::read().unwrap();
        let begin = json!({"id": 1, "method": "thread/start"});
        let thread = |number| {
            let answer = recorded.answer(&begin, number).unwrap();
            answer["result"]["thread"]["id"].clone()
        };
        let mine = thread(2);
        assert_ne!(mine, thread(1));
        let mut turns = Vec::new();
        for number in [3, 4] {
            let prompt = json!([{"type": "text", "text": "[[deltas 5]]"}]);
            let params = json!({"threadId": mine, "input": prompt});
            let asked = json!({"id": number, "method": "turn/start", "params": params});
            let mut out = Vec::new();
            recorded.turn(&mut out, &asked, number).unwrap();
            let lines = lines(&out);
            let threads = lines.iter().map(|line| &line["params"]["threadId"]);
            assert!(threads.filter(|it| !it.is_null()).all(|it| *it == mine));
            let said = lines
                .iter()
                .filter_map(|line| line["params"]["delta"].as_str());
            let said: Vec<&str> = said.collect();
            assert_eq!(said.len(), 5);
            let done = lines.iter().find(|line| {
                line["method"] == "item/completed"
                    && line["params"]["item"]["type"] == "agentMessage"
            });
            assert_eq!(done.unwrap()["params"]["item"]["text"], said.concat());
            let last = lines.last().unwrap();
            assert_eq!(last["method"], "turn/completed");
            let turn = &last["params"]["turn"]["id"];
            assert_eq!(lines[0]["result"]["turn"]["id"], *turn);
            turns.push(turn.clone());
        }
        assert_ne!(turns[0], turns[1]);
    }
}
