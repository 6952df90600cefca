//! A loaded plugin: what is known of it, whatever its world; and starting a
//! harness.

use std::{path::Path, sync::Arc};

use tokio::sync::{Semaphore, mpsc};

use crate::{
    about::{Choices, Conversation, Description, Past, Readiness, Status},
    actor,
    bindings::HarnessPluginPre,
    grants::Grants,
    harness::{Ended, Event, Harness, OpenParams, SessionOrigin},
    instance::Instance,
    limits::Limits,
    loaded::{Loaded, Origin, Shared},
    policy::PolicyPlugin,
    provider::ProviderPlugin,
    state::{Role, State},
    world::World,
};

/// A loaded plugin. Cheap to clone.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "there are few, and each lives as long as its plugin"
)]
pub enum Plugin {
    Harness(HarnessPlugin),
    Provider(ProviderPlugin),
    Policy(PolicyPlugin),
}

impl Plugin {
    fn shared(&self) -> &Shared {
        match self {
            Self::Harness(plugin) => &plugin.loaded.shared,
            Self::Provider(plugin) => plugin.shared(),
            Self::Policy(plugin) => plugin.shared(),
        }
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.shared().id
    }

    #[must_use]
    pub fn world(&self) -> World {
        self.shared().world
    }

    /// SHA-256 of the component in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.shared().digest
    }

    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.shared().origin
    }

    /// Bytes of the component.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shared().size
    }

    /// The interfaces that it imports, with versions.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.shared().imports
    }

    /// The interfaces that it exports, with versions.
    #[must_use]
    pub fn exports(&self) -> &[String] {
        &self.shared().exports
    }

    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.shared().grants
    }

    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared().limits
    }

    /// Asked once, on an instance of its own.
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn describe(&self) -> Result<&Description, Ended> {
        match self {
            Self::Harness(plugin) => plugin.describe().await,
            Self::Provider(plugin) => plugin.describe().await,
            Self::Policy(plugin) => plugin.describe().await,
        }
    }
}

/// A loaded plugin of the world `harness-plugin`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HarnessPlugin {
    loaded: Arc<Loaded<HarnessPluginPre<State>>>,
    /// Looking into a store takes a disk and some memory: one at a time.
    looking: Arc<Semaphore>,
}

impl HarnessPlugin {
    pub(crate) fn new(loaded: Loaded<HarnessPluginPre<State>>) -> Self {
        Self {
            loaded: Arc::new(loaded),
            looking: Arc::new(Semaphore::new(1)),
        }
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.loaded.shared.id
    }

    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.loaded.shared.grants
    }

    /// As [`Plugin::describe`].
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn describe(&self) -> Result<&Description, Ended> {
        self.loaded.describe().await
    }

    /// Asks whether the agent is there, on an instance of its own. It may run
    /// programs and takes up to the limit `probe_ms`.
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn probe(&self) -> Result<Status, Ended> {
        let mut instance = Instance::new(&self.loaded, Role::Probe).await?;
        self.probed(instance.probe().await)
    }

    /// Asks whether the agent is there, and then what there is to choose, if it is
    /// ready or there is a login to make; both on one instance, so that it looks
    /// once. As for [`probe`](Self::probe).
    ///
    /// # Errors
    /// Of either: the plugin trapped, hit a limit, or refused.
    pub async fn look(&self) -> Result<(Status, Option<Result<Choices, Ended>>), Ended> {
        let mut instance = Instance::new(&self.loaded, Role::Probe).await?;
        let status = self.probed(instance.probe().await)?;
        let choices = match status.readiness {
            Readiness::Ready | Readiness::NotLoggedIn => Some(instance.offer().await),
            Readiness::Missing | Readiness::Broken => None,
        };
        Ok((status, choices))
    }

    /// Its texts leave the host: people paste them into reports.
    fn probed(&self, probed: Result<Status, Ended>) -> Result<Status, Ended> {
        let mask = self.loaded.shared.outside.vault.mask();
        probed
            .map(|status| status.masked(mask))
            .map_err(|ended| ended.masked(mask))
    }

    /// Whether it may look into its agent's store at all.
    fn reads(&self) -> bool {
        !self.grants().folder.is_empty()
    }

    /// Asks which conversations its agent has in its own store, on an instance of
    /// its own: in `cwd`, if it is given; at most [`Conversation::MAX`], the latest
    /// first. None without a grant of a folder. As for [`probe`](Self::probe); who
    /// asks at the same time waits.
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn conversations(&self, cwd: Option<&Path>) -> Result<Vec<Conversation>, Ended> {
        if !self.reads() {
            return Ok(Vec::new());
        }
        let _turn = self.looking.acquire().await;
        let mut instance = Instance::new(&self.loaded, Role::Probe).await?;
        let found = instance.conversations(cwd).await?;
        let mask = self.loaded.shared.outside.vault.mask();
        Ok(found.into_iter().map(|it| it.masked(mask)).collect())
    }

    /// Asks what was said in one of them, likewise. `None`: the store does not
    /// have it.
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn history(&self, id: &str) -> Result<Option<Past>, Ended> {
        if !self.reads() {
            return Ok(None);
        }
        let _turn = self.looking.acquire().await;
        let mut instance = Instance::new(&self.loaded, Role::Probe).await?;
        let found = instance.history(id).await?;
        let mask = self.loaded.shared.outside.vault.mask();
        Ok(found.map(|past| Past {
            conversation: past.conversation.masked(mask),
            ..past
        }))
    }

    /// Starts a session in an actor of its own. `open` is answered as request
    /// [`OPEN_REQUEST`](crate::OPEN_REQUEST).
    #[must_use]
    pub fn start(
        &self,
        params: OpenParams,
        origin: SessionOrigin,
    ) -> (Harness, mpsc::Receiver<Event>) {
        actor::start(Loaded::clone(&self.loaded), params, origin)
    }
}
