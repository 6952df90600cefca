//! The recent frames of one session, and who is watching.
//!
//! - [`Hub::publish`] gives a frame the next [`Position`], keeps it in a ring
//!   and hands it to the viewers.
//! - [`Hub::attach`] registers a viewer and returns what it missed in one step,
//!   so that no frame falls between the two.
//! - [`Replay`] says whether what is returned joins on to what the viewer has,
//!   or begins anew. There is never a silent gap and never a duplicate.
//!
//! A frame is of any type that is cheap to keep, such as shared bytes; the hub
//! never looks into it and never copies it. A [`Viewer`] must not wait: it puts
//! the frame into a bounded queue or fails, and a viewer that failed is taken
//! out and returned.
//!
//! Deliberately absent: I/O, tasks, locks, clocks and any knowledge of ACP.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod hub;
mod position;
mod ring;
mod viewer;

pub use hub::{Attached, Hub, Published};
pub use position::Position;
pub use ring::{Bounds, Frames, Replay, ResetReason};
pub use viewer::{Delivery, Viewer, ViewerId};
