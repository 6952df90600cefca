//! `/v1/events`: what happens to devices and leases, as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use futures_util::{Stream, StreamExt as _, future, stream};
use hostler_auth::{Grant, Scope};
use hostler_device::json::Told;

use super::{Operation, caller};
use crate::{
    http::{Refusal, only},
    serve::{Shared, stopped},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How often a silent stream shows that it is there: proxies close what says
/// nothing for a minute, some after half of one.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/v1/events",
            "view",
            "What happens to devices and to the caller's leases, from now on, or with \
             `Last-Event-ID` after that one. The event `reset` says that some were missed.",
            get(follow),
        )
        .streams::<Told>(),
    ]
}

async fn follow(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let who = caller::who(&grant, Scope::View)?;
    let last = only(&headers, &LAST_EVENT_ID)?;
    let last = last.map(|text| {
        text.parse::<u64>().map_err(|_| {
            let shown: String = text.chars().take(40).collect();
            let message =
                format!("the header last-event-id is {shown:?}, and not the id of an event");
            Refusal::new(StatusCode::BAD_REQUEST, "BAD_HEADER", message)
        })
    });
    let place = shared.peers.reader().ok_or_else(|| {
        let message = "as many streams of this host are read as may be; close some and try again";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY", message)
    })?;
    let events = caller::devices(&shared)?.subscribe(&who, last.transpose()?);
    let told = stream::unfold((events, place), |(mut events, place)| async {
        let told = Told::from(events.next().await);
        let (id, name) = match &told {
            Told::Event(event) => (event.position, event.kind.name()),
            Told::Reset { reset } => (*reset, "reset"),
        };
        let data = serde_json::to_string(&told).unwrap_or_default();
        let event = Event::default().id(id.to_string()).event(name).data(data);
        Some((Ok::<_, Infallible>(event), (events, place)))
    });
    let told = until_over(&shared, &grant, told);
    Ok(Sse::new(told).keep_alive(keep_alive()).into_response())
}

/// The stream until the token ends or the host stops.
pub(super) fn until_over<S: Stream>(
    shared: &Shared,
    grant: &Grant,
    stream: S,
) -> impl Stream<Item = S::Item> + use<S> {
    let mut stopping = shared.stopping.subscribe();
    let stopping = async move { stopped(&mut stopping).await };
    let over = future::select(Box::pin(grant.ended()), Box::pin(stopping));
    stream.take_until(over)
}

pub(super) fn keep_alive() -> KeepAlive {
    KeepAlive::new().interval(SILENCE)
}
