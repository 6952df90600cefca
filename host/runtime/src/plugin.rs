//! A loaded plugin: what is known of it, and starting it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OnceCell, mpsc};

use crate::{
    about::{Description, Status},
    actor,
    grants::Grants,
    harness::{Ended, Event, Harness, OpenParams},
    instance::Instance,
    limits::Limits,
    loaded::{Loaded, Origin},
    state::Role,
};

/// A loaded plugin. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    loaded: Loaded,
    description: Arc<OnceCell<Description>>,
}

impl Plugin {
    pub(crate) fn new(loaded: Loaded) -> Self {
        Self {
            loaded,
            description: Arc::default(),
        }
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.loaded.shared.id
    }

    /// SHA-256 of the component in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.loaded.shared.digest
    }

    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.loaded.shared.origin
    }

    /// Bytes of the component.
    #[must_use]
    pub fn size(&self) -> usize {
        self.loaded.shared.size
    }

    /// The interfaces that it imports, with versions.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.loaded.shared.imports
    }

    /// The interfaces that it exports, with versions.
    #[must_use]
    pub fn exports(&self) -> &[String] {
        &self.loaded.shared.exports
    }

    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.loaded.shared.grants
    }

    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.loaded.shared.limits
    }

    /// Asked once, on an instance of its own.
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn describe(&self) -> Result<&Description, Ended> {
        self.description
            .get_or_try_init(async || {
                let mut instance = Instance::new(&self.loaded, Role::Describe).await?;
                instance.describe().await
            })
            .await
    }

    /// Asks whether the agent is there, on an instance of its own. It may run
    /// programs and takes up to the limit `probe_ms`.
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn probe(&self) -> Result<Status, Ended> {
        let mut instance = Instance::new(&self.loaded, Role::Probe).await?;
        instance.probe().await
    }

    /// Starts a session in an actor of its own. `open` is answered as request
    /// [`OPEN_REQUEST`](crate::OPEN_REQUEST).
    #[must_use]
    pub fn start(
        &self,
        params: OpenParams,
        resume: Option<Bytes>,
    ) -> (Harness, mpsc::Receiver<Event>) {
        actor::start(self.loaded.clone(), params, resume)
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plugin").field(&self.loaded.shared).finish()
    }
}
