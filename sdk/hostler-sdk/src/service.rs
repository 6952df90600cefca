//! Programs that belong to a device: an emulator, a driver. They survive the
//! call, the instance and the hand-over to another holder, and end with the
//! device or the host. For device providers alone.

use std::time::Duration;

use crate::{
    Result, backend,
    process::{Command, millis},
};

/// Starts the program of that name, unless it runs already with the same
/// command: another command replaces it. Returns the first line of its output
/// that contains `ready`, which a running one has printed before. A `timeout` of
/// more than 5 minutes counts as that.
///
/// # Errors
/// `Denied` without a grant, `NotFound` when the program is not on the host's
/// PATH, `Limit` when it was killed for not being ready in time, `Other` with its
/// last lines when it ended before.
pub fn start(name: &str, command: &Command, ready: &str, timeout: Duration) -> Result<String> {
    let timeout = millis(timeout).try_into().unwrap_or(u32::MAX);
    backend::service_start(name, command, ready, timeout)
}

/// Ends it with all that it started; one that does not run is no error.
///
/// # Errors
/// None that a plugin could mend.
pub fn stop(name: &str) -> Result {
    backend::service_stop(name)
}
