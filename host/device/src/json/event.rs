use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::What;

/// What a stream of events tells, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Told {
    /// Something happened.
    Event(Event),
    /// Events were missed: look at the devices and leases anew.
    Reset {
        /// Where it goes on.
        reset: u64,
    },
}

/// Something that happened to a device or a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Later ones are greater, over restarts of the host too.
    pub position: u64,
    /// Whose lease it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The name of the client's session that the lease belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A device was granted.
    Granted {
        /// Its key.
        device: String,
    },
    /// A waiter moved up.
    Moved {
        /// From 1.
        place: usize,
    },
    /// Without a use the lease ends soon.
    Ending {
        /// The key of its device.
        device: String,
        /// After so long.
        ends_in_ms: u64,
    },
    /// A lease, or the wait for one, is over.
    Ended {
        /// The key of its device, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<String>,
        /// Why, for programs: `LEASE_RELEASED`, `LEASE_EXPIRED`, `LEASE_REVOKED`,
        /// `DEVICE_LOST`, `WAIT_TIMED_OUT`, `HAND_OVER_FAILED`, `LEASE_ABANDONED`,
        /// `SESSION_ENDED`, `HOLDER_LEFT`.
        #[serde(default)]
        code: String,
        /// Why, as a part of a sentence.
        cause: String,
    },
    /// Devices came, went or changed, or a provider failed or recovered.
    DevicesChanged,
}

impl EventKind {
    /// As it is written.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Granted { .. } => "granted",
            Self::Moved { .. } => "moved",
            Self::Ending { .. } => "ending",
            Self::Ended { .. } => "ended",
            Self::DevicesChanged => "devices_changed",
        }
    }
}

impl From<crate::Told> for Told {
    fn from(told: crate::Told) -> Self {
        match told {
            crate::Told::Event(event) => Self::Event(event.into()),
            crate::Told::Reset { position } => Self::Reset { reset: position },
        }
    }
}

impl From<crate::Event> for Event {
    fn from(event: crate::Event) -> Self {
        Self {
            position: event.position,
            principal: event.principal.map(|principal| principal.to_string()),
            session: event.session,
            kind: event.what.into(),
        }
    }
}

impl From<What> for EventKind {
    fn from(what: What) -> Self {
        match what {
            What::Granted { key } => Self::Granted {
                device: key.to_string(),
            },
            What::Moved { position } => Self::Moved { place: position },
            What::Ending { key, in_ms } => Self::Ending {
                device: key.to_string(),
                ends_in_ms: in_ms,
            },
            What::Ended { key, cause } => Self::Ended {
                device: key.map(|key| key.to_string()),
                code: cause.code().to_owned(),
                cause: cause.text().to_owned(),
            },
            What::DevicesChanged => Self::DevicesChanged,
        }
    }
}
