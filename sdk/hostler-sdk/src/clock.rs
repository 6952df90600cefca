//! Time. `std::time::Instant::now` does not work in a plugin.

use std::time::Duration;

use crate::{Result, backend, process::millis};

/// The longest sleep of one call; the contract's bound.
const MAX_SLEEP: Duration = Duration::from_secs(60);

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

/// Returns after this time. For device providers alone.
///
/// # Errors
/// `Other` when the host cancelled the call meanwhile.
pub fn sleep(time: Duration) -> Result {
    let mut left = time;
    loop {
        let part = left.min(MAX_SLEEP);
        backend::sleep(millis(part).try_into().unwrap_or(u32::MAX))?;
        left -= part;
        if left.is_zero() {
            return Ok(());
        }
    }
}
