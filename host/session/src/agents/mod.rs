//! Which agents can be used, for whoever picks one: each is looked for in the
//! background, again and again, and when somebody asks.
//!
//! - here: what is known, and who is told of changes.
//! - `looking`: when it is looked.
//! - `view`: how it is shown.

mod looking;
mod view;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use hostler_runtime::{Choices, HarnessPlugin, PromptCapabilities, Status};
use hostler_wire::{compose, methods::hostler};
use serde_json::json;
use tokio::sync::watch;

use crate::BoxFuture;
use looking::Looking;
pub use view::{Agent, AgentAuthMethod, AgentMode, AgentPrompts, AgentTier};

/// Looks for an agent. The real one is a plugin.
pub trait Probe: Send + Sync + fmt::Debug {
    /// Takes as long as it takes, some seconds at most.
    fn look(&self) -> BoxFuture<'_, Look>;
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What the agent is called, if that is known.
    pub title: Option<String>,
    /// What its plugin says that a prompt may hold, if that is known.
    pub prompt: Option<PromptCapabilities>,
    /// Whether it can be used; an error is one of the plugin.
    pub status: Result<Status, String>,
    /// What there is to choose, if it can be used, or logged in to.
    pub choices: Option<Choices>,
}

/// The agents of a host. Cheap to clone; all clones are the same ones. Without
/// the last clone nobody is looked for any more.
#[derive(Debug, Clone)]
pub struct Agents(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    entries: Mutex<BTreeMap<String, Entry>>,
    shown: watch::Sender<Arc<AgentList>>,
}

#[derive(Debug)]
struct Entry {
    agent: Agent,
    /// Once its plugin is there.
    looking: Option<Looking>,
}

/// All agents at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentList {
    /// By id.
    pub agents: Vec<Agent>,
    /// The same as the result of `_hostler/agents`.
    pub result: String,
    /// The same as the notification of that name.
    pub frame: Bytes,
}

impl AgentList {
    fn new(agents: Vec<Agent>) -> Self {
        let result = json!({ "agents": agents }).to_string();
        let frame = compose::notification(hostler::AGENTS, &result).into();
        Self {
            agents,
            result,
            frame,
        }
    }
}

impl Agents {
    /// Those whose plugins are about to be loaded.
    pub fn new(ids: impl IntoIterator<Item = String>) -> Self {
        let loading = |id: String| {
            let agent = Agent::loading(&id);
            (
                id,
                Entry {
                    agent,
                    looking: None,
                },
            )
        };
        let entries: BTreeMap<_, _> = ids.into_iter().map(loading).collect();
        let agents = entries.values().map(|entry| entry.agent.clone()).collect();
        Self(Arc::new(Inner {
            entries: Mutex::new(entries),
            shown: watch::Sender::new(Arc::new(AgentList::new(agents))),
        }))
    }

    /// Its plugin is there, new or in place of an older one: it is looked for
    /// from now on. To be called inside a Tokio runtime.
    pub fn begin(&self, id: &str, probe: Arc<dyn Probe>) {
        let looking = Looking::start(Arc::downgrade(&self.0), id, probe);
        let agent = Agent::checking(id);
        self.put(
            id,
            Entry {
                agent,
                looking: Some(looking),
            },
        );
    }

    /// Its plugin could not be loaded.
    pub fn unusable(&self, id: &str, why: &str) {
        let agent = Agent::unusable(id, why);
        self.put(
            id,
            Entry {
                agent,
                looking: None,
            },
        );
    }

    /// It is no agent, or none any more.
    pub fn remove(&self, id: &str) {
        let mut entries = self.0.entries();
        if entries.remove(id).is_some() {
            self.0.tell(&entries);
        }
    }

    fn put(&self, id: &str, entry: Entry) {
        let mut entries = self.0.entries();
        entries.insert(id.to_owned(), entry);
        self.0.tell(&entries);
    }

    /// All of them, as they were last found.
    #[must_use]
    pub fn shown(&self) -> Arc<AgentList> {
        self.0.shown.borrow().clone()
    }

    /// One of them, as it was last found.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Agent> {
        self.0.entries().get(id).map(|entry| entry.agent.clone())
    }

    /// Changes from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<AgentList>> {
        let mut changes = self.0.shown.subscribe();
        changes.mark_unchanged();
        changes
    }

    /// Looks for one of them again, because something has changed: what was seen
    /// just before does not count.
    pub async fn look_again(&self, id: &str) {
        let wait = {
            let entries = self.0.entries();
            let looking = entries.get(id).and_then(|entry| entry.looking.as_ref());
            looking.map(Looking::afresh)
        };
        if let Some(wait) = wait {
            wait.await;
        }
    }

    /// All of them, after each was looked for again. One that takes too long is
    /// as it was found before. Many who ask at a time share one look.
    pub async fn refresh(&self) -> Arc<AgentList> {
        let waits: Vec<_> = {
            let entries = self.0.entries();
            let all = entries.values().filter_map(|it| it.looking.as_ref());
            all.map(Looking::again).collect()
        };
        for wait in waits {
            wait.await;
        }
        self.shown()
    }
}

impl Inner {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under the lock of the entries, so that what is told last is what is.
    fn tell(&self, entries: &BTreeMap<String, Entry>) {
        let agents: Vec<_> = entries.values().map(|entry| entry.agent.clone()).collect();
        self.shown.send_if_modified(|shown| {
            let changed = shown.agents != agents;
            if changed {
                *shown = Arc::new(AgentList::new(agents));
            }
            changed
        });
    }

    /// `number`: of the looking that found it.
    fn found(&self, id: &str, number: u64, found: Look) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(id) else {
            return false;
        };
        // Another plugin may have taken its place meanwhile.
        if entry
            .looking
            .as_ref()
            .is_none_or(|it| it.number() != number)
        {
            return false;
        }
        let before = entry.agent.state.clone();
        entry.agent.take(found);
        let Agent { state, detail, .. } = &entry.agent;
        if before != *state {
            let detail = detail.as_deref().unwrap_or_default();
            tracing::info!(target: "plugin", plugin = id, state, "{detail}");
        }
        let ready = entry.agent.ready;
        self.tell(&entries);
        ready
    }
}

impl Probe for HarnessPlugin {
    fn look(&self) -> BoxFuture<'_, Look> {
        Box::pin(async move {
            let described = self.describe().await.ok();
            // What there is to log in with is a choice too.
            let (status, choices) = match HarnessPlugin::look(self).await {
                Ok((status, choices)) => (Ok(status), choices.transpose()),
                Err(ended) => (Err(ended.to_string()), Ok(None)),
            };
            let choices = choices
                .inspect_err(|error| tracing::warn!(target: "plugin", %error, "nothing to choose"));
            Look {
                title: described.map(|it| it.title.clone()),
                prompt: described.map(|it| it.prompt),
                status,
                choices: choices.unwrap_or_default(),
            }
        })
    }
}

#[cfg(test)]
mod tests;
