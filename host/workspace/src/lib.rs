//! A session's directory, and the files in it.
//!
//! - [`Roots`]: the directories under which a session may work. [`Roots::check`]
//!   resolves a `cwd`, [`Roots::open`] makes a [`Tree`] of it.
//! - [`Tree`]: the files under one directory. It holds the directory as a
//!   capability: whatever a path says, and whatever is renamed or linked while
//!   it is followed, nothing outside is reached.
//!   - For an agent's `fs/read_text_file` and `fs/write_text_file`, with
//!     absolute paths: [`Tree::read_text`], [`Tree::write_text`].
//!   - For people, with paths relative to the directory (`query`):
//!     [`Tree::entries`], [`Tree::read_page`], [`Tree::search`], and
//!     [`Tree::edit`], which is refused if the file has changed since it was
//!     read.
//!   - From the Git repository of the directory (`git`): [`Tree::status`],
//!     [`Tree::diff`], [`Tree::log`].
//!
//! A query takes its parameters as they came in JSON, runs until it is done or
//! its [`Cancel`] ends it, and answers with something to be written as JSON, or
//! with a [`QueryError`], whose kind has a name that stays. An answer has about
//! a million bytes of text at most; what has more comes in pages.
//!
//! Everything here blocks on the file system: call it off the async pool.
//!
//! Deliberately absent: what an agent's own process does to files (it has the
//! user's rights), watching, changing Git data, Git filters and configuration.
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
mod git;
mod query;
mod read;
mod roots;
mod tree;
mod write;

pub use error::{FileError, RootError};
pub use git::{
    Author, Change, Commit, DiffParams, Diffs, FileDiff, LogPage, LogParams, MAX_CHANGES,
    MAX_COMMITS, MAX_DIFF_BYTES, MAX_DIFFED_FILE, Status, StatusEntry, StatusParams,
};
pub use query::{
    Cancel, DEFAULT_ENTRIES, EditParams, Edited, Encoding, EntriesPage, Entry, EntryKind, Line,
    MAX_CONTEXT, MAX_DEPTH, MAX_ENTRIES, MAX_MATCHES, MAX_PATTERN_BYTES, MAX_READ_BYTES,
    MAX_SEARCH_BYTES, MAX_SEARCHED_FILE, Match, Matches, QUERY_TIME, QueryError, QueryErrorKind,
    ReadPage, ReadParams, SearchParams, TreeParams,
};
pub use roots::Roots;
pub use tree::{MAX_FILE_BYTES, MAX_PATH_BYTES, Tree};
