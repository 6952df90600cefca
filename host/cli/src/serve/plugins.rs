//! Where each plugin goes when it is loaded: its world says it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use hostler_provider::{Policy, Provider};
use hostler_runtime::{Plugin, Runtime};
use hostler_session::Catalogue;

use crate::config::PluginEntry;

/// The plugins that are about devices, by id. Cheap to clone; all clones are the
/// same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct DevicePlugins {
    providers: Kept<dyn Provider>,
    policies: Kept<dyn Policy>,
}

type ById<T> = BTreeMap<String, Arc<T>>;

/// One kind of them. A plugin that is loaded again takes the place of the old
/// one.
#[derive(Debug)]
struct Kept<T: ?Sized>(Arc<Mutex<ById<T>>>);

impl<T: ?Sized> Kept<T> {
    fn put(&self, id: &str, plugin: Arc<T>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(id.to_owned(), plugin);
    }
}

impl<T: ?Sized> Default for Kept<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: ?Sized> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Loads every plugin in the background: the host answers meanwhile, and a
/// plugin that cannot be loaded costs no other.
pub(super) fn load(
    runtime: &Runtime,
    catalogue: &Catalogue,
    devices: &DevicePlugins,
    default_harness: &str,
    entries: Vec<PluginEntry>,
) {
    for entry in entries {
        let (runtime, catalogue) = (runtime.clone(), catalogue.clone());
        let devices = devices.clone();
        let is_default = entry.id() == default_harness;
        tokio::spawn(async move {
            let id = entry.id().to_owned();
            let loaded = match runtime.load(entry.spec).await {
                Ok(loaded) => loaded,
                Err(error) => {
                    tracing::error!(target: "plugin", plugin = %id, "{error}");
                    return catalogue.settle(&id, Err(error));
                }
            };
            tracing::info!(target: "plugin", plugin = %id, kind = %loaded.world(), "loaded");
            if is_default && !matches!(loaded, Plugin::Harness(_)) {
                tracing::warn!(
                    "the default harness {id} is a {}: sessions must name a harness, or set \
                     [session] harness",
                    loaded.world()
                );
            }
            match loaded {
                Plugin::Harness(harness) => return catalogue.settle(&id, Ok(harness)),
                Plugin::Provider(provider) => devices.providers.put(&id, Arc::new(provider)),
                Plugin::Policy(policy) => devices.policies.put(&id, Arc::new(policy)),
            }
            catalogue.is_no_harness(&id);
        });
    }
}
