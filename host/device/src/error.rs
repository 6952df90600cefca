use hostler_lease::{EndCause, LabelError, LeaseIdError, Refused, SelectorError, TermsError};
use hostler_provider::{DeviceError, PolicyError};

use crate::query::QueryError;

/// Why the device service did not do something. Every kind has a stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The rules of leasing: busy, unknown, over.
    #[error(transparent)]
    Lease(#[from] Refused),
    /// The device or its provider.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The lease policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A lifetime, a wait or a number of readers is out of its range.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// A name that cannot be one.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A text that is no lease id.
    #[error(transparent)]
    LeaseId(#[from] LeaseIdError),
    /// Too many devices and pools were named.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// An element could not be found or named.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// No policy has that name, or the operator does not let requests name it.
    #[error("there is no lease policy {asked:?}; a request may name: {known}")]
    UnknownPolicy {
        /// What was asked for.
        asked: String,
        /// What may be named.
        known: String,
    },
    /// The policy found no device for a wish that names none.
    #[error("no device fits{}; `hostler devices` shows what there is and which providers failed", .0.as_ref().map(|platform| format!(" platform {platform:?}")).unwrap_or_default())]
    NoDevice(Option<String>),
    /// The device is of another platform than was asked for.
    #[error(
        "{key} is not of the platform {platform:?}; leave the platform out, or name another device"
    )]
    WrongPlatform {
        /// The device.
        key: String,
        /// What was asked for.
        platform: String,
    },
    /// The session's agent may have other devices only.
    #[error(
        "this session may use {pinned} and nothing else, so not {asked}; begin a session without \
         `devices`, or with others, to use it"
    )]
    NotPinned {
        /// What was asked for.
        asked: Box<str>,
        /// What may be used.
        pinned: Box<str>,
    },
    /// Whoever provides the device cannot be reached now.
    #[error("no provider of {key} is there now: {why}")]
    NoProvider {
        /// The device.
        key: String,
        /// In a sentence.
        why: String,
    },
    /// A reader wants to touch.
    #[error(
        "this lease is a reader's, which may look and not touch; `{0}` needs the device itself"
    )]
    ReaderOnly(&'static str),
    /// [`crate::MAX_COMMANDS_WAITING`] wait for the device.
    #[error("{0} commands wait for this device already; wait for their answers")]
    CommandsFull(usize),
    /// It was not the device's turn in time.
    #[error(
        "other commands of this lease kept the device for all the time that this one had; ask again"
    )]
    CommandWaited,
    /// The wait was over.
    #[error(
        "no device was free before the end of the wait; ask again, with a longer wait or for another device"
    )]
    WaitedTooLong,
    /// The disk.
    #[error("the lease could not be written to the disk, so it was not granted: {0}")]
    NotDurable(String),
    /// The host is being stopped.
    #[error("the host is stopping; leases go on when it is back")]
    Stopping,
    /// Only an operator may.
    #[error("this needs a token with the scope `admin`")]
    AdminOnly,
}

impl Refusal {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Lease(refused) => refused.code(),
            Self::Device(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Terms(TermsError::Ttl(_)) => "TTL_OUT_OF_RANGE",
            Self::Terms(TermsError::Wait(_)) => "WAIT_OUT_OF_RANGE",
            Self::Terms(TermsError::Readers(_)) => "READERS_OUT_OF_RANGE",
            Self::Label(_) | Self::Selector(_) => "INVALID_ARGS",
            Self::LeaseId(_) => "LEASE_ID_MALFORMED",
            Self::Query(error) => error.code(),
            Self::UnknownPolicy { .. } => "POLICY_UNKNOWN",
            Self::NoDevice(_) => "NO_DEVICE",
            Self::WrongPlatform { .. } => "WRONG_PLATFORM",
            Self::NotPinned { .. } => "DEVICE_NOT_PINNED",
            Self::NoProvider { .. } => "PROVIDER_UNAVAILABLE",
            Self::ReaderOnly(_) => "READER_ONLY",
            Self::CommandsFull(_) => "COMMANDS_FULL",
            Self::CommandWaited => "COMMAND_WAITED",
            Self::WaitedTooLong => "WAIT_TIMED_OUT",
            Self::NotDurable(_) => "STORE_FAILED",
            Self::Stopping => "HOST_STOPPING",
            Self::AdminOnly => "ADMIN_ONLY",
        }
    }

    /// Whether the same request may do better in a while.
    pub fn retriable(&self) -> bool {
        matches!(
            self,
            Self::Lease(
                Refused::Busy(_)
                    | Refused::QueueFull { .. }
                    | Refused::NoReaders { allowed: 1.., .. }
                    | Refused::NotYet
            ) | Self::NoProvider { .. }
                | Self::CommandsFull(_)
                | Self::CommandWaited
                | Self::WaitedTooLong
                | Self::NotDurable(_)
                | Self::Stopping
                | Self::Device(DeviceError::TimedOut(_))
        )
    }

    /// The lease or the wait is over for this reason.
    pub(crate) fn ended(cause: EndCause) -> Self {
        match cause {
            EndCause::WaitedTooLong => Self::WaitedTooLong,
            cause => Self::Lease(Refused::LeaseEnded(cause)),
        }
    }
}
