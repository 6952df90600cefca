//! REST under `/v1`, and what describes it.
//!
//! Each operation stands once, with its route, its types and its handler; the
//! router and `/openapi.json` are both made from that list, so neither has what
//! the other lacks. `devices`, `leases`, `lease` (the one that the header
//! `hostler-lease` names), `events`, `sessions`, `agents`, `plugins`; `tokens` describes
//! what `http/admin.rs` does.

mod agents;
mod caller;
mod devices;
mod events;
mod lease;
mod leases;
mod openapi;
mod operation;
mod plugins;
mod sessions;
mod status;
mod tokens;

use std::sync::Arc;

use axum::{Router, routing::get};

pub use agents::AgentsView;
pub(crate) use operation::Operation;
pub use plugins::{NoPlugins, PluginView, Plugins};

use crate::serve::Shared;

/// What every host has.
fn always() -> Vec<Operation> {
    let mut all = sessions::operations();
    all.extend(agents::operations());
    all.extend(plugins::operations());
    all.extend(tokens::operations());
    all
}

/// What hosts with devices have too.
fn lending() -> Vec<Operation> {
    let mut all = devices::operations();
    all.extend(leases::operations());
    all.extend(lease::operations());
    all.extend(events::operations());
    all
}

/// The routes that need a token.
pub(crate) fn routes(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let mut operations = always();
    if shared.config.devices.is_some() {
        operations.extend(lending());
    }
    let described = openapi::document(&operations);
    let described = get(move || {
        let described = described.clone();
        async move { openapi::answer(described) }
    });
    operations
        .into_iter()
        .fold(Router::new(), |router, operation| {
            router.route(operation.path, operation.handler)
        })
        .route("/openapi.json", described)
}

#[cfg(test)]
mod tests;
