//! A harness that makes the requests that it is told to, and says what came of
//! them. No agent stands behind it.
//!
//! A prompt is a JSON array of [`Order`]s, which are carried out in one call; the
//! turn ends with it. What happens is said in messages, one line of JSON each:
//! `{"head": 1, "status": 200, …}`, `{"piece": 1, "text": …}`, `{"end": 1}`,
//! `{"failed": 1, "error": …}`, `{"timer": 1}`; and of orders
//! `{"opened": 1}`, `{"refused": …}`. The config is what a probe fetches:
//! `{"probe": "http://…"}`, if any; and what `close` opens.

use std::time::Duration;

use hostler_sdk::acp::StopReason;
use hostler_sdk::exchange::{self, ExchangeId, Framing, Request};
use hostler_sdk::{
    Blob, Description, Error, Event, Harness, OpenParams, Prompt, PromptCapabilities, RequestId,
    Result, Status, client, config, http, timer,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What to do.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Opens an exchange.
    Open(Open),
    /// Cancels the one that was opened as the so-manieth, from 0 on.
    Cancel(usize),
    /// Sets timer 1, in milliseconds.
    Timer(u64),
    /// Says of each piece only its length from now on.
    Lengths,
    /// Cancels an exchange at its first piece from now on.
    CancelAtPiece,
    /// What is for probes alone.
    Wait(String),
    /// Traps.
    Panic,
}

/// A request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    url: String,
    #[serde(default)]
    framing: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// Sent by `POST`; a body of zeros of this length.
    body: Option<usize>,
    head_ms: Option<u64>,
    idle_ms: Option<u64>,
    #[serde(default)]
    redirects: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    probe: Option<String>,
    on_close: Option<String>,
}

/// One conversation.
#[derive(Debug, Default)]
pub struct Streaming {
    opened: Vec<ExchangeId>,
    lengths: bool,
    cancel_at_piece: bool,
}

impl Harness for Streaming {
    fn describe() -> Description {
        Description {
            title: "Streaming".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            prompt: PromptCapabilities::default(),
        }
    }

    fn probe() -> Result<Status> {
        let Some(url) = config::get::<Settings>()?.probe else {
            return Ok(Status::ready("nothing was asked"));
        };
        if let Ok(exchange) = exchange::open(Request::get(&url)) {
            return Ok(Status::broken(format!("a probe opened {exchange}")));
        }
        Ok(Status::ready(http::Request::get(url).send()?.text()?))
    }

    fn open(request: RequestId, _: OpenParams, _: Option<Vec<u8>>) -> Result<Self> {
        client::opened(request, &client::Opened::default())?;
        Ok(Self::default())
    }

    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
        let orders: Vec<Order> = serde_json::from_str(&prompt.text()?)?;
        for order in orders {
            self.obey(order)?;
        }
        client::end_turn(request, StopReason::EndTurn)
    }

    fn cancel(&mut self) -> Result {
        Ok(())
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::HttpHead {
                exchange,
                status,
                headers,
            } => say(&json!({
                "head": self.number(exchange), "status": status, "headers": headers,
            })),
            Event::HttpPiece { exchange, .. } if self.cancel_at_piece => {
                exchange::cancel(exchange)?;
                say(&json!({ "cancelled": self.number(exchange) }))
            }
            Event::HttpPiece { exchange, text, .. } if self.lengths => {
                say(&json!({ "piece": self.number(exchange), "length": text.len() }))
            }
            Event::HttpPiece {
                exchange,
                text,
                name,
                id,
                lossy,
            } => say(&json!({
                "piece": self.number(exchange), "text": text, "name": name, "id": id,
                "lossy": lossy,
            })),
            Event::HttpEnd(exchange) => say(&json!({ "end": self.number(exchange) })),
            Event::HttpFailed { exchange, error } => say(&json!({
                "failed": self.number(exchange), "error": error.to_string(),
            })),
            Event::Timer(id) => say(&json!({ "timer": id })),
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result {
        match config::get::<Settings>()?.on_close {
            Some(url) => exchange::open(Request::post(url)).map(drop),
            None => Ok(()),
        }
    }
}

impl Streaming {
    fn obey(&mut self, order: Order) -> Result {
        match order {
            Order::Open(open) => match exchange::open(open.request()) {
                Ok(exchange) => {
                    self.opened.push(exchange);
                    say(&json!({ "opened": self.number(exchange) }))
                }
                Err(error) => refused(&error),
            },
            Order::Cancel(number) => match self.opened.get(number) {
                Some(exchange) => exchange::cancel(*exchange),
                None => refused(&Error::NotFound(number.to_string())),
            },
            Order::Timer(ms) => timer::set(1, Duration::from_millis(ms)),
            Order::Lengths => {
                self.lengths = true;
                Ok(())
            }
            Order::CancelAtPiece => {
                self.cancel_at_piece = true;
                Ok(())
            }
            Order::Wait(url) => {
                if let Err(error) = http::Request::get(url).send() {
                    refused(&error)?;
                }
                Blob::new(b"x").map(drop).or_else(|error| refused(&error))
            }
            Order::Panic => panic!("panicked on purpose"),
        }
    }

    /// Among those that were opened, from 0 on.
    fn number(&self, exchange: ExchangeId) -> Option<usize> {
        self.opened.iter().position(|opened| *opened == exchange)
    }
}

impl Open {
    fn request(self) -> Request {
        let mut request = match self.body {
            Some(length) => Request::post(self.url).body(vec![0; length]),
            None => Request::get(self.url),
        };
        request.headers = self.headers;
        request = request
            .redirects(self.redirects)
            .framing(match &*self.framing {
                "lines" => Framing::Lines,
                "events" => Framing::Events,
                _ => Framing::Whole,
            });
        if let Some(ms) = self.head_ms {
            request = request.head_timeout(Duration::from_millis(ms));
        }
        if let Some(ms) = self.idle_ms {
            request = request.idle_timeout(Duration::from_millis(ms));
        }
        request
    }
}

fn refused(error: &Error) -> Result {
    say(&json!({ "refused": error.to_string() }))
}

fn say(what: &Value) -> Result {
    client::message(format!("{what}\n"))
}

hostler_sdk::export!(Streaming);
