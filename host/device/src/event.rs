//! What is told of devices and leases, to those who may know.

use hostler_lease::{Ask, DeviceKey, EndCause, Principal};

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Later ones are greater, over restarts of the host too. It fits into a
    /// number of JavaScript.
    pub position: u64,
    /// Whose lease it is about, for what may not be known by all.
    pub principal: Option<Principal>,
    /// The name of the client's session that the lease belongs to.
    pub session: Option<String>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A device was granted.
    Granted {
        /// Which.
        key: DeviceKey,
    },
    /// A waiter moved up.
    Moved {
        /// From 1.
        position: usize,
    },
    /// Without a use the lease ends soon.
    Ending {
        /// Of which device.
        key: DeviceKey,
        /// In how many milliseconds.
        in_ms: u64,
    },
    /// A lease, or the wait for one, is over.
    Ended {
        /// Of which device, if there was one.
        key: Option<DeviceKey>,
        /// Why.
        cause: EndCause,
    },
    /// Devices came, went or changed, or a provider failed or recovered.
    DevicesChanged,
}

/// What a subscriber hears next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// An event.
    Event(Event),
    /// Events were missed, or the position is of another host: look at the
    /// devices and leases anew. What follows comes after this position.
    Reset {
        /// Where it goes on.
        position: u64,
    },
}

/// Whose lease an event is about.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) principal: Principal,
    pub(crate) session: String,
}

impl About {
    pub(crate) fn lease(ask: &Ask) -> Self {
        Self {
            principal: ask.principal.clone(),
            session: ask.scope.session.as_str().to_owned(),
        }
    }
}

impl Told {
    /// After this it goes on.
    pub fn position(&self) -> u64 {
        match self {
            Self::Event(event) => event.position,
            Self::Reset { position } => *position,
        }
    }
}
