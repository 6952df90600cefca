//! `POST /acp`: a message. `DELETE /acp`: the last.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use hostler_auth::{Grant, Identity};
use hostler_wire::{EnvelopeError, Id, Message, codes, methods};
use http_body_util::LengthLimitError;
use tokio::time::timeout;

use super::{
    Refusal, accept,
    headers::{self, CONNECTION_ID},
    upgrade,
};
use crate::{
    close_codes::MAX_MESSAGE,
    serve::Shared,
    stream::{
        Incoming, NewPeer, Peer,
        routes::{HeaderError, plan},
    },
};

/// How long a body may take: the largest one at 5 Mbit/s. Other messages of the
/// same connection wait for it.
const BODY: Duration = Duration::from_secs(30);

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let taken = take(shared, grant, &uri, &headers, body).await;
    taken.unwrap_or_else(IntoResponse::into_response)
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let (id, peer) = named(&shared, &grant.identity, &headers)?;
    shared.peers.remove(&id);
    // After what was accepted before.
    let _turn = peer.turn().await;
    peer.take(Incoming::End).await;
    Ok(StatusCode::ACCEPTED)
}

async fn take(
    shared: Arc<Shared>,
    grant: Grant,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    accept::sends_json(headers)?;
    accept::takes_answers(headers)?;
    if headers::connection(headers)?.is_none() {
        return first(shared, grant, uri, headers, body).await;
    }
    let (_, peer) = named(&shared, &grant.identity, headers)?;
    let _turn = peer.turn().await.ok_or_else(headers::unknown_connection)?;
    let text = read(headers, body).await?;
    let message = Message::parse(&text).map_err(|error| unreadable(&error))?;
    if matches!(&message, Message::Request { method, .. } if method == methods::INITIALIZE) {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            codes::ALREADY_INITIALIZED.name,
            "this connection is initialized already; for another one leave Acp-Connection-Id out",
        ));
    }
    let plan = plan(&message, headers::session(headers)?).map_err(bad_session)?;
    if peer.take(Incoming::Message { text, plan }).await {
        Ok(StatusCode::ACCEPTED.into_response())
    } else {
        Err(headers::unknown_connection())
    }
}

/// A message of no connection: `initialize`, which makes one.
async fn first(
    shared: Arc<Shared>,
    grant: Grant,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let harness = upgrade::harness(&shared, uri)?;
    let place = shared.config.clients.enter().map_err(upgrade::no_place)?;
    let text = read(headers, body).await?;
    let id = match Message::parse(&text).map_err(|error| unreadable(&error))? {
        Message::Request { id, method, .. } if method == methods::INITIALIZE => id,
        _ => return Err(headers::no_connection()),
    };
    let peer = NewPeer {
        shared,
        grant,
        harness,
        place,
    };
    initialized(peer, id, &text).await.ok_or_else(|| {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            codes::INTERNAL.name,
            "`initialize` was not answered; the log of the host says why",
        )
    })
}

/// A failed answer is an answer, too, but makes no connection.
async fn initialized(peer: NewPeer, id: Id, text: &str) -> Option<Response> {
    let (answer, id) = peer.initialize(id, text).await?;
    let mut response = Body::from(answer).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(id) = id {
        headers.insert(CONNECTION_ID, HeaderValue::try_from(id).ok()?);
    }
    Some(response)
}

/// The connection that a request names.
fn named(
    shared: &Shared,
    identity: &Identity,
    headers: &HeaderMap,
) -> Result<(String, Arc<Peer>), Refusal> {
    let id = headers::connection(headers)?.ok_or_else(headers::no_connection)?;
    let peer = shared.peers.get(id, identity);
    let peer = peer.ok_or_else(headers::unknown_connection)?;
    Ok((id.to_owned(), peer))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<String, Refusal> {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_MESSAGE as u64) {
        return Err(too_large());
    }
    let bytes = timeout(BODY, to_bytes(body, MAX_MESSAGE))
        .await
        .map_err(|_| {
            Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                "TOO_SLOW",
                "the message did not come within 30 seconds; send it again",
            )
        })?
        .map_err(|error| broken(&error))?;
    // A body of one piece is not copied.
    String::from_utf8(bytes.into())
        .map_err(|_| unreadable(&EnvelopeError::NotJson("it is not UTF-8".to_owned())))
}

fn broken(error: &axum::Error) -> Refusal {
    let limit = error
        .source()
        .is_some_and(|source| source.is::<LengthLimitError>());
    if limit {
        return too_large();
    }
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "BROKEN_BODY",
        "the message broke off; send it again",
    )
}

fn too_large() -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "TOO_LARGE",
        "a message may have at most 16 MiB",
    )
}

fn unreadable(error: &EnvelopeError) -> Refusal {
    let status = match error {
        EnvelopeError::Batch => StatusCode::NOT_IMPLEMENTED,
        EnvelopeError::NotJson(_) | EnvelopeError::Invalid { .. } => StatusCode::BAD_REQUEST,
    };
    let fault = error.fault();
    Refusal::new(status, fault.name, fault.message)
}

fn bad_session(error: HeaderError) -> Refusal {
    match error {
        HeaderError::Missing => headers::missing(
            "Acp-Session-Id",
            "it names the session whose stream has the answer",
        ),
        HeaderError::Differs(session) => Refusal::new(
            StatusCode::BAD_REQUEST,
            "BAD_HEADER",
            format!("the header acp-session-id is not the session of the message, {session:?}"),
        ),
    }
}
