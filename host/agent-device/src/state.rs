//! What all requests share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_auth::TokenStore;
use hostler_device::{Devices, Lease, query::Snapshot};
use hostler_lease::{DeviceKey, LeaseId};

use crate::{clock::unix_ms, diagnostics::Records, spool::Spool, upload::Uploads};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) devices: Devices,
    pub(crate) tokens: TokenStore,
    pub(crate) spool: Spool,
    pub(crate) uploads: Uploads,
    pub(crate) records: Records,
    pub(crate) notes: Notes,
    /// Requests come over TLS.
    pub(crate) tls: bool,
}

/// What clients count on the host to remember of a device that they use. It is
/// there as long as the lease, and there are never more than devices.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<HashMap<DeviceKey, Note>>);

/// Of one lease.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    lease: LeaseId,
    /// When it was first used, in milliseconds since the Unix epoch.
    pub(crate) since: u64,
    /// What `open` opened.
    pub(crate) app: Option<String>,
    /// What the next `diff` compares with.
    pub(crate) baseline: Option<Arc<Snapshot>>,
    /// Where a film goes that is being recorded.
    pub(crate) film: Option<String>,
    /// Where `logs` goes on.
    pub(crate) logs: u64,
}

impl Notes {
    /// Reads or changes the note of a lease.
    pub(crate) fn with<T>(&self, lease: &Lease, act: impl FnOnce(&mut Note) -> T) -> T {
        let mut notes = self.lock();
        let fresh = || Note {
            lease: lease.id,
            since: unix_ms(),
            app: None,
            baseline: None,
            film: None,
            logs: 0,
        };
        let note = notes.entry(lease.key.clone()).or_insert_with(fresh);
        if note.lease != lease.id {
            *note = fresh();
        }
        act(note)
    }

    /// When a device was first used, if it is.
    pub(crate) fn since(&self, key: &DeviceKey) -> Option<u64> {
        self.lock().get(key).map(|note| note.since)
    }

    /// The lease is over.
    pub(crate) fn forget(&self, lease: &Lease) {
        let mut notes = self.lock();
        if notes
            .get(&lease.key)
            .is_some_and(|note| note.lease == lease.id)
        {
            notes.remove(&lease.key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceKey, Note>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
