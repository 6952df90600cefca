//! The routes, and what a refused request gets.

use std::{io, sync::Arc};

use axum::{
    Extension, Router,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use hostler_auth::Grant;
use hostler_device::json::FailureBody;
use serde_json::json;

use crate::{rest, serve::Shared};

mod accept;
pub(crate) mod admin;
pub(crate) mod body;
mod events;
mod guard;
mod headers;
mod messages;
mod serving;
mod upgrade;

pub(crate) use accept::takes_events;
pub(crate) use guard::only;
pub(crate) use serving::serve;

/// All routes. The guard stands before everything but `/healthz` and the place
/// where a pairing code is redeemed, so that a caller without a token does not
/// learn which paths exist.
///
/// # Errors
/// There is no place for files.
pub(crate) fn routes(shared: Arc<Shared>) -> io::Result<Router> {
    let guard = middleware::from_fn_with_state(shared.clone(), guard::guard);
    let guard_names = middleware::from_fn_with_state(shared.clone(), guard::guard_names);
    let rest = rest::routes(&shared);
    let guarded = Router::new()
        .route(
            "/acp",
            get(acp)
                .head(no_head)
                .post(messages::post)
                .delete(messages::delete),
        )
        .merge(rest.guarded)
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(shared.clone())
        .merge(lending(&shared))
        .layer(guard);
    let open = rest
        .named
        .method_not_allowed_fallback(no_such_method)
        .merge(agent_device(&shared)?)
        .with_state(shared.clone())
        .layer(guard_names);
    Ok(rest
        .ready
        .with_state(shared)
        .merge(open)
        .fallback_service(guarded))
}

/// It finds tokens also where only its clients put them, so it stands outside of
/// the guard.
fn agent_device<S: Clone + Send + Sync + 'static>(shared: &Shared) -> io::Result<Router<S>> {
    let config = &shared.config;
    let Some(devices) = config.devices.clone() else {
        return Ok(Router::new());
    };
    let routes = hostler_agent_device::routes(hostler_agent_device::Options {
        devices,
        tokens: config.access.tokens().clone(),
        spool: config.spool.clone(),
        tls: config.tls.is_some(),
    })?;
    Ok(routes.with_state(()))
}

/// What agents use devices by.
fn lending(shared: &Shared) -> Router {
    let devices = shared.config.devices.clone();
    devices.map_or_else(Router::new, |devices| {
        hostler_mcp::router(devices, shared.streams.clone())
    })
}

/// `GET /acp`: a WebSocket, or a stream of events.
async fn acp(
    shared: State<Arc<Shared>>,
    grant: Extension<Grant>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if headers.contains_key(header::UPGRADE) {
        upgrade::acp(shared, grant, uri, upgrade).await
    } else {
        events::open(shared, grant, headers).await
    }
}

async fn no_such_path() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "UNKNOWN_PATH",
        "there is nothing at this path; ACP is at /acp, MCP at /mcp, and /openapi.json describes what is \
         under /v1",
    )
}

/// A stream has no head by itself.
async fn no_head() -> Refusal {
    no_such_method()
        .await
        .with(header::ALLOW, "GET, POST, DELETE")
}

async fn no_such_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "UNKNOWN_METHOD",
        "this path does not take this method; ACP is spoken at /acp with GET, POST and DELETE, and \
         /openapi.json describes what is under /v1",
    )
}

/// A refused request: `{"error":{"code":NAME,"message":TEXT}}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// More for programs, with the same code and message.
    body: Option<Box<FailureBody>>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            body: None,
            header: None,
        }
    }

    /// Of which more is to be told.
    pub(crate) fn with_body(status: StatusCode, code: &'static str, body: FailureBody) -> Self {
        Self {
            body: Some(Box::new(body)),
            ..Self::new(status, code, "")
        }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some(Box::new((name, HeaderValue::from_static(value))));
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = match &self.body {
            Some(body) => json!({ "error": body }),
            None => json!({ "error": { "code": self.code, "message": self.message } }),
        };
        let json = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (self.status, json, body.to_string()).into_response();
        if let Some((name, value)) = self.header.map(|header| *header) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
