//! What this plugin does not wait for longer than it says here.

use std::{num::NonZeroU16, time::Duration};

use hostler_sdk::{Result, timer};

/// How long the whole handshake may take in seconds, unless the operator says
/// otherwise: an agent that has to install or compile itself first needs a while,
/// but a user must not wait for ever.
pub(crate) const HANDSHAKE: NonZeroU16 = NonZeroU16::new(120).unwrap();

/// How long a replay must be silent to be over: some agents answer
/// `session/load` first and tell the history then.
pub(crate) const SILENCE: Duration = Duration::from_millis(150);

/// How long an agent may take to choose again what had been chosen.
pub(crate) const RESTORING: Duration = Duration::from_secs(10);

/// How long an agent may take to end a cancelled turn before it is ended itself,
/// step by step ([`Ending`](hostler_sdk::Ending)).
pub(crate) const CANCEL: Duration = Duration::from_secs(10);

/// How long an agent may take to answer a setting. Some do when their turn is
/// over, so this is longer than a person waits, and shorter than for ever.
pub(crate) const SETTING: Duration = Duration::from_secs(60);

/// How long it may take for anything else, such as a login in a browser.
pub(crate) const CALL: Duration = Duration::from_secs(600);

/// The ids of calls begin behind the others.
const FIRST_CALL: u64 = 16;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    Handshake,
    /// The replay, or what follows it, takes its time.
    Settling,
    /// A cancelled turn goes on, or its agent after the signal before.
    Cancel,
    /// The request with this id has no answer.
    Call(u64),
}

impl Timer {
    pub(crate) const fn of(id: u64) -> Option<Self> {
        Some(match id {
            1 => Self::Handshake,
            2 => Self::Settling,
            3 => Self::Cancel,
            id if id >= FIRST_CALL => Self::Call(id - FIRST_CALL),
            _ => return None,
        })
    }

    const fn id(self) -> u64 {
        match self {
            Self::Handshake => 1,
            Self::Settling => 2,
            Self::Cancel => 3,
            Self::Call(id) => FIRST_CALL + id,
        }
    }

    pub(crate) fn set(self, after: Duration) -> Result {
        timer::set(self.id(), after)
    }

    pub(crate) fn cancel(self) -> Result {
        timer::cancel(self.id())
    }
}
