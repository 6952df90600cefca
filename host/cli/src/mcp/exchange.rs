//! One message to the host, and what comes back for it.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt as _;
use hostler_wire::RawValue;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
    http::request::Builder,
};
use serde::Deserialize;
use sse_stream::SseStream;
use tokio::time::timeout;

use crate::{
    client::{
        dial::{Target, open},
        http, rest,
        silence::Lively,
    },
    exit::{Exit, Failure},
};

/// Where the host speaks MCP.
const PATH: &str = "/mcp";

const SESSION: &str = "mcp-session-id";
const PROTOCOL: &str = "mcp-protocol-version";
/// What the client's session is called: so a client finds its devices in a new
/// session, after a restart of the host too.
const NAME: &str = "hostler-session";
const LAST_EVENT: &str = "last-event-id";

/// The largest answer that comes in one piece: a screenshot of a large screen,
/// in base64.
const MAX_ANSWER: usize = 80 * 1024 * 1024;

/// The largest answer that says why something was refused.
const MAX_REFUSAL: usize = 64 * 1024;

/// How long a host may take to begin a stream of what it says by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the host and the client agreed on.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) target: Target,
    /// What the client calls it: the same for all that follow each other.
    pub(super) name: Arc<str>,
    /// Of hosts that keep one.
    pub(super) id: Option<Arc<str>>,
    /// The version of the protocol.
    pub(super) protocol: Option<Arc<str>>,
    /// Each that is begun has another.
    pub(super) number: u64,
}

/// What a message came to.
#[derive(Debug)]
pub(super) enum Came {
    /// The host took it; nothing more comes.
    Taken,
    /// The answer.
    Answer(String),
    /// The answer is among these.
    Events(Box<Events>),
}

/// Why nothing came.
#[derive(Debug)]
pub(super) enum Missed {
    /// The host does not know the message: it was not there, or does not know
    /// the session any more. It may be sent again.
    Unsent(Failure),
    /// It may have done what it was asked.
    Lost(Failure),
    /// It says no.
    Refused(Failure),
}

impl Missed {
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::Unsent(failure) | Self::Lost(failure) | Self::Refused(failure) => failure,
        }
    }
}

/// What a message says of itself, for headers.
#[derive(Debug, Default, Deserialize)]
struct About {
    method: Option<String>,
    params: Option<Params>,
}

#[derive(Debug, Default, Deserialize)]
struct Params {
    name: Option<String>,
    #[serde(rename = "_meta")]
    meta: Option<Meta>,
}

#[derive(Debug, Default, Deserialize)]
struct Meta {
    #[serde(rename = "io.modelcontextprotocol/protocolVersion")]
    protocol: Option<String>,
}

impl Session {
    /// Sends a message. The session id that the host gave, if it gave one, comes
    /// with what the message came to.
    pub(super) async fn post(&self, message: String) -> Result<(Came, Option<Arc<str>>), Missed> {
        let about: About = serde_json::from_str(&message).unwrap_or_default();
        let params = about.params.unwrap_or_default();
        let mut request = self
            .request(Method::POST, params.meta.and_then(|meta| meta.protocol))
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json");
        // Versions from 2026-07-28 on want to see what it is without reading it.
        for (name, value) in [("mcp-method", about.method), ("mcp-name", params.name)] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                request = request.header(name, value);
            }
        }
        let answer = self.send(request, message).await?;
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let id = header(SESSION).map(Arc::from);
        let events =
            header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("text/event-stream"));
        let came = if events {
            Came::Events(Box::new(Events::new(answer)))
        } else {
            let body = http::whole(answer.into_body(), MAX_ANSWER).await;
            let body = body.map_err(|error| Missed::Lost(error.into()))?;
            let text = String::from_utf8_lossy(&body);
            if text.trim().is_empty() {
                Came::Taken
            } else {
                Came::Answer(text.into_owned())
            }
        };
        Ok((came, id))
    }

    /// What the host says by itself, or said after the event `last`; none if it
    /// has no such stream.
    pub(super) async fn events(&self, last: Option<&str>) -> Result<Option<Events>, Missed> {
        let mut request = self.request(Method::GET, None);
        request = request.header(ACCEPT, "text/event-stream");
        if let Some(last) = last.and_then(|last| HeaderValue::from_str(last).ok()) {
            request = request.header(LAST_EVENT, last);
        }
        let sent = timeout(PATIENCE, self.send(request, String::new())).await;
        match sent.unwrap_or_else(|_| Err(Missed::Lost(silent(PATIENCE)))) {
            Ok(answer) if answer.status() == StatusCode::OK => Ok(Some(Events::new(answer))),
            Ok(_) | Err(Missed::Refused(_)) => Ok(None),
            Err(missed) => Err(missed),
        }
    }

    /// Says goodbye.
    pub(super) async fn end(&self) -> Result<(), Missed> {
        self.send(self.request(Method::DELETE, None), String::new())
            .await
            .map(drop)
    }

    fn request(&self, method: Method, protocol: Option<String>) -> Builder {
        let target = &self.target;
        let token = Some(target.token.expose());
        let mut request = http::request(&target.url, method, PATH, token).header(NAME, &*self.name);
        if let Some(id) = &self.id {
            request = request.header(SESSION, &**id);
        }
        if let Some(protocol) = protocol.as_deref().or(self.protocol.as_deref()) {
            request = request.header(PROTOCOL, protocol);
        }
        request
    }

    async fn send(&self, request: Builder, body: String) -> Result<Response<Incoming>, Missed> {
        let request: Request<_> = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Missed::Refused(Failure::from(anyhow::Error::from(error))))?;
        let target = &self.target;
        let stream = open(&target.url, target.pin, &target.name).await;
        let stream = stream.map_err(|failure| match failure.exit {
            Exit::NoHost | Exit::Failed => Missed::Unsent(failure),
            _ => Missed::Refused(failure),
        })?;
        let answer = http::send(stream, request).await;
        let answer = answer.map_err(|error| Missed::Lost(error.into()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = http::whole(answer.into_body(), MAX_REFUSAL).await;
        let failure = rest::refusal(status, &body.unwrap_or_default());
        Err(match status {
            // Of a session: it is over. Without one: no such path.
            StatusCode::NOT_FOUND if self.id.is_some() => Missed::Unsent(failure),
            StatusCode::NOT_FOUND => {
                let message = "this host has no tools: it is older than this program";
                Missed::Refused(Failure::new(Exit::Refused, message))
            }
            _ if failure.exit == Exit::NoHost => Missed::Unsent(failure),
            _ => Missed::Refused(failure),
        })
    }
}

/// A stream of events.
pub(super) struct Events {
    stream: SseStream<Lively>,
    /// The id of the last.
    pub(super) last: Option<String>,
}

impl Events {
    fn new(answer: Response<Incoming>) -> Self {
        Self {
            stream: SseStream::new(Lively::new(answer.into_body())),
            last: None,
        }
    }

    /// The next message; none when the stream has ended or broke.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            let event = self.stream.next().await?.ok()?;
            if let Some(id) = event.id.filter(|id| !id.is_empty()) {
                self.last = Some(id);
            }
            match event.data {
                Some(data) if !data.trim().is_empty() => return Some(data),
                _ => {}
            }
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events(after {:?})", self.last)
    }
}

/// Of a host that takes what it is sent and says nothing.
pub(super) fn silent(patience: Duration) -> Failure {
    let message = format!(
        "the host did not answer within {} seconds",
        patience.as_secs()
    );
    Failure::new(Exit::HostLost, message)
}

/// The version of the protocol that an answer to `initialize` names.
pub(super) fn agreed(result: &RawValue) -> Option<Arc<str>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Agreed {
        protocol_version: String,
    }
    let agreed: Agreed = serde_json::from_str(result.get()).ok()?;
    Some(agreed.protocol_version.into())
}
