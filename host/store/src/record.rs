//! What is kept of a session.

use std::{collections::BTreeMap, path::PathBuf, time::SystemTime};

use bytes::Bytes;
use hostler_replay::Position;

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
    /// Further folders.
    pub additional_directories: Vec<PathBuf>,
    /// The devices that its agent may have, as whoever began it named them; all
    /// that there are, if it named none.
    pub devices: Option<Vec<String>>,
    /// Its agent had begun the conversation before there was a session, and knows
    /// it by the same id.
    pub outside: bool,
}

/// A session's place in this journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey(pub(crate) i64);

/// A session as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// For what follows.
    pub key: SessionKey,
    /// How it began.
    pub record: SessionRecord,
    /// What it is called.
    pub title: Option<String>,
    /// When a turn last began or ended, in whole milliseconds.
    pub updated: SystemTime,
    /// What a fresh instance of the harness gets.
    pub checkpoint: Option<Bytes>,
    /// The JSON of modes and options as they stand.
    pub settings: Option<String>,
    /// The JSON array that [`Entry::Asks`] was given last.
    pub asks: Option<String>,
    /// A turn was given to a harness, and its end is not known.
    pub turn_open: bool,
    /// Who else may use it, and as what: the word given to
    /// [`Journal::share`](crate::Journal::share).
    pub shares: BTreeMap<String, String>,
    /// Its beginning was removed because it had grown too large.
    pub is_trimmed: bool,
}

/// A frame with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Where it stands in its session's stream.
    pub position: Position,
    /// The JSON of its `update`.
    pub update: String,
}

/// What the journal knows of a prompt's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it was never given to a harness, or that is long ago.
    No,
    /// It was given to a harness, and its end is not known.
    Sent,
    /// What it came to, as given to [`Entry::TurnEnded`] or [`Entry::Answered`].
    Answered(String),
}

/// One step of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The JSON of an `update`, with its place in the stream of this epoch.
    Frame { seq: u64, update: String },
    /// A client knows of the session: from now on it is found and listed.
    Announced,
    /// What the session is called.
    Title(String),
    /// A turn, perhaps with a key, is about to be given to the harness: from now
    /// on it must not run again.
    TurnSent { key: Option<String> },
    /// The turn is answered, or given up. The text is whatever the caller wants
    /// to find again under the key.
    TurnEnded { key: Option<String>, answer: String },
    /// A prompt with a key is answered that was never given to the harness.
    Answered { key: String, answer: String },
    /// Replaces the last one.
    Checkpoint(Bytes),
    /// Replaces the last ones.
    Settings(String),
    /// The questions that are open, a JSON array. Replaces the last one.
    Asks(String),
}
