//! Moves the write-ahead log into the file, away from those who append.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

use rusqlite::Connection;

use crate::StoreError;

/// The log is moved each time that it has grown by this much.
pub(crate) const EVERY: usize = 4 * 1024 * 1024;

/// A log of this size means that more is appended than the disk takes: from
/// here on, who appends waits for the thread.
pub(crate) const LIMIT: u64 = 32 * 1024 * 1024;

/// How long to wait for readers and for who appends; the next time tries again.
const PATIENCE: Duration = Duration::from_millis(500);

/// Starts the thread. It works at each message, and a last time when the sender
/// is dropped.
pub(crate) fn start(path: &Path) -> Result<SyncSender<()>, StoreError> {
    let connection = Connection::open(path).map_err(|error| StoreError::of(path, &error))?;
    connection
        .busy_timeout(PATIENCE)
        .map_err(|error| StoreError::of(path, &error))?;
    // One message that waits is as good as many.
    let (sender, work) = sync_channel(1);
    let name = path.to_owned();
    std::thread::Builder::new()
        .name("hostler-checkpoint".into())
        .spawn(move || run(&connection, &name, &work))
        .map_err(|error| StoreError::Failed {
            path: path.to_owned(),
            message: format!("its checkpoint thread: {error}"),
        })?;
    Ok(sender)
}

fn run(connection: &Connection, path: &Path, work: &Receiver<()>) {
    while work.recv().is_ok() {
        // Nearly all of it without being in anybody's way, then the rest so that
        // the log begins anew, while those who append wait for a moment.
        checkpoint(connection, path, "PASSIVE");
        checkpoint(connection, path, "TRUNCATE");
    }
    checkpoint(connection, path, "TRUNCATE");
}

fn checkpoint(connection: &Connection, path: &Path, mode: &str) {
    let query = format!("PRAGMA wal_checkpoint({mode})");
    if let Err(error) = connection.query_row(&query, [], |_| Ok(())) {
        tracing::warn!(path = %path.display(), %error, "the journal's log could not be moved into the file");
    }
}

/// Where SQLite keeps the log of a file.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}
