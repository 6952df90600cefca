use std::fmt;

use hostler_lease::Record;
use hostler_store::Leases;

/// Hears whether records are durable.
pub type Durable = Box<dyn FnOnce(Result<(), String>) + Send>;

/// Where leases are kept. The one here is SQLite; a host that outgrows one
/// machine needs another.
pub trait LeaseStore: Send + Sync + fmt::Debug {
    /// Writes the records, in the order of the calls, and calls `done` when they
    /// and all before them are durable, or with the reason why they are not.
    /// What could not be written stays due and goes ahead of the next. Without
    /// records: when all before is durable. Never blocks; `done` comes from
    /// another thread or at once, and must not block either.
    fn write(&self, records: Vec<Record>, done: Durable);
}

impl LeaseStore for Leases {
    fn write(&self, records: Vec<Record>, done: Durable) {
        Leases::write(self, records, |result| {
            done(result.map_err(|error| error.to_string()));
        });
    }
}
