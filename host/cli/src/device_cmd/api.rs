//! What a host is asked about devices, over its REST interface.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use hostler_device::json::{
    Command, Devices, Failure as Body, FailureBody, Granted, Leases, Outcome, Picture,
};
use hostler_server::PluginView;
use http_body_util::Full;
use hyper::{
    Method, Response,
    body::Incoming,
    header::{ACCEPT, CONTENT_TYPE},
    http::request::Builder,
};
use percent_encoding::NON_ALPHANUMERIC;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sse_stream::SseStream;
use tokio::time::timeout;

use crate::{
    client::{
        dial::{Target, open},
        http, rest,
        silence::Lively,
        text::clean,
    },
    exit::{Exit, Failure},
    plugin_cmd::print,
};

use super::words;

/// Carries the id of a lease: an address would show it in logs.
const LEASE: &str = "hostler-lease";

/// How long an answer may take that needs no device.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the way to a command's answer may take besides the command.
const WAY: Duration = Duration::from_secs(30);

/// The largest answer: a screenshot of a long page, a film.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// The largest answer that says no.
const MAX_REFUSAL: usize = 256 * 1024;

/// The interface of one host.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) target: Target,
}

/// Why something was not done, for people and for programs.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) failure: Failure,
    /// The host's own words, if it said no.
    pub(super) body: Option<FailureBody>,
}

impl Refused {
    /// Whether the host is gone, for now.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.failure.exit, Exit::HostLost | Exit::NoHost)
    }

    /// Whether the lease that was shown is none any more.
    pub(super) fn is_over(&self) -> bool {
        self.failure.exit == Exit::LeaseOver
    }

    /// In the words of who asked, if others have the device.
    pub(super) fn of(mut self, wish: &words::Wish) -> Self {
        if let Some(busy) = self.body.as_ref().and_then(|body| body.busy.as_ref()) {
            self.failure = Failure::new(self.failure.exit, words::busy(busy, wish));
        }
        self
    }

    /// Whether it is an operator's to ask.
    pub(super) fn is_for_operators(&self) -> bool {
        let body = self.body.as_ref();
        body.is_some_and(|body| body.code == "ADMIN_ONLY")
    }

    /// As the command ends with it; programs get the host's words on stdout.
    pub(super) fn told(self, json: bool) -> Failure {
        if json
            && let Some(body) = self.body
            && let Ok(text) = serde_json::to_string(&Body::from(body))
        {
            print(&text);
        }
        self.failure
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        let body = None;
        Self { failure, body }
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        Failure::from(error).into()
    }
}

/// What the host's no means here.
fn refused(body: FailureBody) -> Refused {
    let exit = match body.code.as_str() {
        "DEVICE_LEASE_BUSY" | "QUEUE_FULL" | "WAIT_TIMED_OUT" | "READERS_FULL" => Exit::Busy,
        "LEASE_NOT_FOUND" | "LEASE_EXPIRED" | "LEASE_REVOKED" | "LEASE_NOT_GRANTED"
        | "DEVICE_LOST" => Exit::LeaseOver,
        "HOST_STOPPING" | "SHUTTING_DOWN" => Exit::NoHost,
        "DEVICE_AMBIGUOUS" | "INVALID_ARGS" | "AMBIGUOUS_MATCH" => Exit::Usage,
        _ => Exit::Refused,
    };
    let message = match &body.busy {
        Some(busy) => words::busy(busy, &words::Wish::default()),
        None => format!("{} ({})", clean(&body.message), clean(&body.code)),
    };
    Refused {
        failure: Failure::new(exit, message),
        body: Some(body),
    }
}

/// A device that is asked for.
#[derive(Debug, Serialize)]
pub(super) struct Ask {
    /// Names, or `@POOL`.
    pub(super) devices: Vec<String>,
    pub(super) platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wait_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ttl_ms: Option<u64>,
    /// To look on beside the holder.
    pub(super) reader: bool,
    pub(super) policy: Option<String>,
    pub(super) session: String,
    pub(super) client: &'static str,
}

#[derive(Debug, Deserialize)]
struct Plugins {
    plugins: Vec<PluginView>,
}

#[derive(Deserialize)]
struct Waiting {
    place: usize,
    #[serde(default)]
    id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Preparing {
    step: String,
}

/// What happens while a device is asked for.
pub(super) enum Step {
    /// Its place, from 1, and the id by which to come back to it: a secret.
    Waiting { place: usize, id: Option<String> },
    /// In the provider's words.
    Progress(String),
}

/// What a command brought back.
#[derive(Debug)]
pub(super) enum Ran {
    Outcome(Outcome),
    Picture(Picture),
}

impl Api {
    pub(super) async fn devices(&self, refresh: bool) -> Result<Devices, Refused> {
        let path = if refresh {
            "/v1/devices?refresh=true"
        } else {
            "/v1/devices"
        };
        self.json(Method::GET, path, None, None::<&()>).await
    }

    pub(super) async fn leases(&self, all: bool) -> Result<Leases, Refused> {
        let path = if all {
            "/v1/leases?all=true"
        } else {
            "/v1/leases"
        };
        self.json(Method::GET, path, None, None::<&()>).await
    }

    pub(super) async fn plugins(&self) -> Result<Vec<PluginView>, Refused> {
        let listed: Plugins = self
            .json(Method::GET, "/v1/plugins", None, None::<&()>)
            .await?;
        Ok(listed.plugins)
    }

    /// Ends the lease of a device, whoever holds it.
    pub(super) async fn force(&self, key: &str) -> Result<(), Refused> {
        let path = format!("/v1/devices/{}/release", segment(key));
        self.nothing(Method::POST, &path, None).await
    }

    pub(super) async fn renew(&self, lease: &str) -> Result<(), Refused> {
        self.nothing(Method::POST, "/v1/lease/renew", Some(lease))
            .await
    }

    pub(super) async fn release(&self, lease: &str) -> Result<(), Refused> {
        self.nothing(Method::DELETE, "/v1/lease", Some(lease)).await
    }

    /// Asks for a device, or goes on with the ask of the id `before`; `step` hears
    /// what happens until it is there. Whoever drops this gives up.
    pub(super) async fn allocate(
        &self,
        ask: &Ask,
        before: Option<&str>,
        mut step: impl FnMut(Step),
    ) -> Result<Granted, Refused> {
        let request = self.request(Method::POST, "/v1/leases", before);
        let request = request.header(ACCEPT, "text/event-stream");
        let answer = self.send(request, Some(ask), PATIENCE).await?;
        // A host that waits with us says so again and again.
        let mut events = SseStream::new(Lively::new(answer.into_body()));
        while let Ok(Some(event)) = events.try_next().await {
            let data = event.data.unwrap_or_default();
            match event.event.as_deref() {
                Some("waiting") => {
                    let Waiting { place, id } = read(data.as_bytes())?;
                    step(Step::Waiting { place, id });
                }
                Some("preparing") => {
                    let Preparing { step: text } = read(data.as_bytes())?;
                    step(Step::Progress(text));
                }
                Some("granted") => return read(data.as_bytes()),
                Some("failed") => return Err(refused(read::<Body>(data.as_bytes())?.error)),
                _ => {}
            }
        }
        let message = format!(
            "{} was lost before the device was there; ask again",
            self.target.name
        );
        Err(Failure::new(Exit::HostLost, message).into())
    }

    pub(super) async fn run(
        &self,
        lease: &str,
        command: &Command,
        limit: Duration,
    ) -> Result<Ran, Refused> {
        let path = format!("/v1/lease/command?limit_ms={}", limit.as_millis());
        let answer = self
            .send(
                self.request(Method::POST, &path, Some(lease)),
                Some(command),
                limit + WAY,
            )
            .await?;
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let media_type = header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let scale = header("hostler-scale").and_then(|scale| scale.parse().ok());
        let body = http::whole(answer.into_body(), MAX_ANSWER).await?;
        if media_type.starts_with("application/json") {
            return Ok(Ran::Outcome(read(&body)?));
        }
        Ok(Ran::Picture(Picture {
            data: body,
            media_type,
            scale,
        }))
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        lease: Option<&str>,
        body: Option<&impl Serialize>,
    ) -> Result<T, Refused> {
        let request = self.request(method, path, lease);
        let answer = self.send(request, body, PATIENCE).await?;
        read(&http::whole(answer.into_body(), MAX_ANSWER).await?)
    }

    async fn nothing(
        &self,
        method: Method,
        path: &str,
        lease: Option<&str>,
    ) -> Result<(), Refused> {
        let request = self.request(method, path, lease);
        self.send(request, None::<&()>, PATIENCE).await.map(drop)
    }

    fn request(&self, method: Method, path: &str, lease: Option<&str>) -> Builder {
        let token = Some(self.target.token.expose());
        let request = http::request(&self.target.url, method, path, token);
        match lease {
            Some(lease) => request.header(LEASE, lease),
            None => request,
        }
    }

    /// Sends a request; the answer is one that says yes.
    async fn send(
        &self,
        mut request: Builder,
        body: Option<&impl Serialize>,
        patience: Duration,
    ) -> Result<Response<Incoming>, Refused> {
        let target = &self.target;
        let stream = open(&target.url, target.pin, &target.name).await?;
        let body = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                serde_json::to_vec(body).context("a request as JSON")?
            }
            None => Vec::new(),
        };
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.context("the request cannot be made")?;
        let lost = |why: String| {
            let message = format!("{} did not answer: {why}", target.name);
            Refused::from(Failure::new(Exit::HostLost, message))
        };
        let answer = match timeout(patience, http::send(stream, request)).await {
            Ok(answer) => answer.map_err(|error| lost(format!("{error:#}")))?,
            Err(_) => return Err(lost(format!("not within {} seconds", patience.as_secs()))),
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = http::whole(answer.into_body(), MAX_REFUSAL).await?;
        Err(match serde_json::from_slice::<Body>(&body) {
            Ok(body) => refused(body.error),
            Err(_) => rest::refusal(status, &body).into(),
        })
    }
}

/// As a part of an address.
fn segment(key: &str) -> String {
    percent_encoding::utf8_percent_encode(key, NON_ALPHANUMERIC).to_string()
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|_| super::host::odd().into())
}
