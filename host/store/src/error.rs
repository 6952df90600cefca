//! What can go wrong with a database.

use std::path::PathBuf;

/// Each message names the file, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The file was written by a newer Hostler.
    #[error(
        "{path} was written by a newer Hostler (format {found}, this one knows up to {known}): \
         install that version again, or use another --state-dir"
    )]
    Newer {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    /// The file is no database, or a damaged one.
    #[error(
        "{path} is damaged: {message}. Move it away (with its -wal and -shm files) to start with an \
         empty one, or restore it from a backup"
    )]
    Damaged { path: PathBuf, message: String },
    /// No more fits in, by its bound or because the disk is full. The message says
    /// which, and what to do.
    #[error("{path} is full: {message}")]
    Full { path: PathBuf, message: String },
    /// It cannot be opened, read or written.
    #[error("{path}: {message}")]
    Failed { path: PathBuf, message: String },
}

impl StoreError {
    pub(crate) fn of(path: &std::path::Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let message = error.to_string();
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, message }
            }
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full {
                path,
                message: format!("{message}. Make room on the disk"),
            },
            _ => Self::Failed { path, message },
        }
    }
}
