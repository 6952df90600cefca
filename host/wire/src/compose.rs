//! Messages around JSON text that is already there.
//!
//! Arguments named `params`, `result`, `update` and so on are put in byte for
//! byte and **not** read again: each must be one JSON value, such as what
//! [`crate::check_object`] returned or a [`crate::RawValue`] holds. Everything
//! else is escaped here.

use crate::fault::Fault;
use crate::id::Id;
use crate::methods;
use crate::text::write_string;

/// A successful answer.
pub fn response(id: &Id, result: &str) -> String {
    answer(id, "result", result)
}

/// A failed answer.
pub fn error(id: &Id, fault: &Fault) -> String {
    answer(id, "error", &fault.to_json())
}

/// A request.
pub fn request(id: &Id, method: &str, params: &str) -> String {
    call(Some(id), method, params)
}

/// A notification.
pub fn notification(method: &str, params: &str) -> String {
    call(None, method, params)
}

/// `session/update`, the message that there is most of: one allocation and one
/// copy of `update`.
pub fn session_update(session_id: &str, update: &str) -> String {
    let mut out = String::with_capacity(90 + session_id.len() + update.len());
    open(&mut out, None, methods::SESSION_UPDATE);
    out.push_str("{\"sessionId\":");
    write_string(&mut out, session_id);
    out.push_str(",\"update\":");
    out.push_str(update);
    out.push_str("}}");
    out
}

/// [`session_update`] with its place in the session's stream, for clients that
/// asked for positions.
pub fn placed_session_update(session_id: &str, update: &str, epoch: u64, seq: u64) -> String {
    let mut out = String::with_capacity(160 + session_id.len() + update.len());
    open(&mut out, None, methods::SESSION_UPDATE);
    out.push_str("{\"sessionId\":");
    write_string(&mut out, session_id);
    out.push_str(",\"update\":");
    out.push_str(update);
    out.push_str(",\"_meta\":{\"hostler\":{\"epoch\":");
    out.push_str(&epoch.to_string());
    out.push_str(",\"seq\":");
    out.push_str(&seq.to_string());
    out.push_str("}}}}");
    out
}

/// `$/cancel_request`: the request `id`, sent before to the same peer, needs no
/// answer any more.
pub fn cancel_request(id: &Id) -> String {
    notification(
        methods::CANCEL_REQUEST,
        &format!("{{\"requestId\":{}}}", id.as_json()),
    )
}

fn answer(id: &Id, kind: &str, value: &str) -> String {
    let mut out = String::with_capacity(40 + id.as_json().len() + value.len());
    out.push_str("{\"jsonrpc\":\"2.0\",\"id\":");
    out.push_str(id.as_json());
    out.push_str(",\"");
    out.push_str(kind);
    out.push_str("\":");
    out.push_str(value);
    out.push('}');
    out
}

fn call(id: Option<&Id>, method: &str, params: &str) -> String {
    let id_len = id.map_or(0, |id| id.as_json().len());
    let mut out = String::with_capacity(60 + id_len + method.len() + params.len());
    open(&mut out, id, method);
    out.push_str(params);
    out.push('}');
    out
}

/// Everything before the params.
fn open(out: &mut String, id: Option<&Id>, method: &str) {
    out.push_str("{\"jsonrpc\":\"2.0\"");
    if let Some(id) = id {
        out.push_str(",\"id\":");
        out.push_str(id.as_json());
    }
    out.push_str(",\"method\":");
    write_string(out, method);
    out.push_str(",\"params\":");
}
