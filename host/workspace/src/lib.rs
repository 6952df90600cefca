//! A session's directory, and the files in it.
//!
//! - [`Roots`]: the directories under which a session may work. [`Roots::check`]
//!   resolves a `cwd`, [`Roots::open`] makes a [`Tree`] of it.
//! - [`Tree`]: text files under one directory, for an agent's
//!   `fs/read_text_file` and `fs/write_text_file`. It holds the directory as a
//!   capability: whatever a path says, and whatever is renamed or linked while
//!   it is followed, nothing outside is reached.
//!
//! Everything here blocks on the file system: call it off the async pool.
//!
//! Deliberately absent: what an agent's own process does to files (it has the
//! user's rights), Git, watching, binary files.
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
mod read;
mod roots;
mod tree;
mod write;

pub use error::{FileError, RootError};
pub use roots::Roots;
pub use tree::{MAX_FILE_BYTES, MAX_PATH_BYTES, Tree};
