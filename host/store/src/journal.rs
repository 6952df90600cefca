//! The journal as the session layer sees it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OpenFlags};

use crate::{
    Entry, Held, Retention, SessionKey, SessionRecord, StoreError,
    checkpoint::{self, Care, Checkpoints},
    retention, schema,
    writer::{Writer, frame_bytes},
};

/// `journal.db` of one host. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    epoch: u64,
    writer: Mutex<Writer>,
    checkpoints: Checkpoints,
    care: Care,
}

impl Journal {
    /// Opens the file, made when missing, and begins a new epoch. Keeps what
    /// [`Retention::default`] says. Blocks.
    ///
    /// # Errors
    /// The file is damaged, from a newer version, or cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Retention::default())
    }

    /// [`open`](Self::open), and keeps what `retention` says.
    ///
    /// # Errors
    /// The same.
    pub fn open_with(path: &Path, retention: Retention) -> Result<Self, StoreError> {
        let failed = |error: rusqlite::Error| StoreError::of(path, &error);
        let mut connection = schema::open(path)?;
        let epoch = begin(&mut connection).map_err(failed)?;
        let care = Care {
            retention,
            ..Care::default()
        };
        let total = retention::total(&connection, &care.demand.uncounted).map_err(failed)?;
        care.total.store(total, Ordering::Relaxed);
        let checkpoints = checkpoint::start(path, care.clone())?;
        Ok(Self::with(path, connection, epoch, checkpoints, care))
    }

    fn with(
        path: &Path,
        connection: Connection,
        epoch: i64,
        checkpoints: Checkpoints,
        care: Care,
    ) -> Self {
        Self(Arc::new(Inner {
            path: path.to_owned(),
            epoch: epoch.cast_unsigned(),
            writer: Mutex::new(Writer::new(connection, care.demand.uncounted.clone())),
            checkpoints,
            care,
        }))
    }

    #[cfg(test)]
    pub(crate) fn in_use(&self) -> retention::InUse {
        self.0.care.in_use.clone()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// The epoch of everything that this host appends: greater than any before.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Begins a session.
    ///
    /// # Errors
    /// It could not be written; nothing is kept.
    pub fn create(&self, record: &SessionRecord) -> Result<SessionKey, StoreError> {
        self.with_writer(|writer| writer.create(record))
    }

    /// Begins a session with what its agent and people had said before: it can be
    /// found at once. `false`, and nothing is kept: there is a session of that id.
    /// Blocks for as long as it is large.
    ///
    /// # Errors
    /// It could not be written; nothing is kept.
    pub fn adopt(
        &self,
        record: &SessionRecord,
        title: Option<&str>,
        updates: &[String],
    ) -> Result<bool, StoreError> {
        let bytes: usize = updates.iter().map(String::len).sum();
        self.check_room(bytes)?;
        let (adopted, grown) = self.with_writer(|writer| {
            let adopted = writer.adopt(record, title, self.0.epoch, updates)?;
            Ok((adopted, writer.has_grown()))
        })?;
        if adopted {
            self.0.care.total.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        if grown {
            self.ask_for_checkpoint();
        }
        Ok(adopted)
    }

    /// While the result lives the session is not removed. `None`: it is gone.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn hold(&self, session: SessionKey) -> Result<Option<Held>, StoreError> {
        let held = self.0.care.in_use.hold(session);
        let found = self.read(|connection| {
            connection
                .prepare("SELECT 1 FROM session WHERE key = ? AND announced")?
                .exists([session.0])
        })?;
        Ok(found.then_some(held))
    }

    /// [`hold`](Self::hold) for a session that was just created.
    #[must_use]
    pub fn hold_new(&self, session: SessionKey) -> Held {
        self.0.care.in_use.hold(session)
    }

    /// Keeps every session from now on: a host that ends lets go of all that it
    /// used, and they are no less wanted for that.
    pub fn hold_all(&self) {
        self.0.care.in_use.hold_all();
    }

    /// Appends steps of one session, all or none.
    ///
    /// # Errors
    /// They could not be written; nothing is kept.
    pub fn append<'a>(
        &self,
        session: SessionKey,
        entries: impl IntoIterator<Item = &'a Entry> + Clone,
    ) -> Result<(), StoreError> {
        if entries.clone().into_iter().next().is_none() {
            return Ok(());
        }
        let bytes = frame_bytes(entries.clone());
        self.check_room(bytes)?;
        let grown = self.with_writer(|writer| {
            writer.append(session, self.0.epoch, entries)?;
            Ok(writer.has_grown())
        })?;
        self.0.care.total.fetch_add(bytes as u64, Ordering::Relaxed);
        if grown {
            self.ask_for_checkpoint();
        }
        Ok(())
    }

    /// Steps without updates always find room: they are small, and with them
    /// turns end.
    fn check_room(&self, bytes: usize) -> Result<(), StoreError> {
        let max = self.0.care.retention.max_total_bytes;
        let total = self.0.care.total.load(Ordering::Relaxed);
        if bytes == 0 || total.saturating_add(bytes as u64) <= max {
            return Ok(());
        }
        // The thread makes room, if it can.
        let refused = &self.0.care.demand.refused;
        refused.fetch_max(bytes as u64, Ordering::Relaxed);
        self.0.checkpoints.ask();
        Err(StoreError::Full {
            path: self.0.path.clone(),
            message: format!(
                "it holds {total} bytes of the {max} that it may. Raise `[journal] \
                 max_total_bytes`, or delete sessions that are not needed (`hostler session \
                 delete`)"
            ),
        })
    }

    /// Not while the writer is locked: the others append on meanwhile.
    fn ask_for_checkpoint(&self) {
        self.0.checkpoints.ask();
        let log = std::fs::metadata(checkpoint::log_of(&self.0.path));
        if log.is_ok_and(|log| log.len() > checkpoint::LIMIT) {
            self.0.checkpoints.wait();
        }
    }

    /// Nobody finds the session any more; the next start removes it, if nobody
    /// does before.
    ///
    /// # Errors
    /// It could not be written.
    pub fn hide(&self, session: SessionKey) -> Result<(), StoreError> {
        self.write(|connection| {
            connection
                .execute(
                    "UPDATE session SET announced = FALSE WHERE key = ?",
                    [session.0],
                )
                .map(drop)
        })
    }

    /// [`hide`](Self::hide), unless somebody uses the session: then `false`.
    ///
    /// # Errors
    /// It could not be written.
    pub fn hide_unused(&self, session: SessionKey) -> Result<bool, StoreError> {
        self.write(|connection| retention::hide(connection, session, &self.0.care.in_use))
    }

    /// Removes a session that nobody uses any more. Blocks for as long as it is
    /// large.
    ///
    /// # Errors
    /// It could not be written.
    pub fn remove(&self, session: SessionKey) -> Result<(), StoreError> {
        self.hide(session)?;
        let removed = Connection::open(&self.0.path).and_then(|mut connection| {
            connection.busy_handler(Some(wait_for_the_lock))?;
            connection.pragma_update(None, "foreign_keys", true)?;
            retention::remove(&connection, session, &mut || {})?;
            let uncounted = &self.0.care.demand.uncounted;
            uncounted.set(session, 0);
            retention::total(&connection, uncounted)
        });
        let total = removed.map_err(|error| StoreError::of(&self.0.path, &error))?;
        self.0.care.total.store(total, Ordering::Relaxed);
        Ok(())
    }

    /// Moves all that is in the log into the file, for a stop in order. Blocks.
    ///
    /// # Errors
    /// It could not be moved; it stays in the log.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        })
    }

    /// Something small, with the connection that appends.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.with_writer(|writer| work(&writer.connection))
    }

    fn with_writer<T>(
        &self,
        work: impl FnOnce(&mut Writer) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let _passed = self.0.care.gate.pass();
        // A transaction that a panic left open is rolled back when it is dropped.
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut writer).map_err(|error| StoreError::of(&self.0.path, &error))
    }

    /// Reading waits for nobody who writes, nor the other way round.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let path = &self.0.path;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(path, flags)
            .and_then(|connection| query(&connection))
            .map_err(|error| StoreError::of(path, &error))
    }
}

/// Begins an epoch, and makes the connection the one that appends.
fn begin(connection: &mut Connection) -> rusqlite::Result<i64> {
    let epoch = schema::durably(connection, |connection| {
        connection.query_row(
            "UPDATE host SET epoch = epoch + 1 RETURNING epoch",
            [],
            |row| row.get(0),
        )
    })?;
    // What an earlier host had begun and told nobody of.
    connection.execute("DELETE FROM session WHERE NOT announced", [])?;
    // What was not counted when it was interrupted.
    connection.execute(
        "UPDATE session SET bytes =
            (SELECT coalesce(sum(octet_length(body)), 0) FROM frame WHERE session = session.key)
         WHERE turn_open",
        [],
    )?;
    connection.busy_handler(Some(wait_for_the_lock))?;
    Ok(epoch)
}

/// How long to sleep before the lock is tried again. It is held while the rest of
/// the log is moved into the file: microseconds, or as long as the disk takes.
const NAP: Duration = Duration::from_millis(2);

/// After so many naps, and again after so many, the log of the host says why
/// nothing goes on.
const NAPS_UNTIL_WARNING: i32 = 2500;

/// Waits for as long as it takes: a slow disk must not end sessions.
fn wait_for_the_lock(naps: i32) -> bool {
    if naps % NAPS_UNTIL_WARNING == NAPS_UNTIL_WARNING - 1 {
        tracing::warn!(
            "the journal cannot be written: the disk is very slow, or another program has \
             locked it; sessions wait"
        );
    }
    std::thread::sleep(NAP);
    true
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
