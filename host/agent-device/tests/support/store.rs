use std::sync::{Arc, Mutex};

use hostler_device::{Durable, LeaseStore};
use hostler_lease::{Record, Saved};

/// What is kept of leases, in memory.
#[derive(Debug)]
pub(crate) struct Memory(Mutex<(Saved, u32)>);

impl Memory {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new((Saved::new(1_700_000_000), 0))))
    }

    /// For a host that starts.
    pub(crate) fn load(&self) -> (Saved, u32) {
        let mut kept = self.0.lock().unwrap();
        kept.1 += 1;
        kept.clone()
    }
}

impl LeaseStore for Memory {
    fn write(&self, records: Vec<Record>, done: Durable) {
        let mut kept = self.0.lock().unwrap();
        for record in records {
            kept.0.apply(record);
        }
        drop(kept);
        done(Ok(()));
    }
}
