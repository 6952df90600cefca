//! The journal as the session layer sees it.

use std::{
    collections::HashMap,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use crate::{
    Entry, Held, Retention, SessionKey, SessionRecord, StoreError, answers,
    checkpoint::{self, Care, Checkpoints},
    retention, schema,
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

#[derive(Debug)]
struct Writer {
    connection: Connection,
    /// Bytes since the last checkpoint was asked for.
    grown: usize,
    /// Bytes of sessions' updates that do not stand in their rows yet.
    uncounted: HashMap<SessionKey, usize>,
}

/// Bytes of one session's updates after which they are counted in its row, also
/// in the middle of a turn.
const COUNTED: usize = 256 * 1024;

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
        let total = retention::total(&connection).map_err(failed)?;
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
            writer: Mutex::new(Writer {
                connection,
                grown: 0,
                uncounted: HashMap::new(),
            }),
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
        self.0.checkpoints.ask();
        Err(StoreError::Full {
            path: self.0.path.clone(),
            message: format!("it holds {total} bytes of the {max} that it may"),
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
            retention::remove(&connection, session)?;
            retention::total(&connection)
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

impl Writer {
    fn create(&mut self, record: &SessionRecord) -> rusqlite::Result<SessionKey> {
        let mut additional = Vec::new();
        for path in &record.additional_directories {
            additional.extend_from_slice(path.as_os_str().as_bytes());
            additional.push(0);
        }
        let key = self
            .connection
            .prepare_cached(
                "INSERT INTO session (id, owner, harness, cwd, additional, updated, announced)
                 VALUES (?, ?, ?, ?, ?, ?, FALSE)",
            )?
            .insert(params![
                record.id,
                record.owner,
                record.harness,
                record.cwd.as_os_str().as_bytes(),
                additional,
                now()
            ])?;
        Ok(SessionKey(key))
    }

    fn append<'a>(
        &mut self,
        session: SessionKey,
        epoch: u64,
        entries: impl IntoIterator<Item = &'a Entry> + Clone,
    ) -> rusqlite::Result<()> {
        let key = session.0;
        let change = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let set = |statement: &str, value: &dyn rusqlite::ToSql| {
            change
                .prepare_cached(statement)?
                .execute(params![value, key])
                .map(drop)
        };
        const TURN: &str = "UPDATE session SET turn_open = ?1, updated = ?3 WHERE key = ?2";
        const COUNT: &str = "UPDATE session SET bytes = bytes + ?1 WHERE key = ?2";
        const ASKS: &str = "INSERT INTO latest (asks, session) VALUES (?1, ?2)
            ON CONFLICT DO UPDATE SET asks = excluded.asks";
        let mut bytes = frame_bytes(entries.clone());
        let mut uncounted = bytes + self.uncounted.get(&session).copied().unwrap_or_default();
        let mut count = uncounted >= COUNTED;
        for entry in entries {
            match entry {
                Entry::Frame { seq, update } => {
                    change
                        .prepare_cached(
                            "INSERT INTO frame (session, epoch, seq, body) VALUES (?, ?, ?, ?)",
                        )?
                        .execute(params![key, epoch.cast_signed(), seq.cast_signed(), update])?;
                }
                Entry::Announced => {
                    set("UPDATE session SET announced = ?1 WHERE key = ?2", &true)?;
                }
                Entry::Asks(asks) => {
                    bytes += asks.len();
                    set(ASKS, asks)?;
                }
                Entry::Title(title) => {
                    set("UPDATE session SET title = ?1 WHERE key = ?2", title)?;
                }
                Entry::TurnSent { key: prompt } => {
                    change
                        .prepare_cached(TURN)?
                        .execute(params![true, key, now()])?;
                    if let Some(prompt) = prompt {
                        change
                            .prepare_cached(answers::SENT)?
                            .execute(params![key, prompt])?;
                        change
                            .prepare_cached(answers::FORGET)?
                            .execute(params![key, answers::KEYS])?;
                    }
                }
                Entry::TurnEnded {
                    key: prompt,
                    answer,
                } => {
                    count = true;
                    change
                        .prepare_cached(TURN)?
                        .execute(params![false, key, now()])?;
                    if let Some(prompt) = prompt {
                        bytes += answer.len();
                        change
                            .prepare_cached(answers::ENDED)?
                            .execute(params![key, prompt, answer])?;
                    }
                }
                Entry::Checkpoint(state) => {
                    bytes += state.len();
                    set(
                        "INSERT INTO latest (checkpoint, session) VALUES (?1, ?2)
                         ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint",
                        &state.as_ref(),
                    )?;
                }
                Entry::Settings(settings) => {
                    bytes += settings.len();
                    set(
                        "INSERT INTO latest (settings, session) VALUES (?1, ?2)
                         ON CONFLICT DO UPDATE SET settings = excluded.settings",
                        settings,
                    )?;
                }
            }
        }
        if count && uncounted > 0 {
            set(COUNT, &i64::try_from(uncounted).unwrap_or(i64::MAX))?;
            uncounted = 0;
        }
        change.commit()?;
        if uncounted > 0 {
            self.uncounted.insert(session, uncounted);
        } else {
            self.uncounted.remove(&session);
        }
        // Each transaction costs at least a page or two of the log.
        self.grown += bytes + 8192;
        Ok(())
    }

    /// Whether it is time for a checkpoint; says so once.
    fn has_grown(&mut self) -> bool {
        let grown = self.grown >= checkpoint::EVERY;
        if grown {
            self.grown = 0;
        }
        grown
    }
}

fn frame_bytes<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> usize {
    let of = |entry: &Entry| match entry {
        Entry::Frame { update, .. } => update.len(),
        _ => 0,
    };
    entries.into_iter().map(of).sum()
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
