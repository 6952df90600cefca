//! What a device provider and a lease policy are to the host: the traits behind
//! which the plugins stand, and the values that go in and out.
//!
//! - [`Provider`] lists devices and opens them; a [`DeviceSession`] is one that is
//!   open. [`Call`] is everything that can be asked of it, [`Answer`] what comes
//!   back, [`DeviceError`] why nothing did.
//! - [`Policy`] says who gets which device, and for how long: [`Wish`], [`Caller`],
//!   [`PolicyTerms`].
//!
//! The words are those of `wit/device/device.wit` and `wit/policy/policy.wit`,
//! which say what each means. The runtime implements the traits with plugins,
//! tests with scripts; whoever uses a device needs no WebAssembly to be built.
//!
//! Deliberately absent: leases and who holds them, refs as callers write them,
//! and everything that does something.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod call;
mod device;
mod policy;
mod screen;

use std::{future::Future, pin::Pin};

pub use call::{Act, AlertAnswer, Answer, Call, Direction, Movement, Stop, Target};
pub use device::{
    Capabilities, DeviceError, DeviceInfo, DeviceSession, OpenDevice, Opened, Progress, Provider,
    ProviderError,
};
pub use policy::{Caller, Candidate, Choice, HandOver, Policy, PolicyError, PolicyTerms, Wish};
pub use screen::{
    Alert, App, AppState, Image, LogLine, Logs, Node, Orientation, Point, Rect, Screen, States,
    Tree,
};

/// A future that can be kept in a box and sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
