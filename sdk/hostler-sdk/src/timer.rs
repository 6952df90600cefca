//! Wake-ups: [`Event::Timer`](crate::Event::Timer) is delivered once per setting.

use std::time::Duration;

use crate::{Result, backend, process::millis};

/// Fires timer `id` once, `after` from now; more than 24 hours count as 24 hours.
/// Setting an id again moves it.
///
/// # Errors
/// `Limit` when 64 other timers are pending.
pub fn set(id: u64, after: Duration) -> Result {
    backend::timer_set(id, millis(after))
}

/// Forgets a timer; an id that is not pending is no error.
///
/// # Errors
/// None that a plugin could mend.
pub fn cancel(id: u64) -> Result {
    backend::timer_cancel(id)
}
