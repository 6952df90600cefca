use std::{fmt, time::Duration};

use crate::device::DeviceKey;
use crate::effects::EndCause;
use crate::label::Label;
use crate::principal::Principal;
use crate::registry::{MAX_COMMAND, MAX_LEASES_PER_PRINCIPAL};
use crate::saved::Want;

/// Why a command was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No device has that name.
    #[error("there is no device {0:?}; list the devices and use a key or a name from there")]
    UnknownDevice(Label),
    /// Several devices have that name.
    #[error("{name:?} could be {}; use a key", keys(.candidates))]
    Ambiguous {
        /// What was asked for.
        name: Label,
        /// Some of the devices.
        candidates: Vec<DeviceKey>,
    },
    /// No device is in that pool.
    #[error("no device is in the pool {0:?}; list the devices and their pools")]
    UnknownPool(Label),
    /// Somebody has it.
    #[error("{0}")]
    Busy(Box<Busy>),
    /// [`crate::MAX_QUEUE`] wait for it.
    #[error("{waiting} are waiting for {want} already; ask again later or for another device")]
    QueueFull {
        /// For what.
        want: String,
        /// How many.
        waiting: usize,
    },
    /// The principal has [`crate::MAX_LEASES_PER_PRINCIPAL`].
    #[error("{0} holds or waits for {MAX_LEASES_PER_PRINCIPAL} devices already; release some")]
    TooMany(Principal),
    /// The random id is in use.
    #[error("the lease id of this ask is in use; draw a new one")]
    IdInUse,
    /// The token's session has a device, or waits for one.
    #[error("the session {session:?} has {} already; close it, or use another session name", device_or_place(.key.as_ref()))]
    SessionHasOne {
        /// The name of the session.
        session: Label,
        /// Its device.
        key: Option<DeviceKey>,
    },
    /// A reader named a pool or several devices.
    #[error("a reader names one device; write its key")]
    ReaderNeedsOneDevice,
    /// A reader asked for a device that nobody holds.
    #[error("nobody holds {0}, so there is nobody to watch; ask for the device itself")]
    NobodyHolds(DeviceKey),
    /// A reader asked, and the holder's terms suffer no more.
    #[error("{}", no_readers(key, *allowed))]
    NoReaders {
        /// The device.
        key: DeviceKey,
        /// How many the holder's terms allow.
        allowed: u16,
    },
    /// There is no such lease, or it is somebody else's: the same answer.
    #[error("there is no such lease of yours; ask for the device again")]
    LeaseUnknown,
    /// The lease has ended.
    #[error("the lease is over: {}; ask for the device again", .0.text())]
    LeaseEnded(EndCause),
    /// It waits, or the device is being handed over.
    #[error("the device is not yours yet; wait until it is granted")]
    NotYet,
    /// A command wants more time than [`crate::MAX_COMMAND`].
    #[error("a command runs at most {}s; split it", MAX_COMMAND.as_secs())]
    CommandTooLong,
    /// Nobody has the device, or there is no such device.
    #[error("nobody holds {0}, so there is nothing to release")]
    NothingHeld(DeviceKey),
    /// The holder is not a session of whoever wants to release it.
    #[error("{0} is not held by a session of yours; ask an operator to release it")]
    NotYourSession(DeviceKey),
}

fn no_readers(key: &DeviceKey, allowed: u16) -> String {
    match allowed {
        0 => format!(
            "the lease policy of whoever holds {key} lets nobody look on; wait for the device itself"
        ),
        1 => format!("the holder of {key} allows one reader; ask again when it has left"),
        _ => format!("the holder of {key} allows {allowed} readers; ask again when one has left"),
    }
}

impl Refused {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refused::UnknownDevice(_) => "DEVICE_UNKNOWN",
            Refused::Ambiguous { .. } => "DEVICE_AMBIGUOUS",
            Refused::UnknownPool(_) => "POOL_UNKNOWN",
            Refused::Busy(_) => "DEVICE_LEASE_BUSY",
            Refused::QueueFull { .. } => "QUEUE_FULL",
            Refused::TooMany(_) => "LEASE_CAPACITY_EXCEEDED",
            Refused::IdInUse => "LEASE_ID_IN_USE",
            Refused::SessionHasOne { .. } => "LEASE_SESSION_MISMATCH",
            Refused::ReaderNeedsOneDevice => "READER_NEEDS_ONE_DEVICE",
            Refused::NobodyHolds(_) => "NOBODY_HOLDS",
            Refused::NoReaders { .. } => "READERS_FULL",
            Refused::LeaseUnknown => "LEASE_NOT_FOUND",
            Refused::LeaseEnded(EndCause::Forced) => "LEASE_REVOKED",
            Refused::LeaseEnded(EndCause::DeviceLost) => "DEVICE_LOST",
            Refused::LeaseEnded(_) => "LEASE_EXPIRED",
            Refused::NotYet => "LEASE_NOT_GRANTED",
            Refused::CommandTooLong => "COMMAND_TOO_LONG",
            Refused::NothingHeld(_) => "NOTHING_HELD",
            Refused::NotYourSession(_) => "NOT_YOUR_SESSION",
        }
    }
}

/// What is in the way, as far as the caller may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// What was asked for, in the order of preference.
    pub wants: Vec<Want>,
    /// How it stands with it; of several devices, or those of a pool, with the one
    /// that may be free soonest. Of a pool [`crate::MAX_COMPARED`] are compared.
    pub device: Option<DeviceStatus>,
    /// How many wait, where the fewest do.
    pub waiting: usize,
}

impl Busy {
    /// Whether one device was asked for, and no other will do.
    pub fn is_of_one(&self) -> bool {
        matches!(self.wants[..], [Want::Device(_)])
    }
}

/// How it stands with one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStatus {
    /// Which.
    pub key: DeviceKey,
    /// What it is doing.
    pub condition: Condition,
    /// Who has it, if somebody has and the caller may know.
    pub holder: Option<Holder>,
    /// After how long the lease ends if it is not renewed.
    pub ends_in: Option<Duration>,
    /// How long no command has run under the lease; `None` while one does.
    pub idle_for: Option<Duration>,
    /// How many read beside the holder.
    pub readers: usize,
    /// How many wait for this very device.
    pub waiting: usize,
}

/// What a device is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Nobody has it.
    Free,
    /// It is being made ready for a holder.
    HandingOver,
    /// Somebody has it.
    Held,
    /// What the last holder left is being ended.
    TearingDown,
    /// No provider sees it.
    Absent,
}

/// Who has a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub principal: Principal,
    /// In which session of the client.
    pub session: Label,
    /// What the client calls itself.
    pub client: Option<Label>,
}

/// How much of others' leases a caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Its own and those of its sessions.
    Own,
    /// Everybody's.
    All,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_of_one() {
            let wants: Vec<_> = self.wants.iter().map(Want::to_string).collect();
            write!(f, "no device of {} is free", wants.join(", "))?;
        }
        let Some(device) = &self.device else {
            let waiting = self.waiting;
            return write!(f, ", {waiting} waiting; ask again, or ask to wait");
        };
        if !self.is_of_one() {
            f.write_str("; the next could be this one: ")?;
        }
        write!(f, "{} ", device.key)?;
        match device.condition {
            Condition::HandingOver => f.write_str("is being made ready for ")?,
            Condition::Held | Condition::Free => f.write_str("is held by ")?,
            Condition::TearingDown => f.write_str("is being freed")?,
            Condition::Absent => f.write_str("is not connected")?,
        }
        if !matches!(device.condition, Condition::TearingDown | Condition::Absent) {
            match &device.holder {
                Some(holder) => write!(f, "{} (session {:?})", holder.principal, holder.session)?,
                None => f.write_str("somebody else")?,
            }
        }
        if let Some(left) = device.ends_in {
            write!(f, ", ends in {}s if not renewed", left.as_secs())?;
        }
        if let Some(idle) = device.idle_for {
            write!(f, ", idle for {}s", idle.as_secs())?;
        }
        write!(f, ", {} waiting; ask again, or ask to wait", self.waiting)
    }
}

fn keys(candidates: &[DeviceKey]) -> String {
    let texts: Vec<_> = candidates.iter().map(DeviceKey::as_str).collect();
    texts.join(" or ")
}

fn device_or_place(key: Option<&DeviceKey>) -> String {
    key.map_or_else(|| "a place in a queue".to_owned(), DeviceKey::to_string)
}
