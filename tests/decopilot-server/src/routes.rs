//! What each route answers.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    schema,
    server::{AGENT, KEY, ORG, Shared},
    stream,
    thread::Thread,
};

/// What a request says, once it is recorded.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// `POST /api/ORG/tools/NAME`: the body is the tool's input, the answer its output.
pub(crate) async fn tool(
    State(shared): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    asked: Asked,
) -> Response {
    let body = match shared.admit(&asked, &org) {
        Ok(body) => body,
        Err((status, why)) => return error(status, why),
    };
    let thread = |member: &str| shared.thread(body[member].as_str().unwrap_or_default());
    match name.as_str() {
        "COLLECTION_THREADS_CREATE" => {
            if body["data"]["virtual_mcp_id"] != AGENT {
                let agent = &body["data"]["virtual_mcp_id"];
                return error(404, &format!("Virtual MCP not found: {agent}"));
            }
            let thread = Arc::new(Thread::new());
            shared.add(&thread);
            json_body(200, &json!({"item": thread.item()}))
        }
        "COLLECTION_THREADS_GET" => match thread("id") {
            Some(thread) => json_body(200, &json!({"item": thread.item()})),
            None => json_body(200, &json!({"item": null})),
        },
        "COLLECTION_THREAD_MESSAGES_LIST" => match thread("thread_id") {
            Some(thread) => {
                let mut items = thread.state().messages.clone();
                let total = items.len();
                if body["orderBy"][0]["direction"] == "desc" {
                    items.reverse();
                }
                let limit = body["limit"].as_u64().unwrap_or(100);
                items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                json_body(200, &json!({"totalCount": total, "items": items}))
            }
            None => error(404, "Thread not found"),
        },
        _ => error(404, &format!("Tool not found: {name}")),
    }
}

/// `POST /api/ORG/decopilot/threads/ID/messages`
pub(crate) async fn messages(
    State(shared): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    asked: Asked,
) -> Response {
    let body = match shared.admit(&asked, &org) {
        Ok(body) => body,
        Err((status, why)) => return error(status, why),
    };
    let posted = match schema::read(&body, &id) {
        Ok(posted) => posted,
        Err(why) => return error(400, &why),
    };
    let Some(thread) = shared.thread(&id) else {
        return error(404, "Thread not found");
    };
    match thread.take(posted) {
        Ok(()) => json_body(202, &json!({"taskId": id})),
        Err((status, why)) => error(status, &why),
    }
}

/// `GET /api/ORG/decopilot/threads/ID/stream`
pub(crate) async fn stream(
    State(shared): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    asked: Asked,
) -> Response {
    if let Err((status, why)) = shared.admit(&asked, &org) {
        return error(status, why);
    }
    let Some(thread) = shared.thread(&id) else {
        return error(404, "Thread not found");
    };
    match thread.read() {
        Ok(reading) => stream::response(reading, shared.stopped),
        Err(204) => StatusCode::NO_CONTENT.into_response(),
        Err(status) => error(status, "the prompt asked for this error"),
    }
}

/// `POST /api/ORG/decopilot/cancel/ID`
pub(crate) async fn cancel(
    State(shared): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    asked: Asked,
) -> Response {
    if let Err((status, why)) = shared.admit(&asked, &org) {
        return error(status, why);
    }
    let Some(thread) = shared.thread(&id) else {
        return error(404, "Thread not found");
    };
    match thread.stop() {
        true => json_body(200, &json!({"cancelled": true})),
        false => json_body(202, &json!({"cancelled": true, "async": true})),
    }
}

/// `GET /api/ORG/decopilot/allowed-models`
pub(crate) async fn allowed_models(
    State(shared): State<Shared>,
    Path(org): Path<String>,
    asked: Asked,
) -> Response {
    match shared.admit(&asked, &org) {
        Ok(_) => json_body(200, &json!({"allowAll": true, "models": {}})),
        Err((status, why)) => error(status, why),
    }
}

pub(crate) async fn not_found(State(shared): State<Shared>, asked: Asked) -> Response {
    shared.record(&asked);
    error(404, &format!("no route for {} {}", asked.method, asked.uri))
}

impl Shared {
    /// Records a request and checks its key and organization; its body.
    ///
    /// # Errors
    /// The status and why.
    fn admit(&self, asked: &Asked, org: &str) -> Result<Value, (u16, &'static str)> {
        let body = self.record(asked);
        let key = asked
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if key.and_then(|key| key.strip_prefix("Bearer ")) != Some(KEY) {
            return Err((401, "Unauthorized"));
        }
        match org {
            ORG => Ok(body),
            _ => Err((404, "Organization not found")),
        }
    }
}

fn json_body(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [(CONTENT_TYPE, "application/json")];
    (status, headers, body.to_string()).into_response()
}

fn error(status: u16, words: &str) -> Response {
    json_body(status, &json!({"error": words}))
}
