//! REST under `/v1`, and what describes it.
//!
//! Each operation stands once, with its route, its types and its handler; the
//! router and `/openapi.json` are both made from that list, so neither has what
//! the other lacks. `doors` needs no token; `devices`, `leases`, `lease` (the one that the header
//! `hostler-lease` names), `events`, `sessions`, `agents`, `plugins`; `tokens` describes
//! what `http/admin.rs` does.

mod agents;
mod caller;
mod devices;
mod doors;
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

/// What every host has behind its guard.
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

/// Routes, by what stands before them.
pub(crate) struct Routes {
    /// Nothing.
    pub(crate) ready: Router<Arc<Shared>>,
    /// The rules of names.
    pub(crate) named: Router<Arc<Shared>>,
    /// Those and a token.
    pub(crate) guarded: Router<Arc<Shared>>,
}

pub(crate) fn routes(shared: &Arc<Shared>) -> Routes {
    let lends = shared.config.devices.is_some();
    let described = openapi::document(&described(lends));
    let described = get(move || {
        let described = described.clone();
        async move { openapi::answer(described) }
    });
    Routes {
        ready: routed([doors::ready()]),
        named: routed([doors::pair()]),
        guarded: routed(guarded(lends)).route("/openapi.json", described),
    }
}

fn guarded(lends: bool) -> Vec<Operation> {
    let mut all = always();
    if lends {
        all.extend(lending());
    }
    all
}

/// All that the document tells of.
fn described(lends: bool) -> Vec<Operation> {
    let mut all = vec![doors::ready(), doors::pair()];
    if lends {
        all.extend(doors::health());
    }
    all.extend(guarded(lends));
    all
}

fn routed(operations: impl IntoIterator<Item = Operation>) -> Router<Arc<Shared>> {
    let routes = operations.into_iter();
    let routes = routes.filter_map(|it| Some((it.path, it.handler?)));
    routes.fold(Router::new(), |router, (path, handler)| {
        router.route(path, handler)
    })
}

#[cfg(test)]
mod tests;
