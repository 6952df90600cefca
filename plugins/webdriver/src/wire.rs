//! Requests to a WebDriver endpoint, and what its refusals mean.

use std::time::Duration;

use hostler_sdk::device::Error;
use hostler_sdk::http::{Request, Response};
use hostler_sdk::{Blob, clock};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// How long a command may take, unless it waits for a page.
pub(crate) const COMMAND: Duration = Duration::from_secs(30);

/// How much of what an endpoint says stands in a message.
const MAX_SAID: usize = 300;

/// The largest refusal that is read.
const MAX_REFUSAL: u32 = 256 << 10;

/// The largest answer that is read into the plugin: pictures are not.
const MAX_VALUE: u64 = 48 << 20;

/// An endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) base: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The session, or the endpoint.
    Lost,
    /// No answer came; whether the session lives is not known.
    Unreached,
    /// The page broke, and its browser opens no other window.
    Crashed,
    /// It may have been done or not; the session lives.
    Interrupted,
    AlertOpen,
    NoAlert,
    NoElement,
    /// The window in use was closed.
    NoWindow,
    TimedOut,
    Unsupported,
    Invalid,
    /// All sessions of the endpoint are in use.
    Busy,
    Cancelled,
    Other,
}

pub(crate) type Result<T = (), E = Fault> = std::result::Result<T, E>;

impl Fault {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let text = fault.text;
        match fault.kind {
            Kind::Lost | Kind::Unreached => Self::Lost(text),
            Kind::AlertOpen => Self::AlertOpen(text),
            Kind::NoAlert | Kind::NoElement => Self::NotFound(text),
            Kind::TimedOut => Self::TimedOut(text),
            Kind::Unsupported => Self::Unsupported(text),
            Kind::Invalid => Self::Invalid(text),
            Kind::Cancelled => Self::Cancelled,
            Kind::NoWindow | Kind::Busy | Kind::Crashed | Kind::Interrupted | Kind::Other => {
                Self::Other(text)
            }
        }
    }
}

/// An error of the host that has nothing to do with the endpoint.
impl From<hostler_sdk::Error> for Fault {
    fn from(error: hostler_sdk::Error) -> Self {
        Self::new(Kind::Other, error.to_string())
    }
}

impl Endpoint {
    /// Sends a command and gives the answer's body, which the host keeps.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<Blob> {
        let mut request = Request::new(method, format!("{}{path}", self.base)).timeout(timeout);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.json(body)?;
        }
        let began = clock::monotonic()?;
        let response = request.send().map_err(|error| {
            let took = clock::monotonic().unwrap_or_default().saturating_sub(began);
            self.unanswered(&error, took >= timeout)
        })?;
        if response.is_success() {
            return Ok(response.body);
        }
        Err(self.refused(&response))
    }

    fn unanswered(&self, error: &hostler_sdk::Error, late: bool) -> Fault {
        use hostler_sdk::Error as Host;
        let base = &self.base;
        // Nothing can be waited for any more once the host has cancelled a call.
        if clock::sleep(Duration::ZERO).is_err() {
            return Fault::new(Kind::Cancelled, "the call was cancelled");
        }
        match error {
            Host::Denied(_) | Host::Invalid(_) => Fault::new(Kind::Other, error.to_string()),
            Host::Limit(_) if late => Fault::new(
                Kind::TimedOut,
                format!("{base} did not answer in time: {error}"),
            ),
            Host::Limit(_) => Fault::new(Kind::TimedOut, format!("{base}: {error}")),
            _ => Fault::new(
                Kind::Unreached,
                format!("the WebDriver endpoint {base} does not answer: {error}"),
            ),
        }
    }

    fn refused(&self, response: &Response) -> Fault {
        let body = match response.body.read(0, MAX_REFUSAL) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => return error.into(),
        };
        let said = serde_json::from_str::<Refusal>(&body).ok();
        match (said, response.status) {
            (Some(Refusal { value }), 429) => Fault::new(
                Kind::Busy,
                format!("{} is busy: {}", self.base, said_of(&value.message)),
            ),
            (Some(Refusal { value }), _) => value.fault(),
            (None, status) => self.not_webdriver(status, &body),
        }
    }

    /// What stands in front of an endpoint answers as it likes.
    fn not_webdriver(&self, status: u16, body: &str) -> Fault {
        let base = &self.base;
        let said = said_of(body);
        let (kind, what) = match status {
            401 | 403 => (
                Kind::Other,
                "refuses the credentials; set `headers` of the target, with {{secret:NAME}} for the secret",
            ),
            404 => (
                Kind::Other,
                "has no such path; `url` of the target must be the base of the WebDriver endpoint",
            ),
            429 => (Kind::Busy, "is busy"),
            502..=504 => (Kind::Unreached, "cannot reach its browser"),
            _ => (Kind::Other, "does not speak WebDriver"),
        };
        Fault::new(kind, format!("{base} {what} (status {status}): {said}"))
    }
}

#[derive(Deserialize)]
struct Refusal {
    value: Said,
}

/// The W3C's shape of an error. WebDriverAgent and chromedriver differ in the name
/// of the trace, which nobody needs.
#[derive(Deserialize)]
struct Said {
    error: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Value,
}

impl Said {
    fn fault(self) -> Fault {
        let text = said_of(&self.message);
        let ends = [
            "disconnected",
            "not connected to DevTools",
            "chrome not reachable",
            "session deleted",
        ];
        let kind = match self.error.as_str() {
            "unexpected alert open" => {
                let alert = self.data.get("text").and_then(Value::as_str);
                return Fault::new(
                    Kind::AlertOpen,
                    alert.map_or_else(|| alert_text(&text), str::to_owned),
                );
            }
            "tab crashed" => Kind::Crashed,
            "invalid session id" | "disconnected" | "chrome not reachable" => {
                return Fault::new(Kind::Lost, format!("the browser session is gone: {text}"));
            }
            "no such alert" => Kind::NoAlert,
            "no such element" | "stale element reference" => Kind::NoElement,
            "no such window" => Kind::NoWindow,
            "timeout" | "script timeout" => Kind::TimedOut,
            "unknown command" | "unknown method" | "unsupported operation" => Kind::Unsupported,
            "invalid argument"
            | "invalid selector"
            | "move target out of bounds"
            | "element not interactable"
            | "invalid element state" => Kind::Invalid,
            _ if ends.iter().any(|end| self.message.contains(end)) => Kind::Lost,
            _ => Kind::Other,
        };
        let text = if text.is_empty() { self.error } else { text };
        Fault::new(kind, text)
    }
}

/// `unexpected alert open: {Alert text : Low battery}`
fn alert_text(message: &str) -> String {
    let inner = message
        .split_once("{Alert text : ")
        .and_then(|(_, rest)| rest.rsplit_once('}'));
    inner.map_or(message, |(text, _)| text).to_owned()
}

/// The first line, not too long.
fn said_of(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    let line = line.unwrap_or("nothing").trim();
    line.chars().take(MAX_SAID).collect()
}

/// A session of an endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pub(crate) endpoint: Endpoint,
    pub(crate) session: String,
}

impl Wire {
    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<Blob> {
        let sent = self.once(method, path, body, timeout);
        sent.map_err(|fault| match fault.kind {
            Kind::Unreached => self.still_there(fault),
            Kind::Crashed => self.fresh_window(&fault),
            _ => fault,
        })
    }

    pub(crate) fn once(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<Blob> {
        let path = format!("/session/{}{path}", self.session);
        self.endpoint.send(method, &path, body, timeout)
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        value(&self.send("GET", path, None, COMMAND)?, "/value")
    }

    /// The answer as the host has it: pictures.
    pub(crate) fn get_blob(&self, path: &str) -> Result<Blob> {
        self.send("GET", path, None, COMMAND)
    }

    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        self.post_for(path, body, COMMAND)
    }

    pub(crate) fn post_for<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        timeout: Duration,
    ) -> Result<T> {
        value(&self.post_blob(path, body, timeout)?, "/value")
    }

    pub(crate) fn post_blob(&self, path: &str, body: &Value, timeout: Duration) -> Result<Blob> {
        self.send("POST", path, Some(body), timeout)
    }

    /// Whether the session answers.
    pub(crate) fn ask(&self, timeout: Duration) -> Result {
        self.send("GET", "/title", None, timeout).map(drop)
    }

    /// Does it and has nothing to tell.
    pub(crate) fn run(&self, path: &str, body: &Value) -> Result {
        self.post::<Value>(path, body).map(drop)
    }

    /// Ends the session; one that is gone has ended.
    pub(crate) fn delete(&self) -> Result {
        match self.send("DELETE", "", None, COMMAND) {
            Ok(_) => Ok(()),
            Err(fault) if fault.kind == Kind::Lost => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// A handle of the newest window becomes the one in use.
    pub(crate) fn switch_to(&self, handle: &str) -> Result {
        self.run("/window", &json!({"handle": handle}))
    }
}

/// What stands in an answer.
pub(crate) fn value<T: DeserializeOwned>(body: &Blob, pointer: &str) -> Result<T> {
    let nonsense = |what: String| {
        Fault::new(
            Kind::Other,
            format!("the endpoint's answer is not WebDriver: {what}"),
        )
    };
    let len = body.len()?;
    if len > MAX_VALUE {
        return Err(nonsense(format!("it has {len} bytes; at most {MAX_VALUE}")));
    }
    match body.json(pointer) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(nonsense(format!("it has no {pointer}"))),
        Err(error) => Err(nonsense(said_of(&error.to_string()))),
    }
}
