//! `GET /acp`: opens a stream.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hostler_auth::{Grant, Identity};
use hostler_replay::Position;
use hostler_wire::Message;
use serde::Deserialize;

use super::{
    Refusal, accept,
    guard::only,
    headers::{self, CONNECTION_ID, SESSION_ID},
};
use crate::{
    serve::Shared,
    stream::{Peer, Reading},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    headers: HeaderMap,
) -> Response {
    let opened = read(&shared, &grant.identity, &headers).await;
    opened.unwrap_or_else(IntoResponse::into_response)
}

async fn read(
    shared: &Shared,
    identity: &Identity,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    accept::takes_events(headers)?;
    let id = headers::connection(headers)?.ok_or_else(headers::no_connection)?;
    let session = headers::session(headers)?;
    let last = only(headers, &LAST_EVENT_ID)?;
    let peer = shared
        .peers
        .get(id, identity)
        .ok_or_else(headers::unknown_connection)?;
    let place = shared.peers.reader().ok_or_else(|| {
        too_many("as many streams of this host are read as may be; close some and try again")
    })?;
    let reading = match (session, last) {
        (Some(session), Some(last)) => attach(&peer, session, last).await?,
        _ => peer.streams().open(session).ok_or_else(|| {
            too_many("this connection has as many streams as it may have; close some")
        })?,
    };
    let mut response = Response::new(Body::from_stream(reading.holding(place)));
    let answer = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        // nginx would wait until it has some pages of it.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        answer.insert(name, header::HeaderValue::from_static(value));
    }
    for name in [CONNECTION_ID, SESSION_ID] {
        if let Some(value) = headers.get(&name) {
            answer.insert(name, value.clone());
        }
    }
    Ok(response)
}

fn too_many(message: &str) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY", message)
}

/// Goes on after the event that was seen last.
async fn attach(peer: &Peer, session: &str, last: &str) -> Result<Reading, Refusal> {
    let position = last.split_once(':').and_then(|(epoch, seq)| {
        Some(Position {
            epoch: epoch.parse().ok()?,
            seq: seq.parse().ok()?,
        })
    });
    let position = position.ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "BAD_HEADER",
            format!("the header last-event-id is {last:?}, and not a position EPOCH:SEQ"),
        )
    })?;
    let attached = peer.attach(session, position).await;
    attached.map_err(|failed| {
        failed.map_or_else(headers::unknown_connection, |answer| refused(&answer))
    })
}

/// What an answer that failed says.
fn refused(answer: &Bytes) -> Refusal {
    #[derive(Deserialize)]
    struct Failure {
        message: String,
    }
    let text = std::str::from_utf8(answer).unwrap_or_default();
    let failure = match Message::parse(text) {
        Ok(Message::Response {
            outcome: Err(error),
            ..
        }) => serde_json::from_str::<Failure>(error.get()).ok(),
        _ => None,
    };
    let why = failure.map_or_else(String::new, |failure| format!(": {}", failure.message));
    Refusal::new(
        StatusCode::CONFLICT,
        "NOT_ATTACHED",
        format!("the stream cannot go on from there{why}; open it without Last-Event-ID"),
    )
}
