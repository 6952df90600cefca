//! Who holds which device.
//!
//! A pure state machine. [`Registry`] takes commands, each with the [`Moment`]
//! at which it happens, and fills [`Effects`]: records that must be durable
//! before anybody hears of them, and events to act on after that. The device
//! service (`hostler-device`) drives it.
//!
//! One [`Ask`] goes this way. Its [`LeaseId`] names it from the start:
//!
//! ```text
//!   allocate                allocate, and a device is free
//!      |                           |
//!      v      its turn comes       v        handed_over
//!   waiting ---------------> handing over ---------------> held <--+ renew, begin_command,
//!      |                           |                         |  +--+ end_command
//!      | release, abandon,         | release, abandon,       | release, expire, force_release,
//!      | its wait is over          | failed, lost, forced    | lost, principal ended
//!      v                           v                         v
//!   ended <------------------------+-------------------------+
//! ```
//!
//! After a restart whoever waits is passed over until its client is back (`rejoin`),
//! and what is held and was never used ends soon: nobody may have heard of it.
//!
//! And one device, by which it is seen that nobody gets it too early:
//!
//! ```text
//!   free ---> taken (handing over, then held) ---> tearing down --- torn_down ---> free
//! ```
//!
//! Where to read:
//! - [`DeviceKey`] and [`Sighting`]: discovery makes keys, and nothing else does.
//! - [`LeaseScope`], [`Selector`], [`Terms`]: what is asked for, and what a policy
//!   grants.
//! - `registry/`: one file for each thing that happens: `discover`, `allocate`,
//!   `queue`, `hold`, `finish`, `expire`, `restore`, and `view` for looking on.
//! - [`Saved`]: what a store keeps, and what [`Registry::restore`] goes on from.
//! - [`Refused`] and [`Busy`]: every way to say no, each with a stable code.
//!
//! What it costs: no command looks at all devices, leases or waiters. Each takes
//! time in the logarithm of their numbers, besides what it must tell: the waiters
//! behind one that left a queue (at most [`MAX_QUEUE`]), the readers beside a
//! holder (at most [`MAX_READERS`]), the leases of a principal that ended, what a
//! provider lists, and what is compared for a refusal (at most [`MAX_COMPARED`] of
//! a pool).
//! A renewal moves no timer: the old one looks again when it fires.
//!
//! Deliberately absent: I/O, a clock, randomness, locks, tasks, policies, tokens
//! of clients and what they may do, and everything that a device can do.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod device;
mod effects;
mod error;
mod id;
mod label;
mod moment;
mod principal;
mod registry;
mod saved;
mod scope;
mod terms;

pub use device::{
    DeviceKey, MAX_ALIASES, MAX_DEVICES, MAX_POOLS, MAX_PROVIDERS_OF_A_DEVICE, Sighting,
    SightingError,
};
pub use effects::{Effects, EndCause, Event};
pub use error::{Busy, Condition, DeviceStatus, Holder, Refused, Sight};
pub use id::{FencingToken, LeaseId, LeaseIdError};
pub use label::{Label, LabelError, MAX_LABEL_BYTES};
pub use moment::Moment;
pub use principal::{MAX_PRINCIPAL_BYTES, Principal, PrincipalError};
pub use registry::{
    Admitted, Allocated, ENDED_KEPT, HAND_OVER_LIMIT, LeaseView, MAX_COMMAND, MAX_COMPARED,
    MAX_LEASES_PER_PRINCIPAL, MAX_QUEUE, REJOIN_GRACE, Registry, Status,
};
pub use saved::{Record, Saved, Standing, Stored, Want};
pub use scope::{Ask, Choice, LeaseScope, MAX_CHOICES, Mode, Selector, SelectorError};
pub use terms::{HandOver, MAX_READERS, MAX_TTL, MAX_WAIT, MIN_TTL, Terms, TermsError};
