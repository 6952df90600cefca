//! How a session gets an instance of its harness.

use std::{future::Future, path::Path, pin::Pin};

use hostler_runtime::{
    Conversation, Description, Event, FileAccess, Harness, OpenParams, Past, SessionOrigin,
};
use tokio::sync::mpsc;

use crate::SessionError;

/// A future that a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What an agent's own requests may do, by the operator's grants to its plugin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// Whether, and how far, the host answers file requests.
    pub files: Option<FileAccess>,
    /// Whether the host runs commands for it.
    pub terminal: bool,
}

/// An instance that was started. `open` is answered among its events.
#[derive(Debug)]
pub struct Running {
    /// Commands go in here.
    pub harness: Harness,
    /// Effects come out here.
    pub events: mpsc::Receiver<Event>,
    /// What its agent may ask of the host.
    pub rights: Rights,
}

/// Starts harnesses by the id of their plugin. The real one is
/// [`Catalogue`](crate::Catalogue).
pub trait Launcher: Send + Sync + std::fmt::Debug {
    /// The ids that there are, loaded or not, sorted.
    fn ids(&self) -> Vec<String>;

    /// Its plugin is not there yet: whatever asks something of it waits.
    fn is_loading(&self, id: &str) -> bool {
        let _ = id;
        false
    }

    /// What the harness says of itself; waits for a plugin that is loading.
    fn describe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Description, SessionError>>;

    /// Starts an instance; waits for a plugin that is loading.
    fn launch<'a>(
        &'a self,
        id: &'a str,
        params: OpenParams,
        origin: SessionOrigin,
    ) -> BoxFuture<'a, Result<Running, SessionError>>;

    /// Which conversations its agent has in its own store, in `cwd` if it is given;
    /// none if it may not look. Waits for a plugin that is loading.
    fn conversations<'a>(
        &'a self,
        id: &'a str,
        cwd: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<Vec<Conversation>, SessionError>> {
        let _ = (id, cwd);
        Box::pin(async { Ok(Vec::new()) })
    }

    /// What was said in one of them; `None`: it has none of that id.
    fn history<'a>(
        &'a self,
        id: &'a str,
        conversation: &'a str,
    ) -> BoxFuture<'a, Result<Option<Past>, SessionError>> {
        let _ = (id, conversation);
        Box::pin(async { Ok(None) })
    }
}
