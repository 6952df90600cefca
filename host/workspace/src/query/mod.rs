//! What people ask of a session's directory, answered to the asker alone.

mod cancel;
mod edit;
mod entries;
mod error;
pub(crate) mod ignored;
mod page;
pub(crate) mod path;
mod search;
pub(crate) mod walk;

pub use cancel::{Cancel, QUERY_TIME};
pub use edit::{EditParams, Edited};
pub use entries::{
    DEFAULT_ENTRIES, EntriesPage, Entry, EntryKind, MAX_DEPTH, MAX_ENTRIES, TreeParams,
};
pub use error::{QueryError, QueryErrorKind};
pub use page::{Encoding, MAX_READ_BYTES, ReadPage, ReadParams};
pub use search::{
    Line, MAX_CONTEXT, MAX_MATCHES, MAX_PATTERN_BYTES, MAX_SEARCH_BYTES, MAX_SEARCHED_FILE, Match,
    Matches, SearchParams,
};

/// Paths and texts in one answer in bytes, about: written as JSON, every byte
/// may become six, and that must stay well below the largest message.
pub(crate) const MAX_SHOWN_BYTES: usize = 1024 * 1024;
