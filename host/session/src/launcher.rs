//! How a session gets an instance of its harness.

use std::{future::Future, pin::Pin};

use hostler_runtime::{Description, Event, FileAccess, Harness, OpenParams, SessionOrigin};
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

    /// What the harness says of itself; waits for a plugin that is loading.
    fn describe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Description, SessionError>>;

    /// Starts an instance; waits for a plugin that is loading.
    fn launch<'a>(
        &'a self,
        id: &'a str,
        params: OpenParams,
        origin: SessionOrigin,
    ) -> BoxFuture<'a, Result<Running, SessionError>>;
}
