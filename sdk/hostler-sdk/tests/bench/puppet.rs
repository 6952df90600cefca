//! An adapter that each test has on strings.

use std::time::Duration;

use hostler_sdk::exchange::{self, Framing, Request};
use hostler_sdk::process::Command;
use hostler_sdk::testing::Bench;
use hostler_sdk::{
    Description, Error, Event, Failure, Harness, OpenParams, Prompt, PromptCapabilities, RequestId,
    Result, Status, acp, client, clock, config, http, timer,
};
use serde_json::json;

/// Does what the prompt names and returns what the host said to it.
pub(crate) struct Puppet {
    resumed: Option<Vec<u8>>,
}

/// What the config asks of `describe` and `probe`.
#[derive(serde::Deserialize)]
#[serde(default)]
struct Asked {
    spawn: bool,
    fetch: bool,
    open: bool,
    /// How long `run` may take.
    seconds: u64,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            spawn: false,
            fetch: false,
            open: false,
            seconds: 1,
        }
    }
}

impl Harness for Puppet {
    fn describe() -> Description {
        let run = Command::new("tool").run(Duration::from_secs(1)).map(drop);
        let spawned = Command::new("tool").spawn().map(drop);
        Description {
            title: match (run, spawned) {
                (Err(Error::Denied(_)), Err(Error::Denied(_))) => "Puppet",
                _ => "Puppet without strings",
            }
            .to_owned(),
            version: "1".to_owned(),
            prompt: PromptCapabilities::default(),
        }
    }

    fn probe() -> Result<Status> {
        let asked: Asked = config::get()?;
        if asked.spawn {
            Command::new("tool").spawn()?;
        }
        if asked.open {
            exchange::open(Request::get(URL))?;
        }
        if asked.fetch {
            let answer = http::Request::get(URL).send()?;
            return Ok(Status::ready(answer.text()?));
        }
        let output = Command::new("tool")
            .arg("--version")
            .run(Duration::from_secs(asked.seconds))?;
        Ok(Status::ready("found").version(output.stdout))
    }

    fn open(request: RequestId, _: OpenParams, resume: Option<Vec<u8>>) -> Result<Self> {
        client::opened(request, &client::Opened::default())?;
        Ok(Self { resumed: resume })
    }

    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
        let text = prompt.text()?;
        if let Some(id) = text.strip_prefix("ask ") {
            let id = id.parse().map_err(|_| Error::Invalid(text.clone()))?;
            return client::ask(id, "fs/read_text_file", &json!({"path": "/a"}));
        }
        match &*text {
            "answer twice" => {
                client::end_turn(request, acp::StopReason::EndTurn)?;
                client::end_turn(request, acp::StopReason::EndTurn)
            }
            "bad data" => client::fail(request, Failure::internal("x").with_data("not JSON")),
            "too many asks" => (1..=257).try_for_each(|id| client::ask(id, "x", &json!({}))),
            "change of mind" => {
                client::ask(7, "fs/read_text_file", &json!({"path": "/a"}))?;
                client::withdraw(7)
            }
            "permission" => client::request_permission(
                8,
                &acp::ToolCallUpdate::new("call", acp::ToolCallUpdateFields::new()),
                &[],
            ),
            "no object" => client::update(&json!([1])),
            "no json" => client::update_raw("{"),
            "run" => Command::new("tool").run(Duration::from_secs(1)).map(drop),
            "big" => client::checkpoint(&[0; 65_537]),
            "remember" => client::checkpoint(b"state"),
            "timers" => (0..65).try_for_each(|id| timer::set(id, Duration::from_secs(1))),
            "late timer" => timer::set(1, Duration::from_secs(1_000_000)),
            "spawn" => Command::new("tool").spawn().map(drop),
            "write after close" => {
                let child = Command::new("tool").spawn()?;
                child.close_stdin()?;
                child.write(b"x")
            }
            "close twice" => {
                let child = Command::new("tool").spawn()?;
                child.close_stdin()?;
                child.close_stdin()
            }
            "fetch" => http::Request::get(URL).send().map(drop),
            "request" => exchange::open(request_of_events()).map(drop),
            "too many requests" => {
                (0..17).try_for_each(|_| exchange::open(request_of_events()).map(drop))
            }
            "too much" => {
                exchange::open(Request::post(URL).body(vec![0; (32 << 20) + 1])).map(drop)
            }
            "take back" => exchange::cancel(exchange::open(request_of_events())?),
            "time" => client::message(format!("{:?}", clock::monotonic()?)),
            "resumed" => client::message(format!("{:?}", self.resumed)),
            other => Err(Error::Invalid(other.to_owned())),
        }
    }

    fn cancel(&mut self) -> Result {
        client::message("cancel")
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::Line { child, text, .. } => child.write(text.as_bytes()),
            Event::HttpPiece { exchange, text, .. } if text == "enough" => {
                exchange::cancel(exchange)
            }
            event => client::message(format!("{event:?}")),
        }
    }
}

pub(crate) const URL: &str = "https://a.example/stream";

fn request_of_events() -> Request {
    Request::get(URL).framing(Framing::Events)
}

pub(crate) fn open() -> Bench<Puppet> {
    let mut bench = Bench::new();
    assert_eq!(bench.open().answer(), Ok(json!({})));
    bench
}
