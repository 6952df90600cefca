//! The headers of ACP over HTTP.

use axum::http::{HeaderMap, HeaderName, StatusCode};

use super::{Refusal, guard::only};

/// Which connection.
pub(super) const CONNECTION_ID: HeaderName = HeaderName::from_static("acp-connection-id");

/// Which session.
pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("acp-session-id");

/// The connection's id, if the client sends one.
pub(super) fn connection(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    only(headers, &CONNECTION_ID)
}

/// The session's id, if the client sends one.
pub(super) fn session(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    only(headers, &SESSION_ID)
}

pub(super) fn missing(name: &str, why: &str) -> Refusal {
    let message = format!("the header {name} is missing: {why}");
    Refusal::new(StatusCode::BAD_REQUEST, "MISSING_HEADER", message)
}

pub(super) fn no_connection() -> Refusal {
    missing(
        "Acp-Connection-Id",
        "only `initialize` comes without it, and its answer says which it is",
    )
}

pub(super) fn unknown_connection() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "UNKNOWN_CONNECTION",
        "this token has no connection of this id, or it has ended: send `initialize` without \
         Acp-Connection-Id, and load the sessions again",
    )
}
