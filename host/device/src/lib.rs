//! The device service: what stands between those who want devices and the
//! plugins that have them.
//!
//! ```text
//!   surfaces ── Devices ──┬── registry (hostler-lease): who holds what, under one lock
//!                         ├── store: records in groups, one wait for the disk for all
//!                         ├── policies: who gets which, for how long; which commands
//!                         └── a task for each device in use ── session ── provider
//! ```
//!
//! One lease goes this way:
//!
//! ```text
//!   wish ── policy: which, what terms ── registry: this device, this token
//!     ── records durable ── task: open (boots, makes ready, proves that it lives)
//!     ── handed over ── records durable ── Granted ── keep ── its holder's
//!     ── commands: check, renew, policy, run; one at a time
//!     ── release, expiry, force, loss ── task stopped, whatever it does ── nothing left
//!     ── torn down ── the next one's hand-over
//! ```
//!
//! - `service/`: a file for each part of that. `mod`: the state; `settle`: what
//!   the registry brought about is written and acted on; `allocate`: from a wish to
//!   a [`Ticket`]; `hold`: the task of a device; `command`: commands in it; `aim`:
//!   elements of the screen; `discover`: asking providers what there is; `loading`:
//!   plugins on their way; `policy`, `leases`, `look`, `time`.
//! - [`Ticket`], [`Granted`]: whoever leaves before the answer frees what is fresh.
//! - `catalog`: what providers said, and the pools made from it.
//! - [`Event`] and `ring`: what is told, with positions.
//! - [`query`]: refs, selectors and conditions over a snapshot.
//! - [`Refusal`]: every way to say no, each with a stable code.
//! - [`LeaseStore`], [`Observer`]: what the service is given.
//!
//! Rules. No lock is held over an await: the one over the state is held for one
//! command of the registry. What takes something away is acted on at once; what
//! gives something waits until all records before it are durable. A session is
//! only ever touched by the task of its device. Whatever a provider does, hang or
//! panic, it costs its own device and no other.
//!
//! Deliberately absent: protocols, tokens and scopes of clients, WebAssembly, and
//! what a particular device or policy is like. Sessions of clients, in the sense
//! of their protocols, are labels here.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod catalog;
mod config;
mod error;
mod event;
pub mod json;
mod observer;
pub mod query;
mod ring;
mod service;
mod store;
mod ticket;
mod view;
mod who;

pub use config::{
    CALL_GRACE, Config, EVENTS_KEPT, LIST_LIMIT, LIST_TTL, LOADING_LIMIT, MAX_COMMANDS_WAITING,
    OPEN_LIMIT,
};
pub use error::Refusal;
pub use event::{Event, Told, What};
pub use observer::{LeaseAct, Observer, Unobserved};
pub use service::{Devices, Events, Pins};
pub use store::{Durable, LeaseStore};
pub use ticket::{Granted, Step, Ticket};
pub use view::{
    DeviceView, Lease, LeaseInfo, LeaseStanding, Listing, ProviderFailure, ProviderView,
};
pub use who::{Labels, Who};
