//! The connections that speak over HTTP, by id.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_auth::Identity;

use super::Peer;

/// All of one server. Places for clients bound how many there are.
#[derive(Debug, Default)]
pub(crate) struct Peers(Mutex<HashMap<String, Arc<Peer>>>);

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

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Peer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
