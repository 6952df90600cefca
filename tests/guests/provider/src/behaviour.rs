//! What a session does on demand.

use std::time::Duration;

use hostler_sdk::device::{Error, Node, Rect, Result, States, Tree};
use hostler_sdk::http::Request;
use hostler_sdk::process::Command;
use hostler_sdk::{Blob, clock, service};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Session, memory, spin};

/// What is wrong with the next answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nonsense {
    /// An element is deeper than fits.
    Depth,
    /// An element is nowhere.
    Rect,
    /// A ref names two elements.
    Twice,
    /// There are too many.
    Many,
    /// The screen has no width.
    Screen,
    /// What should be JSON is none.
    Json,
}

#[derive(Deserialize)]
struct Program {
    program: String,
    args: Vec<String>,
    timeout_ms: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    ready: String,
}

impl Program {
    fn command(&self) -> Command {
        Command::new(&self.program).args(&self.args)
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[derive(Deserialize)]
struct Fetch {
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    redirects: u8,
    #[serde(default = "a_minute")]
    timeout_ms: u64,
}

fn a_minute() -> u64 {
    60_000
}

fn read<T: DeserializeOwned>(params: &str) -> Result<T> {
    serde_json::from_str(params).map_err(|error| Error::Invalid(error.to_string()))
}

impl Session {
    /// The answer is JSON.
    pub(crate) fn behave(&mut self, method: &str, params: &str) -> Result<String> {
        let answer = match method {
            // How many calls this session has had.
            "count" => json!(self.count),
            "panic" => panic!("panicked on purpose"),
            "loop" => spin(),
            // Returns when the host cancels it.
            "sleep" => {
                clock::sleep(Duration::from_millis(read(params)?))?;
                json!("slept")
            }
            // Does not return when the host cancels it.
            "sleep-on" => loop {
                let _ = clock::sleep(Duration::from_secs(60));
            },
            // Many short waits.
            "naps" => {
                let (count, ms): (u32, u64) = read(params)?;
                for _ in 0..count {
                    clock::sleep(Duration::from_millis(ms))?;
                }
                json!(count)
            }
            "run" => {
                let program: Program = read(params)?;
                let output = program.command().run(program.timeout())?;
                json!({ "stdout": output.stdout, "exit": output.exit.to_string() })
            }
            // Runs it again and again, whatever the host says.
            "run-on" => {
                let program: Program = read(params)?;
                loop {
                    let _ = program.command().run(program.timeout());
                }
            }
            "spawn" => match Command::new("/bin/sh").spawn() {
                Ok(_) => json!("spawned"),
                Err(error) => json!(error.to_string()),
            },
            "service" => {
                let it: Program = read(params)?;
                json!(service::start(
                    &it.name,
                    &it.command(),
                    &it.ready,
                    it.timeout()
                )?)
            }
            "stop" => {
                service::stop(&read::<String>(params)?)?;
                json!("stopped")
            }
            "nonsense" => {
                self.nonsense = Some(read(params)?);
                if self.nonsense == Some(Nonsense::Json) {
                    return Ok("{".into());
                }
                json!("from now on")
            }
            // Blobs of so many bytes until the host refuses one: how many, and why.
            "hoard" => {
                let bytes: usize = read(params)?;
                let mut hoard = Vec::new();
                let why = loop {
                    match Blob::new(&vec![0; bytes]) {
                        Ok(blob) => hoard.push(blob),
                        Err(error) => break error.to_string(),
                    }
                };
                json!([hoard.len(), why])
            }
            "find" => {
                let pushed = self.pushed.as_ref();
                let pushed = pushed.ok_or_else(|| Error::NotFound("nothing was pushed".into()))?;
                json!(pushed.find(read::<String>(params)?.as_bytes(), 0)?)
            }
            "json" => {
                let pushed = self.pushed.as_ref();
                let pushed = pushed.ok_or_else(|| Error::NotFound("nothing was pushed".into()))?;
                json!(pushed.json::<Value>(&read::<String>(params)?)?)
            }
            "fetch" => fetch(&read(params)?)?,
            // What it remembered before.
            "remember" => json!(std::mem::replace(&mut self.remembered, read(params)?)),
            // Whether any of its memory holds this text, which is given in two
            // halves so that the question is not the answer.
            "search" => {
                let (head, tail): (String, String) = read(params)?;
                json!(memory::holds(head.as_bytes(), tail.as_bytes()))
            }
            other => return Err(Error::unsupported(&format!("do {other}"))),
        };
        Ok(answer.to_string())
    }
}

fn fetch(it: &Fetch) -> Result<Value> {
    let mut request = Request::get(&it.url)
        .timeout(Duration::from_millis(it.timeout_ms))
        .redirects(it.redirects);
    for (name, value) in &it.headers {
        request = request.header(name, value);
    }
    Ok(match request.send() {
        Ok(response) => json!({ "status": response.status, "body": response.text()? }),
        Err(error) => json!({ "error": error.to_string() }),
    })
}

/// Three buttons in a list.
pub(crate) fn tree(first_ref: u32, nonsense: Option<Nonsense>) -> Tree {
    let node = |at: u32| Node {
        r#ref: first_ref + at,
        depth: u32::from(at > 0),
        role: if at > 0 { "button" } else { "list" }.into(),
        label: format!("{at}"),
        value: None,
        identifier: None,
        rect: Some(Rect {
            x: 0.0,
            y: f64::from(at) * 10.0,
            width: 100.0,
            height: 10.0,
        }),
        states: States {
            enabled: true,
            hittable: true,
            ..States::default()
        },
    };
    let count = if nonsense == Some(Nonsense::Many) {
        20_001
    } else {
        4
    };
    let mut nodes: Vec<_> = (0..count).map(node).collect();
    match nonsense {
        Some(Nonsense::Depth) => nodes[2].depth = 7,
        Some(Nonsense::Twice) => nodes[2].r#ref = first_ref,
        Some(Nonsense::Rect) => {
            nodes[2].rect = Some(Rect {
                x: f64::NAN,
                y: 0.0,
                width: -1.0,
                height: 1.0,
            });
        }
        _ => {}
    }
    Tree {
        nodes,
        truncated: false,
        app: None,
        title: Some("Scripted".into()),
    }
}
