//! Devices that are played, so that tests of what lends them need none.
//!
//! - [`Played`]: two devices, each with a counter and a button that counts.
//! - [`Easy`]: the policy that gives everybody what they want.
//! - [`Kept`]: leases that outlive the service; [`devices`] starts one on them.

mod counter;
mod easy;

use std::sync::{Arc, Mutex};

use hostler_device::{Config, Devices, Durable, LeaseStore, Unobserved};
use hostler_lease::{Record, Saved};

pub use counter::Played;
pub use easy::Easy;

/// The picture of their screens: as much of a PNG as is known again.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\nplayed";

/// A lease store that keeps what it is given, so that a host can start again.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<Saved>>);

impl Kept {
    /// What was written last.
    pub fn saved(&self) -> Saved {
        let kept = self.0.lock().unwrap();
        kept.clone().unwrap_or_else(|| Saved::new(1_700_000_000))
    }
}

impl LeaseStore for Kept {
    fn write(&self, records: Vec<Record>, done: Durable) {
        let mut saved = self.saved();
        records.into_iter().for_each(|record| saved.apply(record));
        *self.0.lock().unwrap() = Some(saved);
        done(Ok(()));
    }
}

/// A service with two played devices, `play:one` and `play:two`, that is started
/// for the `starts`th time. To be called inside a Tokio runtime.
pub fn devices(kept: &Arc<Kept>, starts: u32) -> (Devices, Played) {
    let devices = Devices::start(
        Config::new("easy"),
        kept.saved(),
        starts,
        kept.clone(),
        Arc::new(Unobserved),
    );
    let played = Played::default();
    devices.set_policy(Arc::new(Easy));
    devices.set_provider(Arc::new(played.clone()));
    (devices, played)
}
