//! HTTP for a harness: a request is noted down, and its response comes as
//! [`Event`]s. To which hosts is the operator's grant
//! `[[plugins.ID.grants.http]]`; loopback and private addresses must be granted
//! by themselves.
//!
//! ```text
//! Request ── open ──> HttpHead ──> HttpPiece… ──> HttpEnd
//!                └──────┴───────────┴──> HttpFailed: nothing comes after it
//! ```
//!
//! How the body is cut into pieces is said with the request: [`Framing`]. Also
//! what is not granted comes as [`Event::HttpFailed`], so there is one place
//! where a request fails. Several may be on their way, at most 16; each has its
//! [`ExchangeId`]. They end with the session: no timer has to watch them, for the
//! host ends one whose server is silent.
//!
//! # An agent behind an event stream
//! `oracle` takes a question by `POST` and answers with server-sent events: each
//! is a piece of text, and the end of the response is the end of the turn.
//!
//! ```
//! use hostler_sdk::acp::StopReason;
//! use hostler_sdk::exchange::{self, ExchangeId, Framing, Request};
//! use hostler_sdk::{client, *};
//! use std::time::Duration;
//!
//! const URL: &str = "https://oracle.example/ask";
//!
//! #[derive(Default)]
//! struct Oracle {
//!     turn: Option<(RequestId, ExchangeId)>,
//!     refused: Option<u16>,
//! }
//!
//! impl Harness for Oracle {
//! #   fn describe() -> Description {
//! #       Description {
//! #           title: "Oracle".into(),
//! #           version: "1".into(),
//! #           prompt: PromptCapabilities::default(),
//! #           fork: false,
//! #       }
//! #   }
//! #
//!     fn probe() -> Result<Status> {
//!         // Here, and in `offer`, a request may be waited for.
//!         let answer = http::Request::get("https://oracle.example/health").send()?;
//!         Ok(match answer.is_success() {
//!             true => Status::ready("it answers"),
//!             false => Status::broken(format!("it answers with {}", answer.status)),
//!         })
//!     }
//!
//!     fn open(request: RequestId, _: OpenParams, _: Origin) -> Result<Self> {
//!         client::opened(request, &client::Opened::default())?;
//!         Ok(Self::default())
//!     }
//!
//!     fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
//!         let ask = Request::post(URL)
//!             .header("authorization", "Bearer {{secret:oracle}}")
//!             .json(&prompt.text()?)?
//!             .framing(Framing::Events)
//!             .idle_timeout(Duration::from_secs(30));
//!         self.turn = Some((request, exchange::open(ask)?));
//!         Ok(())
//!     }
//!
//!     fn cancel(&mut self) -> Result {
//!         match self.turn.take() {
//!             Some((request, asked)) => {
//!                 exchange::cancel(asked)?;
//!                 client::end_turn(request, StopReason::Cancelled)
//!             }
//!             None => Ok(()),
//!         }
//!     }
//!
//!     fn on_event(&mut self, event: Event) -> Result {
//!         match event {
//!             Event::HttpHead { status, .. } => {
//!                 self.refused = (!(200..300).contains(&status)).then_some(status);
//!                 Ok(())
//!             }
//!             // The body of another status is one piece, whatever the framing.
//!             Event::HttpPiece { text, .. } => match self.refused {
//!                 None => client::message(text),
//!                 Some(status) => self.fail(format!("the oracle says {status}: {text}")),
//!             },
//!             Event::HttpEnd(_) => match self.turn.take() {
//!                 Some((request, _)) => client::end_turn(request, StopReason::EndTurn),
//!                 None => Ok(()),
//!             },
//!             Event::HttpFailed { error, .. } => self.fail(error.to_string()),
//!             _ => Ok(()),
//!         }
//!     }
//! }
//!
//! impl Oracle {
//!     fn fail(&mut self, message: String) -> Result {
//!         match self.turn.take() {
//!             Some((request, _)) => client::fail(request, Failure::internal(message)),
//!             None => Ok(()),
//!         }
//!     }
//! }
//!
//! hostler_sdk::export!(Oracle);
//!
//! // Its test: what the server would send, and what comes of it.
//! let mut bench = testing::Bench::<Oracle>::new();
//! bench.open();
//! let (asked, request) = bench.prompt("why?").exchange();
//! assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", URL));
//! assert_eq!(request.body, br#""why?""#);
//! bench.http_head(asked, 200, &[("content-type", "text/event-stream")]);
//! assert_eq!(bench.http_piece(asked, "Because.").text(), "Because.");
//! assert!(bench.http_end(asked).answer().is_ok());
//!
//! let (asked, _) = bench.prompt("and why?").exchange();
//! let denied = bench.http_failed(asked, Error::Denied("not yet".into()));
//! assert!(denied.answer().is_err());
//! ```

use std::{cell::RefCell, collections::BTreeSet, fmt, time::Duration};

use serde::Serialize;

use crate::{Event, Result, backend};

/// Until the head is there, unless a request says otherwise.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest silence in a body, unless a request says otherwise: most servers
/// send a comment every 15 to 30 seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A request and its response. Its id is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub(crate) u32);

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exchange {}", self.0)
    }
}

/// How the body of a response whose status is 200 to 299 is cut into
/// [`Event::HttpPiece`]s. Every other one is [`Framing::Whole`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// One piece, all of it, which may be empty. More than 8 MiB fail it.
    #[default]
    Whole,
    /// A piece for each line, without its line end; one over 8 MiB is cut.
    Lines,
    /// A piece for each event of `text/event-stream`: its data. One over 8 MiB
    /// fails it, and so does a name or an id over 1 KiB.
    Events,
}

/// What [`open`] sends. Redirects are not followed unless it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a request does nothing before it is opened"]
pub struct Request {
    /// `GET`, `POST`…
    pub method: String,
    /// `http://` or `https://`.
    pub url: String,
    /// Without `Host`, `Content-Length` and those of the connection.
    pub headers: Vec<(String, String)>,
    /// At most 32 MiB.
    pub body: Vec<u8>,
    /// How the response is cut.
    pub framing: Framing,
    /// Until the head of the response is there; more than ten minutes counts as
    /// that.
    pub head_timeout: Duration,
    /// The longest silence in the body; zero for no end.
    pub idle_timeout: Duration,
    /// Redirects to follow, at most 10; 0 returns the redirect.
    pub redirects: u8,
}

impl Request {
    /// A request without headers and body, whose response comes as one piece:
    /// its head within 30 s, its body without a silence of 60 s.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            framing: Framing::Whole,
            head_timeout: HEAD_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            redirects: 0,
        }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A `DELETE`.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header. `{{secret:NAME}}` in the value stands for a secret that is
    /// granted for this host; the plugin never sees it.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends this body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends `value` as JSON.
    ///
    /// # Errors
    /// `Invalid` when it cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(value)?;
        Ok(self
            .header("content-type", "application/json; charset=utf-8")
            .body(body))
    }

    /// How the response is cut.
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// How long it may take until the head of the response is there.
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }

    /// How long the body may be silent; zero for no end.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How many redirects to follow.
    pub fn redirects(mut self, redirects: u8) -> Self {
        self.redirects = redirects;
        self
    }
}

/// Notes the request down: it is sent when this call of the plugin has returned.
///
/// # Errors
/// `Limit` when 16 are on their way already, or for a body over 32 MiB; `Denied`
/// outside a session. Everything else comes as [`Event::HttpFailed`].
pub fn open(request: Request) -> Result<ExchangeId> {
    backend::exchange_open(request)
}

/// Ends it and closes its connection; no event of it comes any more. One that
/// has ended is no error.
///
/// # Errors
/// None that a plugin could mend.
pub fn cancel(exchange: ExchangeId) -> Result {
    backend::exchange_cancel(exchange)?;
    CANCELLED.with_borrow_mut(|cancelled| cancelled.insert(exchange));
    Ok(())
}

thread_local! {
    /// Those of this batch: what the host had put into it before is left out.
    static CANCELLED: RefCell<BTreeSet<ExchangeId>> = const { RefCell::new(BTreeSet::new()) };
}

/// Before a batch of events.
pub(crate) fn begin_batch() {
    CANCELLED.with_borrow_mut(BTreeSet::clear);
}

/// False: of an exchange that was cancelled since the batch began.
pub(crate) fn is_wanted(event: &Event) -> bool {
    of(event).is_none_or(|exchange| CANCELLED.with_borrow(|known| !known.contains(&exchange)))
}

/// The exchange that the event is of.
pub(crate) fn of(event: &Event) -> Option<ExchangeId> {
    match event {
        Event::HttpHead { exchange, .. }
        | Event::HttpPiece { exchange, .. }
        | Event::HttpEnd(exchange)
        | Event::HttpFailed { exchange, .. } => Some(*exchange),
        _ => None,
    }
}
