use std::collections::BTreeMap;
use std::sync::Arc;

use crate::device::DeviceKey;
use crate::id::{FencingToken, LeaseId};
use crate::label::Label;
use crate::scope::Ask;

/// A change to what is stored. Renewals are none, but the first: after a restart
/// a lease that was used gets its full time anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Tokens up to this one may have been used. It goes ahead of them in
    /// steps, so that most grants need no write for their token alone.
    Tokens(FencingToken),
    /// Stores the lease, in place of what was stored under its id.
    Put(Stored),
    /// The lease was used for the first time, so its holder has heard of it.
    /// Nobody needs to wait until this is durable: without it a restart gives the
    /// lease [`crate::REJOIN_GRACE`] instead of its full time.
    Used(LeaseId),
    /// Forgets the lease.
    Remove(LeaseId),
}

/// One lease at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What was asked for.
    pub ask: Arc<Ask>,
    /// What came of it.
    pub standing: Standing,
}

/// How far a stored lease has come. A hand-over is not stored: if the host dies
/// in it, nobody has heard of it, and a waiter is back in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In the queues of these.
    Waiting {
        /// Smaller ones are served first.
        turn: u64,
        /// At most [`crate::MAX_CHOICES`].
        wants: Vec<Want>,
    },
    /// Has the device.
    Held {
        /// Which.
        key: DeviceKey,
        /// Its token.
        token: FencingToken,
        /// Its holder has heard of it.
        used: bool,
    },
    /// Is a reader beside the holder with that token.
    Reading {
        /// Of which device.
        key: DeviceKey,
        /// The holder's token.
        token: FencingToken,
        /// It has heard of it.
        used: bool,
    },
}

impl Standing {
    /// The holder has heard of it. Nothing if it waits.
    pub fn note_use(&mut self) {
        if let Standing::Held { used, .. } | Standing::Reading { used, .. } = self {
            *used = true;
        }
    }
}

/// What a selector came to when it was asked with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Want {
    /// This device.
    Device(DeviceKey),
    /// Any of this pool.
    Pool(Label),
}

/// All that a registry needs to go on after a restart: what records add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    tokens: FencingToken,
    leases: BTreeMap<LeaseId, Stored>,
}

impl Saved {
    /// Nothing yet, in a database made `created` seconds after 1970.
    pub fn new(created: u32) -> Saved {
        Saved {
            tokens: FencingToken::before_first(created),
            leases: BTreeMap::new(),
        }
    }

    /// Takes in one record. A store may also do this by rows: one with the
    /// greatest token, one for each lease under its id.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Tokens(token) => self.tokens = self.tokens.max(token),
            Record::Put(stored) => {
                self.leases.insert(stored.ask.id, stored);
            }
            Record::Used(id) => {
                if let Some(stored) = self.leases.get_mut(&id) {
                    stored.standing.note_use();
                }
            }
            Record::Remove(id) => {
                self.leases.remove(&id);
            }
        }
    }

    /// No greater token was used.
    pub fn tokens(&self) -> FencingToken {
        self.tokens
    }

    /// The leases, in no order that matters.
    pub fn leases(&self) -> impl ExactSizeIterator<Item = &Stored> {
        self.leases.values()
    }

    pub(crate) fn into_leases(self) -> impl Iterator<Item = Stored> {
        self.leases.into_values()
    }
}
