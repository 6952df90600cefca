//! From a request whose token is known to the protocol.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::StreamExt as _;
use hostler_auth::{Grant, Scope, TokenId};
use hostler_device::{
    Devices,
    json::{Failure, FailureBody},
};
use rmcp::{
    model::InitializeRequestParams,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService,
        session::{SessionState, SessionStore, SessionStoreError, local::LocalSessionManager},
    },
};

use tokio_util::sync::CancellationToken;

use crate::{hand, server::Server};

/// MCP sessions at a time: an agent has one, and a host lends to a team of some
/// machines with some agents each. Each costs some tasks and channels.
pub const MAX_SESSIONS: usize = 512;

/// The header by which a client says what its session is called, so that it
/// finds its devices whenever and however it connects.
pub const SESSION_HEADER: &str = "hostler-session";

/// The largest message: some times the longest text to type.
const MAX_MESSAGE: usize = 1024 * 1024;

/// How long a session may be silent before it is put away. It goes on with the
/// next message, so this bounds nothing but memory.
const QUIET: Duration = Duration::from_secs(1800);

const SESSION_ID: &str = "mcp-session-id";

/// The length of the ids that the protocol's library makes: UUIDs.
const ID_CHARS: usize = 36;

type Service = StreamableHttpService<Server, LocalSessionManager>;

/// The endpoint `/mcp`. The host mounts it behind its checks: every request that
/// comes here has the [`Grant`] of its token among its extensions, and its names
/// and origin are known to be good. Streams end when `stopping` is cancelled.
pub fn router(devices: Devices, stopping: CancellationToken) -> Router {
    let mut manager = LocalSessionManager::default();
    manager.session_config.keep_alive = Some(QUIET);
    let manager = Arc::new(manager);
    let mut config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_max_request_body_bytes(MAX_MESSAGE);
    config.cancellation_token = stopping;
    config.session_store = Some(Arc::new(AnyOfOurs));
    let server = Server::new(devices.clone());
    let door = Door {
        service: StreamableHttpService::new(move || Ok(server.clone()), manager.clone(), config),
        manager,
        owners: Owners::default(),
        devices,
    };
    Router::new().route("/mcp", any(enter)).with_state(door)
}

#[derive(Clone)]
struct Door {
    service: Service,
    manager: Arc<LocalSessionManager>,
    owners: Owners,
    devices: Devices,
}

async fn enter(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match door.admit(&parts).await {
        Ok(grant) => door.serve(parts, body, grant).await,
        Err(refused) => refused,
    }
}

impl Door {
    async fn admit(&self, request: &Parts) -> Result<Grant, Response> {
        let Some(grant) = request.extensions.get::<Grant>().cloned() else {
            let message = "this request has no token; report this";
            return Err(refuse(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message));
        };
        if !grant.identity.scopes.contains(Scope::Lease) {
            let message = format!(
                "this token lacks the scope `lease` (it has: {}); make one that has it: hostler \
                 token create --scope lease",
                grant.identity.scopes
            );
            return Err(refuse(StatusCode::FORBIDDEN, "FORBIDDEN", message));
        }
        let id = session_id(&request.headers);
        if let Some(id) = id
            && !self.owners.belongs(id, &grant.identity.token)
        {
            let message = "this token has no MCP session of this id; initialize again";
            return Err(refuse(StatusCode::NOT_FOUND, "UNKNOWN_SESSION", message));
        }
        let makes = match id {
            None => request.method == Method::POST,
            Some(id) => !self.is_live(id).await,
        };
        if makes && self.manager.sessions.read().await.len() >= MAX_SESSIONS {
            let message = format!(
                "this host has {MAX_SESSIONS} MCP sessions, which is the most; end one and try again"
            );
            return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY", message));
        }
        Ok(grant)
    }

    async fn is_live(&self, id: &str) -> bool {
        self.manager.sessions.read().await.contains_key(id)
    }

    async fn serve(&self, parts: Parts, body: Body, grant: Grant) -> Response {
        let asked = session_id(&parts.headers).map(str::to_owned);
        let ends = parts.method == Method::DELETE && asked.is_some();
        let hand = ends.then(|| hand::Hand::of(&self.devices, &parts, &grant));
        let request = Request::from_parts(parts, body);
        let (mut parts, body) = self.service.handle(request).await.into_parts();
        if let Some(hand) = hand
            && parts.status.is_success()
        {
            // Whoever says goodbye needs nothing any more.
            if let Ok(hand) = hand {
                hand.release_all().await;
            }
            self.owners.forget(asked.as_deref().unwrap_or_default());
        } else if let Some(id) = asked.as_deref().or(session_id(&parts.headers)) {
            let live = self.manager.sessions.read().await;
            let token = grant.identity.token.clone();
            self.owners.note(id, token, |id| live.contains_key(id));
        }
        let no_store = HeaderValue::from_static("no-store");
        parts.headers.insert(header::CACHE_CONTROL, no_store);
        // A token that ends takes its streams with it.
        let body = Body::new(body).into_data_stream();
        let body = Body::from_stream(body.take_until(Box::pin(grant.ended())));
        Response::from_parts(parts, body)
    }
}

pub(crate) fn session_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(SESSION_ID)?.to_str().ok()
}

fn refuse(status: StatusCode, code: &str, message: impl Into<String>) -> Response {
    let failure = Failure::from(FailureBody::new(code, message));
    let json = [(header::CONTENT_TYPE, "application/json")];
    let body = serde_json::to_string(&failure).unwrap_or_default();
    (status, json, body).into_response()
}

/// Which token made which session.
#[derive(Clone, Default)]
struct Owners(Arc<Mutex<HashMap<String, TokenId>>>);

impl Owners {
    fn belongs(&self, id: &str, token: &TokenId) -> bool {
        let owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(id).is_none_or(|owner| owner == token)
    }

    /// Forgets those that are not live when there are more than can be.
    fn note(&self, id: &str, token: TokenId, live: impl Fn(&str) -> bool) {
        let mut owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= 2 * MAX_SESSIONS {
            owners.retain(|id, _| live(id));
        }
        if live(id) {
            owners.entry(id.to_owned()).or_insert(token);
        }
    }

    fn forget(&self, id: &str) {
        let mut owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owners.remove(id);
    }
}

/// A client that comes with the id of a session that this host has put away, or
/// of an earlier host, goes on with it: nothing of a session but its name is of
/// any use, and that comes with every request.
struct AnyOfOurs;

#[async_trait::async_trait]
impl SessionStore for AnyOfOurs {
    async fn load(&self, id: &str) -> Result<Option<SessionState>, SessionStoreError> {
        let ours = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        let is_ours = id.len() == ID_CHARS && id.bytes().all(ours);
        Ok(is_ours.then(|| SessionState::new(InitializeRequestParams::default())))
    }

    async fn store(&self, _: &str, _: &SessionState) -> Result<(), SessionStoreError> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), SessionStoreError> {
        Ok(())
    }
}
