//! The harnesses of a host, some of which may still be loading: the host answers
//! before they are ready, and a plugin that cannot be loaded costs no other.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hostler_runtime::{
    Conversation, Description, Ended, HarnessPlugin, LoadError, OpenParams, Past, SessionOrigin,
};
use tokio::{sync::watch, time::timeout};

use crate::{
    SessionError,
    launcher::{BoxFuture, Launcher, Rights, Running},
};

/// How long a request waits for a plugin that is loading. The first start of a
/// host compiles every plugin, which takes seconds; later ones take them from
/// the cache.
const LOADING: Duration = Duration::from_secs(120);

/// The plugins by id. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    entries: Arc<Mutex<BTreeMap<String, watch::Sender<Entry>>>>,
}

#[derive(Debug, Clone)]
enum Entry {
    Loading,
    Ready(HarnessPlugin),
    Failed(LoadError),
    /// It is a plugin of another world.
    Other,
}

impl Catalogue {
    /// Plugins that are about to be loaded.
    pub fn new(ids: impl IntoIterator<Item = String>) -> Self {
        let loading = |id| (id, watch::Sender::new(Entry::Loading));
        Self {
            entries: Arc::new(Mutex::new(ids.into_iter().map(loading).collect())),
        }
    }

    /// Says how loading went. Said again it replaces the plugin: sessions that
    /// begin from now on get the new one, those that run keep theirs.
    pub fn settle(&self, id: &str, outcome: Result<HarnessPlugin, LoadError>) {
        let entry = match outcome {
            Ok(plugin) => Entry::Ready(plugin),
            Err(error) => Entry::Failed(error),
        };
        self.put(id, entry);
    }

    /// Says that the plugin is no harness: no session can name it.
    pub fn is_no_harness(&self, id: &str) {
        self.put(id, Entry::Other);
    }

    fn put(&self, id: &str, entry: Entry) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .entry(id.to_owned())
            .or_insert_with(|| watch::Sender::new(Entry::Loading))
            .send_replace(entry);
    }

    async fn plugin(&self, id: &str) -> Result<HarnessPlugin, SessionError> {
        let unknown = || SessionError::UnknownHarness {
            id: id.to_owned(),
            known: self.ids(),
        };
        let mut entry = {
            let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.get(id).map(watch::Sender::subscribe)
        }
        .ok_or_else(unknown)?;
        let loaded = entry.wait_for(|entry| !matches!(entry, Entry::Loading));
        let settled = match timeout(LOADING, loaded).await {
            Ok(Ok(entry)) => entry.clone(),
            // Still loading, or the host is being taken down.
            Ok(Err(_)) | Err(_) => Entry::Loading,
        };
        match settled {
            Entry::Ready(plugin) => Ok(plugin),
            Entry::Failed(error) => Err(SessionError::Unusable {
                message: error.to_string(),
            }),
            Entry::Other => Err(unknown()),
            Entry::Loading => Err(SessionError::NotReady {
                harness: id.to_owned(),
                seconds: LOADING.as_secs(),
            }),
        }
    }
}

impl Launcher for Catalogue {
    fn ids(&self) -> Vec<String> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let harness = |entry: &watch::Sender<Entry>| !matches!(&*entry.borrow(), Entry::Other);
        entries
            .iter()
            .filter(|(_, entry)| harness(entry))
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn is_loading(&self, id: &str) -> bool {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(id).map(watch::Sender::borrow);
        entry.is_some_and(|entry| matches!(&*entry, Entry::Loading))
    }

    fn describe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Description, SessionError>> {
        Box::pin(async move {
            let plugin = self.plugin(id).await?;
            plugin
                .describe()
                .await
                .cloned()
                .map_err(SessionError::NotStarted)
        })
    }

    fn launch<'a>(
        &'a self,
        id: &'a str,
        params: OpenParams,
        origin: SessionOrigin,
    ) -> BoxFuture<'a, Result<Running, SessionError>> {
        Box::pin(async move {
            let plugin = self.plugin(id).await?;
            let grants = plugin.grants();
            let rights = Rights {
                files: grants.files,
                terminal: grants.terminal,
            };
            let (harness, events) = plugin.start(params, origin);
            Ok(Running {
                harness,
                events,
                rights,
            })
        })
    }

    fn conversations<'a>(
        &'a self,
        id: &'a str,
        cwd: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<Vec<Conversation>, SessionError>> {
        Box::pin(async move {
            let found = self.plugin(id).await?.conversations(cwd).await;
            found.map_err(unread)
        })
    }

    fn history<'a>(
        &'a self,
        id: &'a str,
        conversation: &'a str,
    ) -> BoxFuture<'a, Result<Option<Past>, SessionError>> {
        Box::pin(async move {
            let found = self.plugin(id).await?.history(conversation).await;
            found.map_err(unread)
        })
    }
}

fn unread(ended: Ended) -> SessionError {
    SessionError::Unusable {
        message: format!("the conversations of its agent could not be read: {ended}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> Result<HarnessPlugin, LoadError> {
        Err(LoadError::Invalid {
            id: "broken".into(),
            message: "unexpected end".into(),
        })
    }

    #[tokio::test]
    async fn an_unknown_harness_is_an_error_that_names_the_known_ones() {
        let catalogue = Catalogue::new(["b".to_owned(), "a".to_owned()]);
        let error = catalogue.describe("c").await.unwrap_err();
        assert!(error.to_string().contains("this host has: a, b"), "{error}");
    }

    #[tokio::test]
    async fn a_request_waits_for_a_plugin_that_is_loading() {
        let catalogue = Catalogue::new(["broken".to_owned()]);
        let waiting = tokio::spawn({
            let catalogue = catalogue.clone();
            async move { catalogue.describe("broken").await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert!(catalogue.is_loading("broken"));
        catalogue.settle("broken", broken());
        assert!(!catalogue.is_loading("broken") && !catalogue.is_loading("unknown"));
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error.fault().name, "PLUGIN_UNUSABLE");
        assert!(error.to_string().contains("unexpected end"), "{error}");
    }

    #[tokio::test]
    async fn a_plugin_of_another_world_is_no_harness_also_to_who_waits_for_it() {
        let catalogue = Catalogue::new(["agent".to_owned(), "phones".to_owned()]);
        let waiting = tokio::spawn({
            let catalogue = catalogue.clone();
            async move { catalogue.describe("phones").await }
        });
        tokio::task::yield_now().await;
        catalogue.is_no_harness("phones");
        let error = waiting.await.unwrap().unwrap_err();
        assert!(
            error.to_string().contains("this host has: agent"),
            "{error}"
        );
        assert_eq!(catalogue.ids(), ["agent"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_that_never_loads_is_not_waited_for_for_ever() {
        let catalogue = Catalogue::new(["slow".to_owned()]);
        let error = catalogue.describe("slow").await.unwrap_err();
        assert!(error.to_string().contains("120 seconds"), "{error}");
    }

    #[tokio::test]
    async fn a_plugin_that_was_not_announced_is_added() {
        let catalogue = Catalogue::default();
        catalogue.settle("broken", broken());
        assert_eq!(catalogue.ids(), ["broken"]);
    }
}
