//! What a host keeps on disk. Today that is the [`Journal`]: every session with
//! its frames, turns and last checkpoint.
//!
//! ```text
//! sessions ── append (async) ──> one writer thread ── one transaction for all that waits ──> journal.db
//! readers  ── a connection of their own each, off the async pool ──────────────────────────^
//! ```
//!
//! - [`journal`]: what the session layer calls.
//! - `writer`: the thread that owns the writing connection.
//! - `schema`: the tables, and numbered migrations.
//! - [`record`]: what is kept.
//!
//! Rules: an append that returned `Ok` outlives the process (not a power loss:
//! the write-ahead log is not synced for each commit, so each start has a new
//! epoch). The file is append-only but for a session's own row.
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

mod error;
mod journal;
mod record;
mod schema;
mod writer;

pub use error::StoreError;
pub use journal::Journal;
pub use record::{Entry, Frame, SessionRecord, StoredSession, TurnState};
