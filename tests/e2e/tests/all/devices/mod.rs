//! Browsers as devices, with the real chromedriver and clients that others wrote.
//!
//! - [`shared`]: clients of three kinds share two phones, over a kill of the host.
//! - [`holes`]: what goes wrong elsewhere when clients share devices.
//! - [`queue`]: who waits, over the loss of the host, and what others are told.
//! - [`stale`]: a holder that was stopped past its time.
//! - [`agent`]: a coding agent drives a phone with the tools it was given.
//! - [`broken`]: a provider that cannot work says so.

mod agent;
mod broken;
mod holes;
mod queue;
mod shared;
mod stage;
mod stale;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    [
        agent::trials(),
        broken::trials(),
        holes::trials(),
        queue::trials(),
        shared::trials(),
        stale::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
