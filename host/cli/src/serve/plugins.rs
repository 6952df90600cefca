//! Where each plugin goes when it is loaded: its world says it.

use std::sync::Arc;

use hostler_device::Devices;
use hostler_runtime::{Plugin, Runtime};
use hostler_session::Catalogue;

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
}

/// Loads every plugin in the background: the host answers meanwhile, and a
/// plugin that cannot be loaded costs no other.
pub(super) fn load(runtime: &Runtime, places: &Places, entries: Vec<PluginEntry>) {
    for entry in entries {
        let (runtime, places) = (runtime.clone(), places.clone());
        tokio::spawn(async move {
            let id = entry.id().to_owned();
            match runtime.load(entry.spec).await {
                Ok(loaded) => places.put(&id, loaded),
                Err(error) => {
                    tracing::error!(target: "plugin", plugin = %id, "{error}");
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
        match loaded {
            Plugin::Harness(harness) => return self.catalogue.settle(id, Ok(harness)),
            Plugin::Provider(provider) => self.devices.set_provider(Arc::new(provider)),
            Plugin::Policy(policy) => self.devices.set_policy(Arc::new(policy)),
        }
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
