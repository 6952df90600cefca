//! The updates and messages that the host itself writes into a session.

use bytes::Bytes;
use hostler_wire::{Id, RawValue, compose, methods};
use serde_json::json;

use crate::SessionError;

/// `{"stopReason":"cancelled"}`, the answer to a cancelled prompt.
pub(crate) const CANCELLED_TURN: &str = r#"{"stopReason":"cancelled"}"#;

/// The outcome of a permission that nobody will answer any more.
pub(crate) const CANCELLED_PERMISSION: &str = r#"{"outcome":{"outcome":"cancelled"}}"#;

pub(crate) fn update(session: &str, update: &str) -> Bytes {
    Bytes::from(compose::session_update(session, update))
}

/// One block of a user's prompt, for those who did not write it.
pub(crate) fn user_chunk(message: &str, block: &RawValue) -> String {
    // A UUID needs no escaping.
    format!(
        r#"{{"sessionUpdate":"user_message_chunk","messageId":"{message}","content":{}}}"#,
        block.get()
    )
}

/// A turn has ended, for those who did not ask for it: their protocol version
/// has no word for it, so it stands in `_meta`.
pub(crate) fn turn_ended(answer: &Result<String, SessionError>) -> String {
    let turn = match answer {
        Ok(result) => json!({ "state": "ended", "stopReason": stop_reason(result) }),
        Err(error) => {
            let fault = error.fault();
            json!({ "state": "ended", "error": { "code": fault.name, "message": fault.message } })
        }
    };
    json!({ "sessionUpdate": "session_info_update", "_meta": { "hostler": { "turn": turn } } })
        .to_string()
}

fn stop_reason(result: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Ended {
        stop_reason: String,
    }
    serde_json::from_str::<Ended>(result)
        .ok()
        .map(|ended| ended.stop_reason)
}

/// The session was closed, for all who view it.
pub(crate) fn session_closed() -> String {
    json!({
        "sessionUpdate": "session_info_update",
        "_meta": { "hostler": { "session": { "state": "closed" } } },
    })
    .to_string()
}

/// A tool call that nobody will finish.
pub(crate) fn tool_failed(id: &str) -> String {
    json!({ "sessionUpdate": "tool_call_update", "toolCallId": id, "status": "failed" }).to_string()
}

/// A tool call that waited for a permission when its turn was cut off.
pub(crate) fn permission_cut_off(id: &str) -> String {
    let text = "The permission request was cancelled: the turn was cut off.";
    json!({
        "sessionUpdate": "tool_call_update",
        "toolCallId": id,
        "status": "failed",
        "content": [{ "type": "content", "content": { "type": "text", "text": text } }],
    })
    .to_string()
}

/// Asks all clients for a permission. `params` has its `sessionId`.
pub(crate) fn ask(id: &Id, params: &str) -> Bytes {
    Bytes::from(compose::request(
        id,
        methods::SESSION_REQUEST_PERMISSION,
        params,
    ))
}

/// Takes a question back.
pub(crate) fn take_back(id: &Id) -> Bytes {
    Bytes::from(compose::cancel_request(id))
}
