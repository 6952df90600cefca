//! The routes, and what a refused request gets.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use hostler_auth::Identity;
use serde_json::json;

use crate::serve::Shared;

mod accept;
mod events;
mod guard;
mod headers;
mod messages;
mod serving;
mod upgrade;

pub(crate) use serving::serve;

/// All routes. The guard stands before everything but `/healthz`, so that a
/// caller without a token does not learn which paths exist.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    let guard = middleware::from_fn_with_state(shared.clone(), guard::guard);
    let guarded = Router::new()
        .route(
            "/acp",
            get(acp)
                .head(no_such_method)
                .post(messages::post)
                .delete(messages::delete),
        )
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(shared)
        .layer(guard);
    Router::new()
        .route("/healthz", get("ready"))
        .fallback_service(guarded)
}

/// `GET /acp`: a WebSocket, or a stream of events.
async fn acp(
    shared: State<Arc<Shared>>,
    identity: Extension<Identity>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if headers.contains_key(header::UPGRADE) {
        upgrade::acp(shared, identity, uri, upgrade).await
    } else {
        events::open(shared, identity, headers).await
    }
}

async fn no_such_path() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "UNKNOWN_PATH",
        "there is nothing at this path; ACP is at /acp",
    )
}

async fn no_such_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "UNKNOWN_METHOD",
        "ACP is spoken here with GET, POST and DELETE",
    )
    .with(header::ALLOW, "GET, POST, DELETE")
}

/// A refused request: `{"error":{"code":NAME,"message":TEXT}}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            header: None,
        }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let json = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (self.status, json, body.to_string()).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
