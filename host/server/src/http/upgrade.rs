//! `GET /acp`: from HTTP to a WebSocket.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use hostler_auth::{Grant, WS_PROTOCOL};
use hostler_wire::codes::SHUTTING_DOWN;
use uuid::Uuid;

use super::{Refusal, headers::CONNECTION_ID};
use crate::{clients::NoPlace, close_codes::MAX_MESSAGE, serve::Shared, socket};

/// Each connection has this buffer. The library would take eight times as much,
/// and most of what clients send is short.
const READ_AT_ONCE: usize = 16 * 1024;

pub(super) async fn acp(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    accept(shared, grant, &uri, upgrade).unwrap_or_else(IntoResponse::into_response)
}

fn accept(
    shared: Arc<Shared>,
    grant: Grant,
    uri: &Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|rejection| not_an_upgrade(&rejection))?;
    let harness = harness(&shared, uri)?;
    let place = shared.config.clients.enter().map_err(no_place)?;
    let id = Uuid::new_v4().to_string();
    let header = HeaderValue::try_from(&id).ok();
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ_AT_ONCE)
        .protocols([WS_PROTOCOL])
        .on_failed_upgrade(
            |error| tracing::debug!(%error, "a connection ended while it was upgraded"),
        );
    let mut response = upgrade.on_upgrade(move |socket| async move {
        socket::run(socket, shared, grant, harness, id).await;
        drop(place);
    });
    if let Some(header) = header {
        response.headers_mut().insert(CONNECTION_ID, header);
    }
    Ok(response)
}

/// The harness of this connection's sessions that name none: `?harness=ID`, else
/// the host's default.
pub(super) fn harness(shared: &Shared, uri: &Uri) -> Result<String, Refusal> {
    // Ids of plugins have no character that would be escaped.
    let mut pairs = uri.query().unwrap_or_default().split('&');
    let Some(asked) = pairs.find_map(|pair| pair.strip_prefix("harness=")) else {
        return Ok(shared.config.default_harness.clone());
    };
    let known = shared.config.router.launcher().ids();
    if known.iter().any(|id| id == asked) {
        return Ok(asked.to_owned());
    }
    Err(Refusal::new(
        StatusCode::BAD_REQUEST,
        "UNKNOWN_HARNESS",
        format!(
            "there is no harness {asked:?}; this host has: {}",
            known.join(", ")
        ),
    ))
}

pub(super) fn no_place(why: NoPlace) -> Refusal {
    let (code, message) = match why {
        NoPlace::Full => (
            "TOO_MANY",
            "this host has as many connections as it takes; close one and try again",
        ),
        NoPlace::Closed => (SHUTTING_DOWN.name, "this host is stopping"),
    };
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
}

fn not_an_upgrade(rejection: &WebSocketUpgradeRejection) -> Refusal {
    use WebSocketUpgradeRejection as R;
    match rejection {
        R::InvalidConnectionHeader(_) | R::InvalidUpgradeHeader(_) | R::MethodNotGet(_) => Refusal::new(
            StatusCode::UPGRADE_REQUIRED,
            "UPGRADE_REQUIRED",
            "this is a WebSocket endpoint: send the request with `Connection: Upgrade` and `Upgrade: websocket`",
        )
        .with(header::UPGRADE, "websocket"),
        other => Refusal::new(
            StatusCode::BAD_REQUEST,
            "BAD_UPGRADE",
            format!("the WebSocket handshake is not complete: {other}"),
        ),
    }
}
