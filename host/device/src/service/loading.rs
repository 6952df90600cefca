//! Plugins that are about to come: the host answers before they are loaded, and
//! what they are is known only then.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::{Instant, timeout_at};

use super::{Devices, Inner};
use crate::LOADING_LIMIT;

/// Which plugins may yet become providers or policies.
#[derive(Debug, Default)]
pub(super) struct Loading {
    coming: BTreeSet<String>,
    /// Nobody waits for them longer.
    until: Option<Instant>,
    /// Those that could not be loaded, and why.
    failed: BTreeMap<String, String>,
}

impl Loading {
    /// It has come, or it is none of ours.
    pub(super) fn settle(&mut self, id: &str) {
        self.coming.remove(id);
        self.failed.remove(id);
    }

    pub(super) fn is_coming(&self, id: &str) -> bool {
        self.coming.contains(id)
    }

    pub(super) fn failure(&self, id: &str) -> Option<&str> {
        self.failed.get(id).map(String::as_str)
    }
}

/// Plugins on their way.
impl Devices {
    /// Plugins are being loaded that may be providers or policies. Until each has
    /// settled, and at most [`LOADING_LIMIT`] from now, whoever asks for what is
    /// not there yet waits instead of being refused.
    pub fn plugins_loading(&self, ids: impl IntoIterator<Item = String>) {
        let mut state = self.0.lock();
        state.loading.coming.extend(ids);
        state.loading.until = Some(Instant::now() + LOADING_LIMIT);
    }

    /// Waits until all plugins have settled, at most so long.
    pub async fn loaded(&self) {
        self.0.all_loaded().await;
    }

    /// A plugin has been loaded and is neither a provider nor a policy.
    pub fn plugin_is_other(&self, id: &str) {
        self.0.lock().loading.settle(id);
        self.0.note_settled();
    }

    /// A plugin could not be loaded, so nobody knows what it would have been: it
    /// is named among the providers that have nothing to say, and to whoever
    /// wants it as a policy.
    pub fn plugin_failed(&self, id: &str, why: &str) {
        self.provider_failed(id, why);
        let mut state = self.0.lock();
        state.loading.settle(id);
        state.loading.failed.insert(id.to_owned(), why.to_owned());
        drop(state);
        self.0.note_settled();
    }
}

impl Inner {
    pub(super) fn note_settled(&self) {
        self.settled_plugins.send_modify(|count| *count += 1);
    }

    /// Waits until that plugin has settled.
    pub(super) async fn loaded(&self, id: &str) {
        self.while_loading(|loading| loading.is_coming(id)).await;
    }

    /// Waits until all plugins have settled.
    pub(super) async fn all_loaded(&self) {
        self.while_loading(|loading| !loading.coming.is_empty())
            .await;
    }

    async fn while_loading(&self, still: impl Fn(&Loading) -> bool) {
        let mut settled = self.settled_plugins.subscribe();
        loop {
            settled.borrow_and_update();
            let until = match &self.lock().loading {
                loading if still(loading) => loading.until,
                _ => return,
            };
            let Some(until) = until else { return };
            if !matches!(timeout_at(until, settled.changed()).await, Ok(Ok(()))) {
                return;
            }
        }
    }
}
