//! What a client sends and takes.

use axum::http::{HeaderMap, StatusCode, header};

use super::Refusal;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// A body must be JSON.
pub(super) fn sends_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut sent = media_types(headers, header::CONTENT_TYPE);
    if sent.any(|sent| sent.eq_ignore_ascii_case(JSON)) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "NOT_JSON",
        "a message is sent with `Content-Type: application/json`",
    ))
}

/// Answers come as JSON, and on streams. Who does not say what it takes, takes
/// all.
pub(super) fn takes_answers(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut taken = media_types(headers, header::ACCEPT);
    let known = |taken: &str| {
        [JSON, EVENTS, "application/*", "text/*", "*/*"]
            .iter()
            .any(|known| taken.eq_ignore_ascii_case(known))
    };
    if !headers.contains_key(header::ACCEPT) || taken.any(known) {
        return Ok(());
    }
    Err(not_acceptable(
        "answers are `application/json` and `text/event-stream`: allow them in `Accept`",
    ))
}

/// A stream must be asked for by name.
pub(crate) fn takes_events(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut taken = media_types(headers, header::ACCEPT);
    if taken.any(|taken| taken.eq_ignore_ascii_case(EVENTS)) {
        return Ok(());
    }
    Err(not_acceptable(
        "GET opens a stream with `Accept: text/event-stream`, or a WebSocket with \
         `Connection: Upgrade` and `Upgrade: websocket`",
    ))
}

fn not_acceptable(message: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message)
}

/// All media types of a header, without parameters.
fn media_types(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|item| item.split(';').next().unwrap_or_default().trim())
}
