use hostler_lease::{Choice, Label, LeaseScope, Principal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ms;
use crate::{LeaseInfo, LeaseStanding};

/// A lease, or a place in a queue, as others may see it: without its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// Whose.
    pub principal: String,
    /// The name of the client's session.
    pub session: String,
    /// What the client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// A label of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// A label of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What the client thinks it talks to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The policy that gave the terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What was asked for, in the order of preference: keys, names, `@POOL`.
    pub wants: Vec<String>,
    /// How it is held.
    pub mode: Mode,
    /// How far it has come.
    pub state: LeaseState,
    /// The key of its device, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Its place in the queue, from 1, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// Grows with every grant of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fencing_token: Option<u64>,
    /// After how long it ends without a renewal, or the wait is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_in_ms: Option<u64>,
}

/// How a device is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// By whoever shows the lease id.
    Explicit,
    /// By a token and the name of a session.
    Implicit,
    /// Beside the holder, to look on.
    Reader,
}

/// How far a lease has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// It stands in a queue.
    Waiting,
    /// Its device is being made ready.
    HandingOver,
    /// It has its device.
    Held,
}

/// A lease as its holder sees it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Granted {
    /// The secret half of the right to the device: 32 hexadecimal digits, to be
    /// sent in the header `hostler-lease` and never in an address.
    pub id: String,
    /// How long it lives after each use.
    pub ttl_ms: u64,
    /// The lease.
    #[serde(flatten)]
    pub lease: Lease,
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Granted")
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// The leases that the reader may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leases {
    /// In no order that matters.
    pub leases: Vec<Lease>,
}

impl Lease {
    fn new(principal: String, scope: &LeaseScope, standing: &LeaseStanding) -> Self {
        let text = |label: &Option<Label>| label.as_ref().map(ToString::to_string);
        let mut lease = Self {
            principal,
            session: scope.session.to_string(),
            client: text(&scope.client),
            tenant: text(&scope.tenant),
            run: text(&scope.run),
            backend: text(&scope.backend),
            policy: text(&scope.policy),
            wants: scope.selector.choices().iter().map(want).collect(),
            mode: (&scope.mode).into(),
            state: LeaseState::Waiting,
            device: None,
            place: None,
            fencing_token: None,
            ends_in_ms: None,
        };
        match standing {
            LeaseStanding::Waiting { position, left } => {
                lease.place = Some(*position);
                lease.ends_in_ms = Some(ms(*left));
            }
            LeaseStanding::HandingOver { key } => {
                lease.state = LeaseState::HandingOver;
                lease.device = Some(key.to_string());
            }
            LeaseStanding::Held { key, token, left } => {
                lease.state = LeaseState::Held;
                lease.device = Some(key.to_string());
                lease.fencing_token = Some(token.number());
                lease.ends_in_ms = Some(ms(*left));
            }
        }
        lease
    }
}

impl From<&LeaseInfo> for Lease {
    fn from(info: &LeaseInfo) -> Self {
        Self::new(info.principal.to_string(), &info.scope, &info.standing)
    }
}

impl Granted {
    /// The lease of that principal, to be shown to it and to nobody else.
    #[must_use]
    pub fn new(principal: &Principal, lease: &crate::Lease) -> Self {
        let standing = LeaseStanding::Held {
            key: lease.key.clone(),
            token: lease.token,
            left: lease.expires_in,
        };
        Self {
            id: lease.id.reveal(),
            ttl_ms: ms(lease.ttl),
            lease: Lease::new(principal.to_string(), &lease.scope, &standing),
        }
    }
}

fn want(choice: &Choice) -> String {
    match choice {
        Choice::Device(name) => name.to_string(),
        Choice::Pool(name) => format!("@{name}"),
    }
}

impl From<&hostler_lease::Mode> for Mode {
    fn from(mode: &hostler_lease::Mode) -> Self {
        match mode {
            hostler_lease::Mode::Explicit => Self::Explicit,
            hostler_lease::Mode::Implicit { .. } => Self::Implicit,
            hostler_lease::Mode::Reader => Self::Reader,
        }
    }
}
