//! Moves the write-ahead log into the file and removes what there is too much
//! of, away from those who append.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::Connection;

use crate::{
    StoreError,
    retention::{self, Demand, InUse, Retention},
};

/// The log is moved each time that it has grown by this much.
pub(crate) const EVERY: usize = 4 * 1024 * 1024;

/// A log of this size means that more is appended than the disk takes: from
/// here on, who appends waits for the thread.
pub(crate) const LIMIT: u64 = 32 * 1024 * 1024;

/// How long to wait for readers and for who appends; the next time tries again.
const PATIENCE: Duration = Duration::from_millis(500);

/// Sessions grow too old by themselves: this is often enough to look for them.
const TIDY: Duration = Duration::from_secs(60 * 60);

/// What the thread looks after besides the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Care {
    pub(crate) retention: Retention,
    pub(crate) in_use: InUse,
    pub(crate) demand: Demand,
    /// Bytes of updates in the file.
    pub(crate) total: Arc<AtomicU64>,
}

/// The way to the thread. Dropped, it waits until the thread has done its last
/// work and let go of the file.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    sender: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    #[cfg(test)]
    pub(crate) fn without_thread(sender: SyncSender<()>) -> Self {
        let (sender, thread) = (Some(sender), None);
        Self { sender, thread }
    }

    /// Asks for one; if one is on its way already, that will do.
    pub(crate) fn ask(&self) {
        if let Some(sender) = &self.sender {
            let _ = sender.try_send(());
        }
    }

    /// Waits until the thread takes up the one before, and asks for one more.
    pub(crate) fn wait(&self) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(());
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.sender.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been said by its hook.
            let _ = thread.join();
        }
    }
}

/// Starts the thread. It works at each message, and a last time when the sender
/// is dropped.
pub(crate) fn start(path: &Path, care: Care) -> Result<Checkpoints, StoreError> {
    let connection = Connection::open(path).map_err(|error| StoreError::of(path, &error))?;
    connection
        .busy_timeout(PATIENCE)
        .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
        .map_err(|error| StoreError::of(path, &error))?;
    // One message that waits is as good as many.
    let (sender, work) = sync_channel(1);
    let name = path.to_owned();
    let thread = std::thread::Builder::new()
        .name("hostler-checkpoint".into())
        .spawn(move || run(&connection, &name, &work, &care))
        .map_err(|error| StoreError::Failed {
            path: path.to_owned(),
            message: format!("its checkpoint thread: {error}"),
        })?;
    Ok(Checkpoints {
        sender: Some(sender),
        thread: Some(thread),
    })
}

fn run(connection: &Connection, path: &Path, work: &Receiver<()>, care: &Care) {
    loop {
        tidy(connection, path, care);
        match work.recv_timeout(TIDY) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        // Nearly all of it without being in anybody's way, then the rest so that
        // the log begins anew, while those who append wait for a moment.
        checkpoint(connection, path, "PASSIVE");
        checkpoint(connection, path, "TRUNCATE");
    }
    checkpoint(connection, path, "TRUNCATE");
}

fn tidy(connection: &Connection, path: &Path, care: &Care) {
    match retention::tidy(connection, &care.retention, &care.in_use, &care.demand) {
        Ok(total) => care.total.store(total, Ordering::Relaxed),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "old sessions could not be removed");
        }
    }
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
