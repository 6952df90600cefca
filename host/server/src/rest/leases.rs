//! `/v1/leases`: who has what, and asking for a device.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response, Sse, sse::Event},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::stream;
use hostler_auth::{Grant, Scope};
use hostler_device::{
    Granted, Labels, Step, Ticket, Who,
    json::{Failure, FailureBody, Granted as GrantedView, Lease, Leases},
};
use hostler_lease::Label;
use hostler_provider::{Choice, HandOver, Wish};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, caller, events, lease};
use crate::{
    http::{Refusal, body},
    serve::Shared,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/v1/leases",
            "view",
            "Lists the caller's leases and those of its agents' sessions; with `all`, everybody's, \
             which needs `admin`.",
            get(list),
        )
        .query::<Listed>()
        .gives::<Leases>(200),
        Operation::new(
            "post",
            "/v1/leases",
            "lease",
            "Asks for a device. The answer comes when it is there; with `Accept: \
             text/event-stream` the way to it is told by the events `waiting`, `preparing`, \
             `granted` and `failed`. Whoever closes the connection gives up. Whoever lost it \
             with the host comes back with the id that `waiting` told, in the header \
             `hostler-lease`, and has its place; of the body `wait_ms` counts then.",
            post(allocate),
        )
        .or_goes_on()
        .takes::<Ask>()
        .gives::<GrantedView>(201)
        .or_events(),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// Everybody's.
    #[serde(default)]
    all: bool,
}

/// What is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// Keys, hardware ids, aliases or names, or `@POOL` for any of a pool, in the
    /// order of preference. Without any the policy chooses.
    #[serde(default)]
    #[schemars(length(max = 8))]
    devices: Vec<String>,
    /// Only a device of this platform.
    platform: Option<String>,
    /// How long to wait for it; without it, a device that is busy is refused.
    wait_ms: Option<u64>,
    /// How long the lease lives after each use; the policy has the last word.
    ttl_ms: Option<u64>,
    /// To look on beside the holder.
    #[serde(default)]
    reader: bool,
    /// How the device is made ready; the policy has the last word.
    hand_over: Option<Ready>,
    /// The lease policy; the host's usual one if it is not said.
    policy: Option<String>,
    /// The name of the client's session; `default` if it is not said.
    session: Option<String>,
    /// What the client calls itself.
    client: Option<String>,
    /// A label.
    tenant: Option<String>,
    /// A label.
    run: Option<String>,
    /// A label.
    backend: Option<String>,
}

/// How a device is made ready for its holder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Ready {
    /// As it was left.
    Keep,
    /// Without apps that were installed.
    ClearApps,
    /// Erased.
    Erase,
    /// As in the snapshot of that name.
    Snapshot(String),
}

impl Ask {
    fn labels(&self) -> Result<Labels, hostler_device::Refusal> {
        let label = |text: &Option<String>| text.as_deref().map(Label::new).transpose();
        Ok(Labels {
            session: Label::new(self.session.as_deref().unwrap_or("default"))?,
            tenant: label(&self.tenant)?,
            run: label(&self.run)?,
            client: label(&self.client)?,
            backend: label(&self.backend)?,
        })
    }

    fn wish(self) -> Wish {
        let choice = |text: String| match text.strip_prefix('@') {
            Some(pool) => Choice::Pool(pool.to_owned()),
            None => Choice::Device(text),
        };
        Wish {
            choices: self.devices.into_iter().map(choice).collect(),
            platform: self.platform,
            reader: self.reader,
            ttl: self.ttl_ms.map(Duration::from_millis),
            wait: self.wait_ms.map(Duration::from_millis),
            hand_over: self.hand_over.map(|ready| match ready {
                Ready::Keep => HandOver::Keep,
                Ready::ClearApps => HandOver::ClearApps,
                Ready::Erase => HandOver::Erase,
                Ready::Snapshot(name) => HandOver::Snapshot(name),
            }),
        }
    }
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    query: Result<Query<Listed>, QueryRejection>,
) -> Result<Response, Refusal> {
    let who = caller::who(&grant, Scope::View)?;
    let query = caller::query(query)?;
    let leases = caller::devices(&shared)?.leases(&who, query.all)?;
    let leases = leases.iter().map(Lease::from).collect();
    body::answer(StatusCode::OK, &Leases { leases })
}

async fn allocate(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let who = caller::who(&grant, Scope::Lease)?;
    let before = lease::named(&headers)?;
    let ask: Ask = body::read(body).await?;
    let devices = caller::devices(&shared)?;
    let ticket = match before {
        Some(id) => {
            let wait = ask.wait_ms.map(Duration::from_millis);
            devices.rejoin(&who, id, wait)?
        }
        None => {
            let (labels, policy) = (ask.labels()?, ask.policy.clone());
            let asked = devices.allocate(&who, &labels, ask.wish(), policy.as_deref());
            asked.await?
        }
    };
    if caller::wants_events(&headers) {
        return Ok(told(&shared, &grant, who, ticket));
    }
    tokio::select! {
        granted = ticket.granted() => Ok(given(who, granted?)),
        _ = grant.ended() => Err(over()),
    }
}

fn over() -> Refusal {
    let message = "the token was revoked or is over while the device was waited for";
    Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
}

/// The lease is its holder's from when the answer is taken to be sent: until
/// then it is given up with the connection.
fn given(who: Who, granted: Granted) -> Response {
    let body = stream::once(async move {
        let text = lease_json(&who, granted.keep());
        Ok::<_, std::convert::Infallible>(Bytes::from(text))
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::CREATED, headers, Body::from_stream(body)).into_response()
}

fn lease_json(who: &Who, lease: hostler_device::Lease) -> String {
    let view = GrantedView::new(&who.principal, &lease);
    serde_json::to_string(&view).unwrap_or_default()
}

#[derive(Serialize)]
struct Waiting {
    place: usize,
    /// By which to come back.
    id: String,
}

#[derive(Debug, Serialize)]
struct Preparing {
    step: String,
}

/// The way to the device, as events.
fn told(shared: &Arc<Shared>, grant: &Grant, who: Who, ticket: Ticket) -> Response {
    let steps = stream::unfold(Some((ticket, who)), |state| async {
        let (mut ticket, who) = state?;
        let json = |value: &dyn erased::Json| value.text();
        let (event, next) = match ticket.next().await {
            Ok(Step::Waiting { position }) => {
                let id = ticket.id().reveal();
                let waiting = Waiting {
                    place: position,
                    id,
                };
                (("waiting", json(&waiting)), Some((ticket, who)))
            }
            Ok(Step::Progress(step)) => (
                ("preparing", json(&Preparing { step })),
                Some((ticket, who)),
            ),
            Ok(Step::Granted(granted)) => (("granted", lease_json(&who, granted.keep())), None),
            Err(refusal) => {
                let failure = Failure::from(FailureBody::from(&refusal));
                (("failed", json(&failure)), None)
            }
        };
        let (name, data) = event;
        Some((
            Ok::<_, std::convert::Infallible>(Event::default().event(name).data(data)),
            next,
        ))
    });
    let steps = events::until_over(shared, grant, steps);
    Sse::new(steps)
        .keep_alive(events::keep_alive())
        .into_response()
}

mod erased {
    /// What can be written as JSON.
    pub(super) trait Json {
        fn text(&self) -> String;
    }

    impl<T: serde::Serialize> Json for T {
        fn text(&self) -> String {
            serde_json::to_string(self).unwrap_or_default()
        }
    }
}
