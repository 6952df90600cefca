//! `/v1/sessions`: which there are, and ending one. What is said in them goes
//! over ACP.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{delete, get},
};
use hostler_auth::{Grant, Scope};
use hostler_session::{SessionError, SessionSummary};
use hostler_wire::{Fault, codes};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::Operation;
use crate::{
    http::{Refusal, body::answer},
    serve::Shared,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/v1/sessions",
            "view",
            "Lists the sessions that the caller may see, the latest first.",
            get(list),
        )
        .gives::<SessionList>(200),
        Operation::new(
            "get",
            "/v1/sessions/{id}",
            "view",
            "Shows one session.",
            get(show),
        )
        .gives::<SessionView>(200),
        Operation::new(
            "delete",
            "/v1/sessions/{id}",
            "drive",
            "Ends a session and removes all of it. Only its owner may.",
            delete(remove),
        )
        .gives::<Removed>(200),
    ]
}

/// The sessions of a host.
#[derive(Debug, Serialize, JsonSchema)]
struct SessionList {
    /// The latest first.
    sessions: Vec<SessionView>,
}

/// A session, without what was said in it.
#[derive(Debug, Serialize, JsonSchema)]
struct SessionView {
    /// A UUID.
    id: String,
    /// The id of the harness' plugin.
    harness: String,
    /// Its root.
    cwd: String,
    /// Its further folders.
    additional_directories: Vec<String>,
    /// What the harness calls it, or the first line of its first prompt.
    title: Option<String>,
    /// When something last happened in it, in RFC 3339.
    updated: Option<String>,
    /// Whether a turn is running.
    busy: bool,
    /// Whether it is in memory.
    live: bool,
    /// Whose it is.
    owner: String,
    /// What the caller may do: `view`, `drive`, `owner`.
    access: String,
    /// Connections that view it.
    viewers: usize,
    /// With whom it is shared.
    shares: Vec<Share>,
}

/// With whom a session is shared.
#[derive(Debug, Serialize, JsonSchema)]
struct Share {
    /// A principal.
    to: String,
    /// `view` or `drive`.
    scope: String,
}

/// A session that is no more.
#[derive(Debug, Serialize, JsonSchema)]
struct Removed {
    /// Which it was.
    id: String,
}

impl From<SessionSummary> for SessionView {
    fn from(session: SessionSummary) -> Self {
        let updated = Timestamp::try_from(session.updated).ok();
        let shares = session.shares.iter().map(|(to, scope)| Share {
            to: to.to_string(),
            scope: scope.name().to_owned(),
        });
        let folders = session.additional_directories.iter();
        Self {
            shares: shares.collect(),
            additional_directories: folders.map(|path| path.display().to_string()).collect(),
            id: session.id,
            harness: session.harness,
            cwd: session.cwd.display().to_string(),
            title: session.title,
            updated: updated.map(|time| format!("{time:.3}")),
            busy: session.busy,
            live: session.live,
            owner: session.owner.to_string(),
            access: session.access.name().to_owned(),
            viewers: session.viewers,
        }
    }
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
) -> Result<Response, Refusal> {
    let sessions = sessions(&shared, &grant).await?;
    let sessions = sessions.into_iter().map(SessionView::from).collect();
    answer(StatusCode::OK, &SessionList { sessions })
}

async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let sessions = sessions(&shared, &grant).await?;
    let found = sessions.into_iter().find(|session| session.id == id);
    let found = found.ok_or_else(|| refused(&SessionError::UnknownSession(id)))?;
    answer(StatusCode::OK, &SessionView::from(found))
}

async fn sessions(shared: &Arc<Shared>, grant: &Grant) -> Result<Vec<SessionSummary>, Refusal> {
    needs_scope(grant, Scope::View)?;
    let (router, who) = (shared.config.router.clone(), grant.identity.clone());
    let listed = spawn_blocking(move || router.list(&who, None)).await;
    let listed = listed.map_err(|error| {
        tracing::error!(%error, "a request broke");
        let message = "this request broke; the host's log has more";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    })?;
    listed.map_err(|error| refused(&error))
}

async fn remove(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    needs_scope(&grant, Scope::Drive)?;
    let router = &shared.config.router;
    let removed = router.delete(&grant.identity, &id).await;
    removed.map_err(|error| refused(&error))?;
    answer(StatusCode::OK, &Removed { id })
}

/// Sessions are not for those who only lease devices: an agent's own token
/// neither sees nor drives any.
pub(super) fn needs_scope(grant: &Grant, scope: Scope) -> Result<(), Refusal> {
    let scopes = grant.identity.scopes;
    if scopes.contains(scope) || scopes.contains(Scope::Admin) {
        return Ok(());
    }
    let message = format!("this token lacks the scope `{scope}` (it has: {scopes})");
    Err(Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", message))
}

fn refused(error: &SessionError) -> Refusal {
    let Fault { name, message, .. } = error.fault();
    let status = match name {
        name if name == codes::UNKNOWN_SESSION.name => StatusCode::NOT_FOUND,
        name if name == codes::FORBIDDEN.name => StatusCode::FORBIDDEN,
        name if name == codes::INTERNAL.name => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::CONFLICT,
    };
    Refusal::new(status, name, message)
}
