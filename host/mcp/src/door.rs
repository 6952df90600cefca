//! From a request whose token is known to the protocol.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::StreamExt as _;
use hostler_auth::{Grant, Scope};
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

use crate::{hand::Hand, looking::Looking, presence::Presence, server::Server, sessions::Sessions};

/// MCP sessions at a time: an agent has one, and a host lends to a team of some
/// machines with some agents each. Each costs some tasks and channels.
pub const MAX_SESSIONS: usize = 512;

/// MCP sessions of one token at a time: one that makes more than its clients can
/// have leaves them to the others.
pub const MAX_SESSIONS_OF_TOKEN: usize = 64;

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
    let looking = Looking::default();
    let server = Server::new(devices.clone(), looking.clone());
    let door = Door {
        service: StreamableHttpService::new(move || Ok(server.clone()), manager.clone(), config),
        manager,
        sessions: Sessions::default(),
        devices,
        looking,
    };
    Router::new().route("/mcp", any(enter)).with_state(door)
}

#[derive(Clone)]
struct Door {
    service: Service,
    manager: Arc<LocalSessionManager>,
    sessions: Sessions,
    devices: Devices,
    looking: Looking,
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
            && !self.sessions.belongs(id, &grant.identity.token)
        {
            let message = "this token has no MCP session of this id; initialize again";
            return Err(refuse(StatusCode::NOT_FOUND, "UNKNOWN_SESSION", message));
        }
        let makes = match id {
            None => request.method == Method::POST,
            Some(id) => !self.is_live(id).await,
        };
        if makes {
            let live = self.manager.sessions.read().await;
            let of_token = self
                .sessions
                .count(&grant.identity.token, |id| live.contains_key(id));
            let (whose, most) = match live.len() >= MAX_SESSIONS {
                true => ("this host", MAX_SESSIONS),
                false if of_token >= MAX_SESSIONS_OF_TOKEN => ("this token", MAX_SESSIONS_OF_TOKEN),
                false => return Ok(grant),
            };
            let message = format!(
                "{whose} has {most} MCP sessions, which is the most; end one and try again"
            );
            return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY", message));
        }
        Ok(grant)
    }

    async fn is_live(&self, id: &str) -> bool {
        self.manager.sessions.read().await.contains_key(id)
    }

    async fn serve(&self, mut parts: Parts, body: Body, grant: Grant) -> Response {
        let asked = session_id(&parts.headers).map(str::to_owned);
        let hand = Hand::of(&self.devices, &self.looking, &parts, &grant).ok();
        let name = hand.as_ref().map(|hand| hand.session().to_owned());
        let ends = parts.method == Method::DELETE;
        let presence = match &asked {
            Some(id) => self.note(id, &grant, name.clone()).await,
            None => Presence::default(),
        };
        let here = presence.enter();
        parts.extensions.insert(presence);
        let request = Request::from_parts(parts, body);
        let (mut parts, body) = self.service.handle(request).await.into_parts();
        match (&asked, session_id(&parts.headers)) {
            (Some(id), _) if ends && parts.status.is_success() => {
                self.goodbye(id, &grant, hand).await;
            }
            (None, Some(id)) => {
                self.note(id, &grant, name).await;
            }
            _ => {}
        }
        let no_store = HeaderValue::from_static("no-store");
        parts.headers.insert(header::CACHE_CONTROL, no_store);
        // A token that ends takes its streams with it.
        let body = Body::new(body).into_data_stream();
        let body = body.take_until(Box::pin(grant.ended()));
        // The client is there as long as it reads.
        let body = body.inspect(move |_| {
            let _ = &here;
        });
        Response::from_parts(parts, Body::from_stream(body))
    }

    async fn note(&self, id: &str, grant: &Grant, hand: Option<String>) -> Presence {
        let live = self.manager.sessions.read().await;
        let live = |id: &str| live.contains_key(id);
        self.sessions.note(id, grant, hand, &self.manager, live)
    }

    /// Whoever says goodbye needs nothing any more, unless it is there by another
    /// session too.
    async fn goodbye(&self, id: &str, grant: &Grant, hand: Option<Hand>) {
        if let Some(hand) = hand {
            let shared = {
                let live = self.manager.sessions.read().await;
                let token = &grant.identity.token;
                self.sessions
                    .shares(id, token, hand.session(), |id| live.contains_key(id))
            };
            if !shared {
                hand.release_all().await;
            }
        }
        self.sessions.forget(id);
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
