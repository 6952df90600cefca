//! What the programs of this package share. `main.rs` is the one that measures;
//! each file of `bin` is a program that it starts.

pub mod stand_in;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The clock that all processes of the machine share.
#[must_use]
pub fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}
