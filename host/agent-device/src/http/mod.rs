//! The routes.

mod auth;
mod body;
mod files;
mod rpc;

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde_json::{Value, json};

use crate::{fault::Fault, state::Shared};

/// Where the same routes stand a second time: a base URL may be either.
const PREFIX: &str = "/agent-device";

pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    let own = Router::new()
        .route("/health", get(health))
        .route("/rpc", post(rpc::rpc))
        .route("/upload", post(files::upload))
        .route("/upload/preflight", post(files::preflight))
        .route("/upload/direct/{id}", put(files::direct))
        .route("/upload/finalize", post(files::finalize))
        .route("/artifacts/{id}", get(files::artifact))
        .route(
            "/sessions/{session}/requests/{request}/diagnostics",
            get(files::diagnostics),
        )
        .with_state(shared);
    own.clone().nest(PREFIX, own)
}

/// Asked before every request, with and without a token, so it says nothing but
/// that there is something. A number of the protocol would lock out one or the
/// other version of the client.
async fn health() -> Response {
    answer(StatusCode::OK, &json!({ "ok": true }))
}

/// An answer that nothing on the way may keep: it may have a lease id in it.
fn answer(status: StatusCode, value: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, value.to_string()).into_response()
}

/// A refusal outside JSON-RPC.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        answer(self.status, &self.plain())
    }
}
