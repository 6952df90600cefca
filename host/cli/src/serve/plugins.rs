//! Where each plugin goes when it is loaded: its world says it. And how each is,
//! for whoever asks the host.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_device::Devices;
use hostler_runtime::{Grants, Plugin, Runtime, World};
use hostler_server::{PluginView, Plugins};
use hostler_session::{Agents, Catalogue};

use crate::config::PluginEntry;

/// What plugins are loaded for.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) catalogue: Catalogue,
    pub(super) devices: Devices,
    /// The plugin of sessions that name none.
    pub(super) harness: String,
    /// The plugin of asks for devices that name none.
    pub(super) policy: String,
    pub(super) known: Known,
    /// Those of harnesses.
    pub(super) agents: Agents,
}

/// How each plugin is. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Known {
    views: Arc<Mutex<BTreeMap<String, PluginView>>>,
    agents: Agents,
}

impl Plugins for Known {
    fn list(&self) -> Vec<PluginView> {
        let mut list: Vec<_> = self.all().values().cloned().collect();
        for view in &mut list {
            // A harness that is loaded is as its agent is.
            let loaded = view.kind == World::Harness.to_string();
            if let Some(agent) = self.agents.get(&view.id).filter(|_| loaded) {
                view.state = agent.state;
                view.version = agent.version;
                view.problem = agent.detail.filter(|_| !agent.ready);
                view.fix = agent.fix;
            }
        }
        list
    }
}

impl Known {
    pub(super) fn new(entries: &[PluginEntry], agents: Agents) -> Self {
        let known = Self {
            views: Arc::default(),
            agents,
        };
        for entry in entries {
            let view = PluginView {
                id: entry.id().to_owned(),
                kind: "unknown".to_owned(),
                state: "loading".to_owned(),
                version: None,
                problem: None,
                fix: None,
                digest: None,
                grants: grants(&entry.spec.grants),
            };
            known.all().insert(view.id.clone(), view);
        }
        known
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, PluginView>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, id: &str, how: impl FnOnce(&mut PluginView)) {
        if let Some(view) = self.all().get_mut(id) {
            how(view);
        }
    }
}

/// A line for each.
fn grants(grants: &Grants) -> Vec<String> {
    let programs = grants.process.iter();
    let mut lines: Vec<_> = programs
        .map(|grant| format!("run {}", grant.program))
        .collect();
    let folders = grants.folder.iter();
    lines.extend(folders.map(|grant| format!("read {grant}")));
    for grant in &grants.http {
        let hosts = grant.hosts.iter().map(ToString::to_string);
        lines.push(format!("ask {}", hosts.collect::<Vec<_>>().join(", ")));
    }
    lines
}

/// Loads every plugin in the background: the host answers meanwhile, and a
/// plugin that cannot be loaded costs no other.
pub(super) fn load(runtime: &Runtime, places: &Places, entries: Vec<PluginEntry>) {
    // The default harness is expected to be one; the others may be anything.
    let ids = entries.iter().map(|entry| entry.id().to_owned());
    let others = ids.filter(|id| *id != places.harness);
    places.devices.plugins_loading(others);
    for entry in entries {
        let (runtime, places) = (runtime.clone(), places.clone());
        tokio::spawn(async move {
            let id = entry.id().to_owned();
            match runtime.load(entry.spec).await {
                Ok(loaded) => places.put(&id, loaded),
                Err(error) => {
                    tracing::error!(target: "plugin", plugin = %id, "{error}");
                    places.known.set(&id, |view| {
                        view.state = "unusable".to_owned();
                        view.problem = Some(error.to_string());
                    });
                    if id != places.harness {
                        places.devices.plugin_failed(&id, &error.to_string());
                    }
                    places.agents.unusable(&id, &error.to_string());
                    places.catalogue.settle(&id, Err(error));
                }
            }
        });
    }
}

impl Places {
    fn put(&self, id: &str, loaded: Plugin) {
        tracing::info!(target: "plugin", plugin = %id, kind = %loaded.world(), "loaded");
        self.warn_of_kind(id, &loaded);
        self.known.set(id, |view| {
            view.kind = loaded.world().to_string();
            view.state = "ready".to_owned();
            view.digest = Some(loaded.digest().to_owned());
        });
        match loaded {
            Plugin::Harness(harness) => {
                self.devices.plugin_is_other(id);
                self.agents.begin(id, Arc::new(harness.clone()));
                return self.catalogue.settle(id, Ok(harness));
            }
            Plugin::Provider(provider) => self.devices.set_provider(Arc::new(provider)),
            Plugin::Policy(policy) => self.devices.set_policy(Arc::new(policy)),
        }
        self.agents.remove(id);
        self.catalogue.is_no_harness(id);
    }

    fn warn_of_kind(&self, id: &str, loaded: &Plugin) {
        if id == self.harness && !matches!(loaded, Plugin::Harness(_)) {
            tracing::warn!(
                "the default harness {id} is a {}: sessions must name a harness, or set [session] \
                 harness",
                loaded.world()
            );
        }
        if id == self.policy && !matches!(loaded, Plugin::Policy(_)) {
            tracing::warn!(
                "[devices] policy = {id:?} is a {}: no device is lent until it names a lease policy",
                loaded.world()
            );
        }
    }
}
