//! Moves the write-ahead log into the file and removes what there is too much
//! of, away from those who append.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
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

/// The log is moved each time that it has grown by this much. The end of it is
/// moved while those who append wait for the disk: the smaller the steps, the
/// shorter each wait.
pub(crate) const EVERY: usize = 4 * 1024 * 1024;

/// A log of this size means that more is appended than the disk takes: from
/// here on, who appends waits for the thread.
pub(crate) const LIMIT: u64 = 64 * 1024 * 1024;

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
    pub(crate) gate: Gate,
}

/// Who appends passes it. The thread closes it, and then nobody new passes: by
/// SQLite's lock alone the thread would find no gap between many who append.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<RwLock<()>>);

impl Gate {
    pub(crate) fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
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
        tidy(connection, path, work, care);
        match work.recv_timeout(TIDY) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        move_log(connection, path, &care.gate);
    }
    checkpoint(connection, path, "TRUNCATE");
}

/// Nearly all of it without being in anybody's way, and once more what came
/// meanwhile. Then the little that is left, so that the log begins anew, while
/// those who append wait for a moment. A log that has outgrown its bound is moved
/// while nobody appends, or it would go on growing.
fn move_log(connection: &Connection, path: &Path, gate: &Gate) {
    let log = std::fs::metadata(log_of(path));
    if log.is_ok_and(|log| log.len() <= LIMIT) {
        checkpoint(connection, path, "PASSIVE");
        checkpoint(connection, path, "PASSIVE");
    }
    let _closed = gate.close();
    // The file keeps its length: to write over it is cheaper than to make it
    // longer, and it takes time to make it shorter.
    checkpoint(connection, path, "RESTART");
}

/// Those who append do not wait until all of it is removed.
fn tidy(connection: &Connection, path: &Path, work: &Receiver<()>, care: &Care) {
    let mut between = || {
        if work.try_recv().is_ok() {
            move_log(connection, path, &care.gate);
        }
    };
    let Care {
        retention,
        in_use,
        demand,
        ..
    } = care;
    match retention::tidy(connection, retention, in_use, demand, &mut between) {
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
