//! The routes, and what a refused request gets.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::json;

use crate::serve::Shared;

mod admin;
mod body;
mod guard;
mod upgrade;

/// All routes. The guard stands before everything but `/healthz` and the place
/// where a pairing code is redeemed, so that a caller without a token does not
/// learn which paths exist.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    let guard = middleware::from_fn_with_state(shared.clone(), guard::guard);
    let guard_names = middleware::from_fn_with_state(shared.clone(), guard::guard_names);
    let guarded = Router::new()
        .route("/acp", get(upgrade::acp))
        .route("/v1/tokens", get(admin::list).post(admin::create))
        .route("/v1/tokens/{id}", delete(admin::revoke))
        .route("/v1/pairings", post(admin::offer))
        .route("/v1/audit", get(admin::audit))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(shared.clone())
        .layer(guard);
    let open = Router::new()
        .route("/v1/pair", post(admin::redeem))
        .method_not_allowed_fallback(no_such_method)
        .with_state(shared)
        .layer(guard_names);
    Router::new()
        .route("/healthz", get("ready"))
        .merge(open)
        .fallback_service(guarded)
}

async fn no_such_path() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "UNKNOWN_PATH",
        "there is nothing at this path; ACP is at /acp, tokens and the audit are under /v1",
    )
}

async fn no_such_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "UNKNOWN_METHOD",
        "this path does not take this method; ACP over WebSocket is GET /acp with an upgrade",
    )
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
