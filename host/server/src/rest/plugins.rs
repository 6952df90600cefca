//! `/v1/plugins`.

use std::{fmt, sync::Arc};

use axum::{Extension, extract::State, http::StatusCode, response::Response, routing::get};
use hostler_auth::{Grant, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, caller};
use crate::{
    http::{Refusal, body::answer},
    serve::Shared,
};

/// Knows the plugins of the host.
pub trait Plugins: Send + Sync + fmt::Debug {
    /// All of them, by id. Must not block.
    fn list(&self) -> Vec<PluginView>;
}

/// A host that does not tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPlugins;

impl Plugins for NoPlugins {
    fn list(&self) -> Vec<PluginView> {
        Vec::new()
    }
}

/// A plugin, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginView {
    /// As in the configuration.
    pub id: String,
    /// `harness`, `device-provider`, `lease-policy`.
    pub kind: String,
    /// `loading`, `ready`, `unusable`; of a harness what its agent is, as in
    /// `/v1/agents`.
    pub state: String,
    /// Of a harness' agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The command that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// SHA-256 of the component in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What the operator lets it do, a line for each.
    #[serde(default)]
    pub grants: Vec<String>,
}

/// The plugins of a host.
#[derive(Debug, Serialize, JsonSchema)]
struct PluginList {
    /// By id.
    plugins: Vec<PluginView>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/v1/plugins",
            "view",
            "Lists the plugins: what they are, how they are, what they may do.",
            get(list),
        )
        .gives::<PluginList>(200),
    ]
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
) -> Result<Response, Refusal> {
    caller::needs(&grant, Scope::View)?;
    let plugins = shared.config.plugins.list();
    answer(StatusCode::OK, &PluginList { plugins })
}
