//! What is kept of a session.

use std::{path::PathBuf, time::SystemTime};

use bytes::Bytes;

/// What a session is from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// A UUID.
    pub id: String,
    /// The principal whose it is.
    pub owner: String,
    /// The id of the harness' plugin.
    pub harness: String,
    /// Its root.
    pub cwd: PathBuf,
    pub additional_directories: Vec<PathBuf>,
}

/// A session as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    pub record: SessionRecord,
    pub title: Option<String>,
    /// When something was last appended, in whole milliseconds.
    pub updated: SystemTime,
    /// What a fresh instance of the harness gets.
    pub checkpoint: Option<Bytes>,
    /// A turn that was given to a harness and whose end is not known.
    pub open_turn: Option<String>,
}

/// One step of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The JSON of an `update`, with its place in the stream.
    Frame { seq: u64, update: String },
    /// What the session is called.
    Title(String),
    /// A turn passed into this state. `key` tells turns apart.
    Turn { key: String, state: TurnState },
    /// Replaces the last one.
    Checkpoint(Bytes),
    /// The session and all that it has are forgotten.
    Deleted,
}

/// How far a turn has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnState {
    /// About to be given to the harness: from now on it must not run again.
    Sent,
    /// Answered, or given up.
    Ended,
}

/// A stored frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub epoch: u64,
    pub seq: u64,
    pub update: String,
}
