use std::time::Duration;

use hostler_lease::{DeviceKey, DeviceStatus, FencingToken, LeaseId, LeaseScope, Principal};
use hostler_provider::{DeviceInfo, ProviderError};

/// All devices, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// By key.
    pub devices: Vec<DeviceView>,
    /// The providers that did not answer the last time, by id. What they listed
    /// before stays in `devices`.
    pub failures: Vec<ProviderFailure>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceView {
    /// Its key.
    pub key: DeviceKey,
    /// What its first provider says of it.
    pub info: DeviceInfo,
    /// Who provides it, by id; the first opens it.
    pub providers: Vec<String>,
    /// The pools that it is in.
    pub pools: Vec<String>,
    /// Who has it, as far as the caller may know; until when; since when idle;
    /// how many wait.
    pub status: DeviceStatus,
}

/// A provider that has nothing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFailure {
    /// Which.
    pub id: String,
    /// Why.
    pub error: ProviderError,
}

/// A provider, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderView {
    /// Its id.
    pub id: String,
    /// How many devices it listed last.
    pub devices: usize,
    /// Why it has nothing to say, if so.
    pub error: Option<ProviderError>,
    /// How long ago it last listed its devices.
    pub listed: Option<Duration>,
    /// Devices that it named wrongly, and how.
    pub wrong: Vec<String>,
}

/// A lease, as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The secret half of the right to it.
    pub id: LeaseId,
    /// The device.
    pub key: DeviceKey,
    /// The fencing token.
    pub token: FencingToken,
    /// How long from now it lives without use.
    pub expires_in: Duration,
    /// How long it lives after each use.
    pub ttl: Duration,
    /// What it was granted for.
    pub scope: LeaseScope,
}

/// A lease, as its principal and operators see it: without its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseInfo {
    /// Whose.
    pub principal: Principal,
    /// What for.
    pub scope: LeaseScope,
    /// How it stands.
    pub standing: LeaseStanding,
}

/// How far a lease has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseStanding {
    /// It waits.
    Waiting {
        /// From 1.
        position: usize,
        /// When the wait is over.
        left: Duration,
    },
    /// Its device is being made ready.
    HandingOver {
        /// Which.
        key: DeviceKey,
    },
    /// It has the device.
    Held {
        /// Which.
        key: DeviceKey,
        /// The fencing token.
        token: FencingToken,
        /// How long it lives without use.
        left: Duration,
    },
}
