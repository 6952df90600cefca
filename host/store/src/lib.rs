//! What a host keeps on disk. Today that is the [`Journal`]: every session with
//! its frames, turns and last checkpoint.
//!
//! ```text
//! sessions ── append, in their own thread ──> one connection ── write-ahead log ──> journal.db
//! readers  ── a connection each, off the async pool ──────────────────────────────^   ^
//!                                            checkpoints: a thread with its own ──────┘
//! ```
//!
//! - [`journal`]: what the session layer calls.
//! - `checkpoint`: moves the log into the file, so that it stays small.
//! - `schema`: the tables, and numbered migrations.
//! - [`record`]: what is kept.
//!
//! Rules: an append that returned `Ok` outlives the process (not a power loss:
//! the log is not synced for each append, so each start has a new epoch). An
//! append writes to the page cache and waits for no disk, so it is done where it
//! is asked for, without a queue. Frames are only ever added.
//!
//! Deliberately absent: what a frame means, who may read it, retention.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod checkpoint;
mod error;
mod journal;
mod record;
mod schema;

pub use error::StoreError;
pub use journal::Journal;
pub use record::{Entry, SessionKey, SessionRecord, StoredSession};
