use std::{fmt, time::Duration};

use hostler_lease::{DeviceKey, EndCause, Principal};

/// Hears what happens to leases, for the audit record. It must not block.
pub trait Observer: Send + Sync + fmt::Debug {
    /// Something happened.
    fn lease(&self, act: LeaseAct<'_>);
}

/// What happened to a lease.
#[derive(Debug, Clone, Copy)]
pub enum LeaseAct<'a> {
    /// A device was granted.
    Leased {
        /// To whom.
        to: &'a Principal,
        /// In which session of the client.
        session: &'a str,
        /// Which.
        key: &'a DeviceKey,
        /// The token of this grant.
        token: u64,
        /// By which policy.
        policy: &'a str,
        /// How long it lives without use.
        ttl: Duration,
    },
    /// A lease is over.
    Ended {
        /// Whose it was.
        of: &'a Principal,
        /// Which device it was.
        key: &'a DeviceKey,
        /// Why.
        cause: EndCause,
    },
    /// Somebody ended another's lease.
    Forced {
        /// Who did.
        by: &'a Principal,
        /// Which device it was.
        key: &'a DeviceKey,
    },
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn lease(&self, _: LeaseAct<'_>) {}
}
