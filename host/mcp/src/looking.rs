//! Devices at which clients look on beside their holders. A reader uses its lease
//! by the id, which no client of this protocol sees: it is kept here, by token and
//! session, in memory alone. After a start of the host such a client asks again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_device::{Devices, Who};
use hostler_lease::{Label, LeaseId};

use crate::MAX_SESSIONS;

/// A client: the name of its token, and of its session.
type Client = (Label, String);

#[derive(Debug, Clone, Default)]
pub(crate) struct Looking(Arc<Mutex<HashMap<Client, Leases>>>);

#[derive(Debug)]
struct Leases {
    who: Who,
    ids: Vec<LeaseId>,
}

impl Looking {
    /// A client looks on at one more.
    pub(crate) fn put(&self, devices: &Devices, who: &Who, session: &str, id: LeaseId) {
        let mut all = self.lock();
        if all.len() >= MAX_SESSIONS {
            // Clients that left without a word.
            all.retain(|_, leases| {
                let is_there = |id: &LeaseId| devices.standing(&leases.who, *id).is_ok();
                leases.ids.iter().any(is_there)
            });
        }
        let client = (who.token.clone(), session.to_owned());
        let leases = all.entry(client).or_insert_with(|| Leases {
            who: who.clone(),
            ids: Vec::new(),
        });
        leases.ids.push(id);
    }

    /// What a client looks on at, as `look` has it; without those that are over,
    /// of which it has nothing.
    pub(crate) fn each<T>(
        &self,
        who: &Who,
        session: &str,
        look: impl Fn(LeaseId) -> Option<T>,
    ) -> Vec<T> {
        let client = (who.token.clone(), session.to_owned());
        let mut found = Vec::new();
        let mut all = self.lock();
        if let Some(leases) = all.get_mut(&client) {
            leases
                .ids
                .retain(|id| look(*id).map(|it| found.push(it)).is_some());
            if leases.ids.is_empty() {
                all.remove(&client);
            }
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Client, Leases>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
