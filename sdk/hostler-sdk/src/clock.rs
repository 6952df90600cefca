//! Time. `std::time::Instant::now` does not work in a plugin.

use std::time::Duration;

use crate::{Result, backend};

/// Time since an arbitrary moment before this instance began. Only differences
/// mean anything.
///
/// # Errors
/// None that a plugin could mend.
pub fn monotonic() -> Result<Duration> {
    backend::clock_monotonic().map(Duration::from_nanos)
}

/// Time since the Unix epoch by the host's wall clock, in whole milliseconds.
///
/// # Errors
/// None that a plugin could mend.
pub fn wall() -> Result<Duration> {
    backend::clock_wall().map(Duration::from_millis)
}
