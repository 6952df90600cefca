//! The journal as the session layer sees it.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc::SyncSender},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, TransactionBehavior, params};

use crate::{Entry, SessionKey, SessionRecord, StoreError, StoredSession, checkpoint, schema};

/// `journal.db` of one host. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    epoch: u64,
    writer: Mutex<Writer>,
    checkpoints: SyncSender<()>,
}

#[derive(Debug)]
struct Writer {
    connection: Connection,
    /// Bytes since the last checkpoint was asked for.
    grown: usize,
}

const SESSION: &str = "
    SELECT key, id, owner, harness, cwd, additional, title, updated, turn_open, checkpoint,
        settings, asks
    FROM session LEFT JOIN latest ON latest.session = session.key
    WHERE announced";

impl Journal {
    /// Opens the file, made when missing, and begins a new epoch. Blocks.
    ///
    /// # Errors
    /// The file is damaged, from a newer version, or cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = schema::open(path)?;
        let epoch = begin(&mut connection).map_err(|error| StoreError::of(path, &error))?;
        let checkpoints = checkpoint::start(path)?;
        Ok(Self::with(path, connection, epoch, checkpoints))
    }

    fn with(path: &Path, connection: Connection, epoch: i64, checkpoints: SyncSender<()>) -> Self {
        Self(Arc::new(Inner {
            path: path.to_owned(),
            epoch: epoch.cast_unsigned(),
            writer: Mutex::new(Writer {
                connection,
                grown: 0,
            }),
            checkpoints,
        }))
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
        self.write(|writer| writer.create(record))
    }

    /// Appends steps of one session, all or none.
    ///
    /// # Errors
    /// They could not be written; nothing is kept.
    pub fn append(&self, session: SessionKey, entries: &[Entry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let grown = self.write(|writer| {
            writer.append(session, self.0.epoch, entries)?;
            Ok(writer.has_grown())
        })?;
        if grown {
            self.ask_for_checkpoint();
        }
        Ok(())
    }

    /// Not while the writer is locked: the others append on meanwhile.
    fn ask_for_checkpoint(&self) {
        // Full: one is on its way already.
        let _ = self.0.checkpoints.try_send(());
        let log = std::fs::metadata(checkpoint::log_of(&self.0.path));
        if log.is_ok_and(|log| log.len() > checkpoint::LIMIT) {
            // Waits until the thread has got so far.
            let _ = self.0.checkpoints.send(());
        }
    }

    /// Forgets a session that never came to be.
    ///
    /// # Errors
    /// It could not be written.
    pub fn remove(&self, session: SessionKey) -> Result<(), StoreError> {
        self.write(|writer| {
            writer
                .connection
                .execute("DELETE FROM session WHERE key = ?", [session.0])
                .map(drop)
        })
    }

    /// Moves all that is in the log into the file, for a stop in order. Blocks.
    ///
    /// # Errors
    /// It could not be moved; it stays in the log.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.write(|writer| {
            writer
                .connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        })
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&mut Writer) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        // A transaction that a panic left open is rolled back when it is dropped.
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut writer).map_err(|error| StoreError::of(&self.0.path, &error))
    }

    /// One session. Blocks, like all that reads.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn session(&self, id: &str) -> Result<Option<StoredSession>, StoreError> {
        self.read(|connection| {
            connection
                .query_row(&format!("{SESSION} AND id = ?"), [id], session)
                .optional()
        })
    }

    /// The sessions of an owner, the latest first, at most `limit`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sessions(&self, owner: &str, limit: usize) -> Result<Vec<StoredSession>, StoreError> {
        self.read(|connection| {
            connection
                .prepare(&format!(
                    "{SESSION} AND owner = ? ORDER BY updated DESC, key DESC LIMIT ?"
                ))?
                .query_map(params![owner, limit.cast_signed()], session)?
                .collect()
        })
    }

    /// Gives each update of a session to `take`, in order, until it returns
    /// `false`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn replay(
        &self,
        session: SessionKey,
        mut take: impl FnMut(&str) -> bool,
    ) -> Result<(), StoreError> {
        self.read(|connection| {
            let mut query =
                connection.prepare("SELECT body FROM frame WHERE session = ? ORDER BY key")?;
            let mut rows = query.query([session.0])?;
            while let Some(row) = rows.next()? {
                if !take(row.get_ref(0)?.as_str()?) {
                    break;
                }
            }
            Ok(())
        })
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

    fn append(
        &mut self,
        session: SessionKey,
        epoch: u64,
        entries: &[Entry],
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
        const ASKS: &str = "INSERT INTO latest (asks, session) VALUES (?1, ?2)
            ON CONFLICT DO UPDATE SET asks = excluded.asks";
        let mut bytes = 0;
        for entry in entries {
            match entry {
                Entry::Frame { seq, update } => {
                    bytes += update.len();
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
                Entry::TurnSent | Entry::TurnEnded => {
                    let open = *entry == Entry::TurnSent;
                    change
                        .prepare_cached(TURN)?
                        .execute(params![open, key, now()])?;
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
        change.commit()?;
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

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn session(row: &Row<'_>) -> rusqlite::Result<StoredSession> {
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let additional: Vec<u8> = row.get("additional")?;
    let paths = additional
        .split(|&byte| byte == 0)
        .filter(|part| !part.is_empty());
    let updated: i64 = row.get("updated")?;
    Ok(StoredSession {
        key: SessionKey(row.get("key")?),
        record: SessionRecord {
            id: row.get("id")?,
            owner: row.get("owner")?,
            harness: row.get("harness")?,
            cwd: path(&row.get::<_, Vec<u8>>("cwd")?),
            additional_directories: paths.map(path).collect(),
        },
        title: row.get("title")?,
        updated: UNIX_EPOCH + Duration::from_millis(updated.cast_unsigned()),
        checkpoint: row
            .get::<_, Option<Vec<u8>>>("checkpoint")?
            .map(Bytes::from),
        settings: row.get("settings")?,
        asks: row.get("asks")?,
        turn_open: row.get("turn_open")?,
    })
}

#[cfg(test)]
mod tests;
