//! Asking the providers what there is: all at once, each on its own.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use hostler_lease::{DeviceKey, Effects, Label};
use hostler_provider::{DeviceInfo, Provider, ProviderError};
use tokio::time::{Instant, timeout};

use super::{Devices, Inner, State};
use crate::{Refusal, What, catalog::Source};

/// How soon a provider is asked again by those who want to know at once: so that
/// a loop of them does not keep it busy.
const PAUSE: Duration = Duration::from_secs(1);

/// Providers.
impl Devices {
    /// A provider is there, new or in place of an older one. Sessions that are
    /// open stay with the older one.
    pub fn set_provider(&self, provider: Arc<dyn Provider>) {
        let mut state = self.0.lock();
        let id = provider.id().to_owned();
        let source = state.catalog.renew(&id);
        source.provider = Some(provider);
        source.error = None;
        // Asked first: whoever waited for it finds it being listed.
        self.0.ask(&mut state, &id);
        state.loading.settle(&id);
        drop(state);
        self.0.note_settled();
    }

    /// A provider is being loaded. What an older one listed stays meanwhile.
    pub fn provider_loading(&self, id: &str) {
        self.unavailable(id, ProviderError::Loading);
    }

    /// A provider could not be loaded. What an older one listed stays.
    pub fn provider_failed(&self, id: &str, why: &str) {
        self.unavailable(id, ProviderError::Broken(why.to_owned()));
    }

    fn unavailable(&self, id: &str, error: ProviderError) {
        let mut state = self.0.lock();
        let source = state.catalog.renew(id);
        if source.provider.is_none() || !matches!(error, ProviderError::Loading) {
            source.error = Some(error);
            source.provider = None;
        }
        self.0.tell(&mut state, None, What::DevicesChanged);
    }

    /// A provider is gone, and its devices with it, unless another has them.
    pub fn remove_provider(&self, id: &str) {
        self.0.drive(|state, now, out| {
            let before = state.catalog.of(id);
            let (Some(source), Ok(name)) = (state.catalog.remove(id), Label::new(id)) else {
                return;
            };
            if let Some(provider) = &source.provider {
                self.0.note_gone(state, before, provider);
            }
            // Nothing was listed, so nothing is wrong with it.
            let _ = state.registry.discover(&name, Vec::new(), now, out);
            self.0.tell(state, None, What::DevicesChanged);
        });
    }
}

/// Whom a discovery asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Those whose answer is too old.
    Stale,
    /// All, but for a short pause.
    All,
}

impl Inner {
    /// Asks the providers and waits for their answers, not for those that failed
    /// the last time: their devices come when they come. Providers that are being
    /// loaded are waited for first.
    pub(super) async fn discover(self: &Arc<Self>, ask: Ask) {
        self.all_loaded().await;
        let mut listings = self.listings.subscribe();
        let awaited: Vec<(String, u64)> = {
            let mut state = self.lock();
            let ids: Vec<String> = state.catalog.sources.keys().cloned().collect();
            for id in &ids {
                if state
                    .catalog
                    .sources
                    .get(id)
                    .is_some_and(|source| self.is_due(source, ask))
                {
                    self.ask(&mut state, id);
                }
            }
            let running = state.catalog.sources.iter();
            running
                .filter(|(_, source)| source.running && source.error.is_none())
                .map(|(id, source)| (id.clone(), source.generation))
                .collect()
        };
        loop {
            listings.borrow_and_update();
            if !self.lock().are_asked(&awaited) || listings.changed().await.is_err() {
                return;
            }
        }
    }

    fn is_due(&self, source: &Source, ask: Ask) -> bool {
        let age = match ask {
            Ask::Stale => self.config.list_ttl,
            Ask::All => PAUSE.min(self.config.list_ttl),
        };
        !source.running && source.asked.is_none_or(|asked| asked.elapsed() >= age)
    }

    /// Begins to ask one provider, if it is there.
    fn ask(self: &Arc<Self>, state: &mut State, id: &str) {
        let Some(source) = state.catalog.sources.get_mut(id) else {
            return;
        };
        let Some(provider) = source.provider.clone() else {
            return;
        };
        source.running = true;
        source.asked = Some(Instant::now());
        let (id, generation, limit) = (id.to_owned(), source.generation, self.config.list_limit);
        let inner = Arc::downgrade(self);
        self.runtime.spawn(async move {
            let listed = AssertUnwindSafe(timeout(limit, provider.list())).catch_unwind();
            let listed = match listed.await {
                Ok(Ok(listed)) => listed,
                Ok(Err(_)) => {
                    let why = format!("it did not list its devices within {}s", limit.as_secs());
                    Err(ProviderError::Broken(why))
                }
                Err(_) => Err(ProviderError::Broken("it panicked".to_owned())),
            };
            if let Some(inner) = inner.upgrade() {
                inner.listed(&id, generation, &provider, listed);
                inner.listings.send_modify(|count| *count += 1);
            }
        });
    }

    fn listed(
        self: &Arc<Self>,
        id: &str,
        generation: u64,
        provider: &Arc<dyn Provider>,
        listed: Result<Vec<DeviceInfo>, ProviderError>,
    ) {
        let mut state = self.lock();
        let state = &mut *state;
        let source = state.catalog.sources.get_mut(id);
        let Some(source) = source.filter(|source| source.generation == generation) else {
            // Another took its place meanwhile.
            return;
        };
        source.running = false;
        let before = source.error.take();
        let mut changed = false;
        match listed {
            Err(error) => {
                if before.as_ref() != Some(&error) {
                    tracing::warn!(provider = id, "devices could not be listed: {error}");
                    changed = true;
                }
                source.error = Some(error);
            }
            Ok(infos) => {
                source.listed = Some(Instant::now());
                changed |= before.is_some();
                changed |= self.take_in(state, id, provider, infos);
            }
        }
        if changed {
            self.tell(state, None, What::DevicesChanged);
        }
    }

    fn take_in(
        self: &Arc<Self>,
        state: &mut State,
        id: &str,
        provider: &Arc<dyn Provider>,
        infos: Vec<DeviceInfo>,
    ) -> bool {
        let Ok(name) = Label::new(id) else {
            return false;
        };
        let before = state.catalog.of(id);
        let (sightings, changed) = state.catalog.listed(id, infos, &self.config);
        self.note_gone(state, before, provider);
        let mut out = Effects::default();
        let wrong = state
            .registry
            .discover(&name, sightings, self.now(), &mut out);
        for error in wrong {
            tracing::warn!(provider = id, "a device is left out: {error}");
        }
        self.settle(state, out, None);
        changed
    }

    /// The programs of devices that were there before and are gone end with them:
    /// after their sessions, if they are in use.
    fn note_gone(
        &self,
        state: &mut State,
        before: Vec<(DeviceKey, String)>,
        provider: &Arc<dyn Provider>,
    ) {
        for (key, hardware_id) in before {
            if state.catalog.seen(&key).is_some() {
                continue;
            }
            let provider = Arc::clone(provider);
            if let Some(holding) = state.holdings.get_mut(&key) {
                holding.gone = Some((provider, hardware_id));
            } else {
                let end = async move { provider.end_services(&hardware_id).await };
                self.tasks.spawn_on(end, &self.runtime);
            }
        }
    }

    /// Who opens a device, and under which hardware id.
    pub(super) async fn provider_of(
        self: &Arc<Self>,
        key: &DeviceKey,
    ) -> Result<(Arc<dyn Provider>, String), Refusal> {
        if let Ok(found) = self.lock().provider_of(key) {
            return Ok(found);
        }
        // After a restart nothing has been listed yet.
        self.discover(Ask::All).await;
        self.lock().provider_of(key)
    }
}

impl State {
    fn are_asked(&self, awaited: &[(String, u64)]) -> bool {
        awaited.iter().any(|(id, generation)| {
            let source = self.catalog.sources.get(id);
            source.is_some_and(|it| it.running && it.generation == *generation)
        })
    }

    fn provider_of(&self, key: &DeviceKey) -> Result<(Arc<dyn Provider>, String), Refusal> {
        let seen = self.catalog.seen(key);
        let ways = seen.into_iter().flat_map(|seen| seen.providers());
        let sources = &self.catalog.sources;
        let mut found = ways.filter_map(|(id, hardware_id)| {
            let source = sources.get(id)?;
            let provider = Arc::clone(source.provider.as_ref()?);
            Some((source.error.is_some(), provider, hardware_id.to_owned()))
        });
        let first = found.next();
        let best = match first {
            // It failed to list; another way may be better.
            Some((true, ..)) => found.find(|(failed, ..)| !failed).or(first),
            first => first,
        };
        best.map(|(_, provider, hardware_id)| (provider, hardware_id))
            .ok_or_else(|| {
                let failures = self.catalog.sources.iter();
                let failures: Vec<String> = failures
                    .filter_map(|(id, source)| Some(format!("{id}: {}", source.error.as_ref()?)))
                    .collect();
                Refusal::NoProvider {
                    key: key.as_str().to_owned(),
                    why: if failures.is_empty() {
                        "none lists it".to_owned()
                    } else {
                        failures.join("; ")
                    },
                }
            })
    }
}
