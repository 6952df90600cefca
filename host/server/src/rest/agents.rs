//! `/v1/agents`: what sessions can be had with.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
    routing::get,
};
use hostler_auth::{Grant, Scope};
use hostler_session::Agent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, caller, sessions};
use crate::{
    http::{Refusal, body::answer},
    serve::Shared,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/v1/agents",
            "view",
            "Lists the agents that sessions can be had with: whether each is ready or what mends \
             it, its tiers and modes. With `refresh` each is looked for again first.",
            get(list),
        )
        .query::<Listed>()
        .gives::<AgentsView>(200),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// Look now, and wait for what is found.
    #[serde(default)]
    refresh: bool,
}

/// The agents of a host.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AgentsView {
    /// By id.
    pub agents: Vec<Agent>,
    /// The one of sessions that name none.
    pub default: String,
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    query: Result<Query<Listed>, QueryRejection>,
) -> Result<Response, Refusal> {
    sessions::needs_scope(&grant, Scope::View)?;
    let listed = caller::query(query)?;
    let agents = &shared.config.agents;
    let list = if listed.refresh {
        agents.refresh().await
    } else {
        agents.shown()
    };
    let view = AgentsView {
        agents: list.agents.clone(),
        default: shared.config.default_harness.clone(),
    };
    answer(StatusCode::OK, &view)
}
