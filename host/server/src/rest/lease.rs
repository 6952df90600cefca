//! `/v1/lease`: the lease whose id stands in the header `hostler-lease`. It is
//! a secret, and addresses are kept in logs and histories.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use hostler_auth::{Grant, Scope};
use hostler_device::{
    Devices, Who,
    json::{Command, Granted, Outcome, Picture},
};
use hostler_lease::LeaseId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, caller};
use crate::{
    http::{Refusal, body, only},
    serve::Shared,
};

/// Names the lease.
pub(super) const LEASE_HEADER: HeaderName = HeaderName::from_static("hostler-lease");

/// Physical pixels in one unit of a picture.
const SCALE_HEADER: HeaderName = HeaderName::from_static("hostler-scale");

/// The largest command: a package of an app that is not large. Larger ones are
/// uploaded as the agent-device protocol does.
const MAX_COMMAND: usize = 16 * 1024 * 1024;

/// How long a command may take if nobody says.
const COMMAND: Duration = Duration::from_secs(60);

/// The longest that a command may take here: somebody holds a connection open.
const LONGEST: Duration = Duration::from_secs(600);

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/v1/lease",
            "lease",
            "Shows a lease that is held.",
            get(show),
        )
        .of_lease()
        .gives::<Granted>(200),
        Operation::new(
            "post",
            "/v1/lease/renew",
            "lease",
            "Says that the holder lives: the lease has its full time again. Every command does so \
             too.",
            post(renew),
        )
        .of_lease()
        .gives::<Renewed>(200),
        Operation::new(
            "delete",
            "/v1/lease",
            "lease",
            "Gives the device back, or leaves the queue.",
            delete(release),
        )
        .of_lease()
        .gives::<Released>(200),
        Operation::new(
            "post",
            "/v1/lease/command",
            "lease",
            "Runs a command on the device. Pictures and files are answered as their bytes.",
            post(run),
        )
        .of_lease()
        .query::<Limit>()
        .takes::<Command>()
        .gives::<Outcome>(200)
        .or_bytes(),
    ]
}

/// A lease that has its full time again.
#[derive(Debug, Serialize, JsonSchema)]
struct Renewed {
    /// After how long it ends without another use.
    ends_in_ms: u64,
}

/// A lease that is over.
#[derive(Debug, Serialize, JsonSchema)]
struct Released {
    /// Always true.
    released: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Limit {
    /// How long the command may take, 60000 if it is not said.
    #[schemars(range(min = 1, max = 600_000))]
    limit_ms: Option<u64>,
}

async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let who = caller::who(&grant, Scope::Lease)?;
    let lease = caller::devices(&shared)?.lease(&who, id(&headers)?)?;
    body::answer(StatusCode::OK, &Granted::new(&who.principal, &lease))
}

/// Asked most often of all, by every holder every few seconds.
async fn renew(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let who = caller::who(&grant, Scope::Lease)?;
    let left = caller::devices(&shared)?.renew(&who, id(&headers)?)?;
    let ends_in_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    body::answer(StatusCode::OK, &Renewed { ends_in_ms })
}

async fn release(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let who = caller::who(&grant, Scope::Lease)?;
    let devices = caller::devices(&shared)?;
    devices.release(&who, id(&headers)?).await?;
    body::answer(StatusCode::OK, &Released { released: true })
}

async fn run(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    query: Result<Query<Limit>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let who = caller::who(&grant, Scope::Lease)?;
    let limit = caller::query(query)?.limit_ms;
    let limit = limit.map_or(COMMAND, Duration::from_millis);
    if limit.is_zero() || limit > LONGEST {
        let message = format!("`limit_ms` is between 1 and {}", LONGEST.as_millis());
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "BAD_PARAMS", message));
    }
    let id = id(&headers)?;
    let devices = caller::devices(&shared)?;
    tokio::select! {
        biased;
        _ = grant.ended() => Err(over()),
        answer = act(devices, &who, id, body, limit) => answer,
    }
}

fn over() -> Refusal {
    let message = "the token was revoked or is over while the command was done";
    Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
}

async fn act(
    devices: &Devices,
    who: &Who,
    id: LeaseId,
    body: Body,
    limit: Duration,
) -> Result<Response, Refusal> {
    let mut command: Command = body::read_up_to(body, MAX_COMMAND).await?;
    let found = match command.selector() {
        Some(selector) => Some(devices.aim(who, id, selector, limit).await?),
        None => None,
    };
    if let Some(found) = found {
        command = command.aimed_at(found);
    }
    let answer = devices.run(who, id, command.into_call()?, limit).await?;
    match Outcome::of(answer) {
        Ok(outcome) => body::answer(StatusCode::OK, &outcome),
        Err(picture) => Ok(bytes(picture)),
    }
}

fn id(headers: &HeaderMap) -> Result<LeaseId, Refusal> {
    named(headers)?.ok_or_else(|| {
        let message = format!("the header {LEASE_HEADER} is missing: it has the id of the lease");
        Refusal::new(StatusCode::BAD_REQUEST, "MISSING_HEADER", message)
    })
}

/// The lease, or the ask, that the header names.
pub(super) fn named(headers: &HeaderMap) -> Result<Option<LeaseId>, Refusal> {
    let text = only(headers, &LEASE_HEADER)?;
    let id = text.map(LeaseId::parse).transpose();
    id.map_err(|error| hostler_device::Refusal::from(error).into())
}

fn bytes(picture: Picture) -> Response {
    let octets = HeaderValue::from_static("application/octet-stream");
    let media_type = HeaderValue::from_str(&picture.media_type).unwrap_or(octets);
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // A provider's bytes are never run by a browser.
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    let mut response = (headers, picture.data).into_response();
    let scale = picture
        .scale
        .map(|scale| HeaderValue::from_str(&scale.to_string()));
    if let Some(Ok(scale)) = scale {
        response.headers_mut().insert(SCALE_HEADER, scale);
    }
    response
}
