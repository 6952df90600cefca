//! What all requests share.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_auth::TokenStore;
use hostler_device::{Devices, Lease, Refusal, Who, query::Snapshot};
use hostler_lease::{DeviceKey, FencingToken, LeaseId, Principal, Refused};

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
    pub(crate) given_back: GivenBack,
    /// Requests come over TLS.
    pub(crate) tls: bool,
}

/// What clients count on the host to remember of a device that they use. It is
/// there as long as the lease: what is over is swept.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<HashMap<LeaseId, Note>>);

/// Of one lease.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    holder: Who,
    /// By which others than its holder know the lease.
    key: DeviceKey,
    token: FencingToken,
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
    pub(crate) fn with<T>(&self, who: &Who, lease: &Lease, act: impl FnOnce(&mut Note) -> T) -> T {
        let mut notes = self.lock();
        let note = notes.entry(lease.id).or_insert_with(|| Note {
            holder: who.clone(),
            key: lease.key.clone(),
            token: lease.token,
            since: unix_ms(),
            app: None,
            baseline: None,
            film: None,
            logs: 0,
        });
        act(note)
    }

    /// When a lease was first used, if it was.
    pub(crate) fn since(&self, key: &DeviceKey, token: FencingToken) -> Option<u64> {
        let notes = self.lock();
        let mut notes = notes.values();
        let note = notes.find(|note| note.key == *key && note.token == token);
        note.map(|note| note.since)
    }

    /// The lease is over.
    pub(crate) fn forget(&self, lease: &Lease) {
        self.lock().remove(&lease.id);
    }

    /// Forgets leases that have ended without anybody saying so here.
    pub(crate) fn sweep(&self, devices: &Devices) {
        let noted: Vec<_> = {
            let notes = self.lock();
            let noted = notes.iter();
            noted.map(|(id, note)| (*id, note.holder.clone())).collect()
        };
        let over = noted
            .iter()
            .filter(|(id, holder)| devices.standing(holder, *id).is_err());
        let over: Vec<_> = over.map(|(id, _)| *id).collect();
        let mut notes = self.lock();
        for id in over {
            notes.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LeaseId, Note>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leases that clients gave back of late: a client that closes also releases, and
/// whoever lets go twice wants just that.
#[derive(Debug, Default)]
pub(crate) struct GivenBack(Mutex<VecDeque<(Principal, LeaseId)>>);

/// How many are remembered: the second call follows within seconds.
const GIVEN_BACK_KEPT: usize = 1024;

impl GivenBack {
    /// It was given back by its holder.
    pub(crate) fn note(&self, holder: &Principal, lease: LeaseId) {
        let mut leases = self.lock();
        if leases.len() == GIVEN_BACK_KEPT {
            leases.pop_front();
        }
        leases.push_back((holder.clone(), lease));
    }

    /// Whether the caller has let go of it: it gave it back, or it has ended.
    pub(crate) fn is_over(&self, who: &Principal, lease: LeaseId, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Lease(Refused::LeaseEnded(_)) => true,
            Refusal::Lease(Refused::LeaseUnknown) => {
                let is = |(holder, id): &(Principal, LeaseId)| holder == who && *id == lease;
                self.lock().iter().any(is)
            }
            _ => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Principal, LeaseId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
