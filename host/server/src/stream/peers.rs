//! The connections that speak over HTTP, by id.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_auth::Identity;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Peer;

/// Streams that are read at the same time. Over HTTP/1.1 each has a connection
/// of its own, and some must be left for messages.
const READ: usize = 384;

/// All of one server. Places for clients bound how many there are.
#[derive(Debug)]
pub(crate) struct Peers {
    peers: Mutex<HashMap<String, Arc<Peer>>>,
    read: Arc<Semaphore>,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            peers: Mutex::default(),
            read: Arc::new(Semaphore::new(READ)),
        }
    }
}

impl Peers {
    pub(super) fn insert(&self, id: String, peer: Arc<Peer>) {
        self.lock().insert(id, peer);
    }

    /// The connection `id` of `identity`; those of others are not there.
    pub(crate) fn get(&self, id: &str, identity: &Identity) -> Option<Arc<Peer>> {
        let peer = self.lock().get(id).cloned();
        peer.filter(|peer| peer.identity() == identity)
    }

    pub(crate) fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    /// A place for one who reads a stream, if there is one.
    pub(crate) fn reader(&self) -> Option<OwnedSemaphorePermit> {
        self.read.clone().try_acquire_owned().ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
