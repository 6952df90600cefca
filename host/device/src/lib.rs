//! The device service.
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
    CALL_GRACE, Config, EVENTS_KEPT, LIST_LIMIT, LIST_TTL, MAX_COMMANDS_WAITING, OPEN_LIMIT,
};
pub use error::Refusal;
pub use event::{Event, Told, What};
pub use observer::{LeaseAct, Observer, Unobserved};
pub use service::{Devices, Events};
pub use store::{Durable, LeaseStore};
pub use ticket::{Granted, Step, Ticket};
pub use view::{
    DeviceView, Lease, LeaseInfo, LeaseStanding, Listing, ProviderFailure, ProviderView,
};
pub use who::{Labels, Who};
