//! What a host keeps on disk: the [`Journal`], every session with its frames,
//! turns and last checkpoint; and the [`Records`], its tokens and who did what.
//!
//! ```text
//! sessions ── append, where they are ──> one connection ── write-ahead log ──> journal.db
//! readers  ── a connection each, off the async pool ──────────────────────────^   ^
//!                                        checkpoints: a thread with its own ──────┘
//! ```
//!
//! - [`journal`]: what the session layer appends to; `writer`: how. [`sessions`]: which there
//!   are. [`pages`]: a session's updates from a position on, bit by bit.
//!   [`answers`]: keys of prompts, and shares.
//! - `checkpoint`: moves the log into the file, so that it stays small;
//!   [`retention`]: what there is too much of goes.
//! - `schema`: the tables, and numbered migrations.
//! - [`record`]: what is kept of sessions.
//! - [`records`]: `hostler.db`, of which every write is on the disk when it
//!   returns. [`audit`]: the part of it that is only ever added to, and a thread
//!   that adds for those who cannot wait. [`leases`]: who holds which device, with
//!   a thread that writes for all who wait.
//!
//! Rules of the journal: an append that returned `Ok` outlives the process (not a power loss:
//! the log is not synced for each append, so each start has a new epoch, which
//! is). An append writes to the page cache and is done where it is asked for,
//! without a queue. It waits for the disk in two cases: for as long as it takes,
//! while the thread moves the end of the log into the file; and for the thread,
//! when the log has outgrown its bound. Frames are only ever added, and go from
//! the beginning of a session, or with it.
//!
//! Deliberately absent: what a frame means, who may read it.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod answers;
mod audit;
mod checkpoint;
mod error;
mod journal;
mod leases;
mod pages;
mod record;
mod records;
mod retention;
mod schema;
mod sessions;
mod writer;

pub use audit::{Audit, AuditFilter, AuditRecord, StoredAudit};
pub use error::StoreError;
pub use journal::Journal;
pub use leases::{Leases, LoadedLeases};
pub use pages::Pages;
pub use record::{Entry, Known, Placed, SessionKey, SessionRecord, StoredSession};
pub use records::{Records, StoredToken};
pub use retention::{Held, Retention};
