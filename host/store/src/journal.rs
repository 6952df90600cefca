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
}

#[derive(Debug)]
struct Writer {
    path: PathBuf,
    connection: Connection,
    checkpoints: SyncSender<()>,
    /// Bytes since the last checkpoint was asked for.
    grown: usize,
}

const SESSION: &str = "
    SELECT key, id, owner, harness, cwd, additional, title, updated, turn_open, checkpoint, settings
    FROM session LEFT JOIN latest ON latest.session = session.key";

impl Journal {
    /// Opens the file, made when missing, and begins a new epoch. Blocks.
    ///
    /// # Errors
    /// The file is damaged, from a newer version, or cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = schema::open(path)?;
        let epoch: i64 = connection
            .query_row(
                "UPDATE host SET epoch = epoch + 1 RETURNING epoch",
                [],
                |row| row.get(0),
            )
            .map_err(|error| StoreError::of(path, &error))?;
        let writer = Writer {
            path: path.to_owned(),
            connection,
            checkpoints: checkpoint::start(path)?,
            grown: 0,
        };
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            epoch: epoch.cast_unsigned(),
            writer: Mutex::new(writer),
        })))
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
        self.write(|writer| writer.append(session, self.0.epoch, entries))
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
                .query_row(&format!("{SESSION} WHERE id = ?"), [id], session)
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
                    "{SESSION} WHERE owner = ? ORDER BY updated DESC, key DESC LIMIT ?"
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
    fn read<T>(
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
                "INSERT INTO session (id, owner, harness, cwd, additional, updated)
                 VALUES (?, ?, ?, ?, ?, ?)",
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
        if self.grown >= checkpoint::EVERY {
            self.grown = 0;
            // Full: one is on its way already.
            let _ = self.checkpoints.try_send(());
            let log = std::fs::metadata(checkpoint::log_of(&self.path));
            if log.is_ok_and(|log| log.len() > checkpoint::LIMIT) {
                // Waits until the thread has got so far.
                let _ = self.checkpoints.send(());
            }
        }
        Ok(())
    }
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
        turn_open: row.get("turn_open")?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(id: &str) -> SessionRecord {
        SessionRecord {
            id: id.into(),
            owner: "local".into(),
            harness: "h".into(),
            cwd: "/work dir/ä".into(),
            additional_directories: vec!["/a".into(), "/b c".into()],
        }
    }

    fn frame(seq: u64) -> Entry {
        Entry::Frame {
            seq,
            update: format!("{{\"n\":{seq}}}"),
        }
    }

    fn open(folder: &tempfile::TempDir) -> Journal {
        Journal::open(&folder.path().join("journal.db")).unwrap()
    }

    fn frames(journal: &Journal, session: SessionKey) -> Vec<String> {
        let mut frames = Vec::new();
        journal
            .replay(session, |update| {
                frames.push(update.to_owned());
                true
            })
            .unwrap();
        frames
    }

    #[test]
    fn what_was_appended_is_there_after_a_restart_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder);
        assert_eq!(journal.epoch(), 1);
        let key = journal.create(&record("s")).unwrap();
        let title = Entry::Title("hi".into());
        journal
            .append(key, &[frame(1), Entry::TurnSent, title])
            .unwrap();
        let checkpoint = Entry::Checkpoint(Bytes::from_static(b"c"));
        let settings = Entry::Settings("{}".into());
        journal
            .append(key, &[checkpoint, settings, frame(2)])
            .unwrap();
        drop(journal);

        let journal = open(&folder);
        assert_eq!(journal.epoch(), 2);
        journal.append(key, &[frame(1)]).unwrap();
        let stored = journal.session("s").unwrap().unwrap();
        assert_eq!((stored.key, &stored.record), (key, &record("s")));
        assert_eq!(stored.title.as_deref(), Some("hi"));
        assert_eq!(stored.settings.as_deref(), Some("{}"));
        assert_eq!(stored.checkpoint.as_deref(), Some(&b"c"[..]));
        assert!(stored.turn_open);
        assert_eq!(
            frames(&journal, key),
            [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":1}"#]
        );
        journal.append(key, &[Entry::TurnEnded]).unwrap();
        assert!(!journal.session("s").unwrap().unwrap().turn_open);
        assert_eq!(journal.session("t").unwrap(), None);
    }

    #[test]
    fn a_second_process_reads_what_was_appended_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder);
        let key = journal.create(&record("s")).unwrap();
        journal.append(key, &[frame(1)]).unwrap();
        // What a kill would leave: the files as they are now.
        let copy = tempfile::tempdir().unwrap();
        for name in ["journal.db", "journal.db-wal"] {
            std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        assert_eq!(frames(&open(&copy), key), [r#"{"n":1}"#]);
    }

    #[test]
    fn sessions_are_listed_for_their_owner_latest_first() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder);
        let a = journal.create(&record("a")).unwrap();
        journal.create(&record("b")).unwrap();
        let other = SessionRecord {
            owner: "other".into(),
            ..record("c")
        };
        journal.create(&other).unwrap();
        let ids = |owner: &str, limit| -> Vec<_> {
            let sessions = journal.sessions(owner, limit).unwrap();
            sessions
                .into_iter()
                .map(|session| session.record.id)
                .collect()
        };
        assert_eq!(ids("local", 10), ["b", "a"]);
        std::thread::sleep(Duration::from_millis(2));
        journal.append(a, &[Entry::TurnEnded]).unwrap();
        assert_eq!(ids("local", 10), ["a", "b"]);
        assert_eq!(ids("local", 1), ["a"]);
        assert_eq!(ids("nobody", 10), [""; 0]);
    }

    #[test]
    fn the_log_stays_small_whatever_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder);
        let key = journal.create(&record("s")).unwrap();
        let update = "x".repeat(100_000);
        for seq in 1..=600 {
            let update = update.clone();
            journal
                .append(key, &[Entry::Frame { seq, update }])
                .unwrap();
        }
        let log = folder
            .path()
            .join("journal.db-wal")
            .metadata()
            .unwrap()
            .len();
        assert!(
            log < 40_000_000,
            "60 MB were appended, the log has {log} bytes"
        );
    }

    #[test]
    fn a_removed_session_is_forgotten_with_its_frames() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder);
        let key = journal.create(&record("s")).unwrap();
        journal.append(key, &[frame(1)]).unwrap();
        journal.remove(key).unwrap();
        assert_eq!(journal.session("s").unwrap(), None);
        assert_eq!(frames(&journal, key), [""; 0]);
    }

    #[test]
    fn many_sessions_append_at_once_and_each_keeps_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder);
        std::thread::scope(|scope| {
            for n in 0..8 {
                let journal = journal.clone();
                scope.spawn(move || {
                    let key = journal.create(&record(&n.to_string())).unwrap();
                    for seq in 1..=50 {
                        journal.append(key, &[frame(seq)]).unwrap();
                    }
                    let expected: Vec<_> = (1..=50).map(|n| format!("{{\"n\":{n}}}")).collect();
                    assert_eq!(frames(&journal, key), expected);
                });
            }
        });
    }

    #[test]
    fn a_newer_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        drop(Journal::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let error = Journal::open(&path).unwrap_err();
        assert!(
            matches!(error, StoreError::Newer { found: 99, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("journal.db"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_truncated_file_is_an_error_that_says_what_to_do(cut in 1_usize..60_000) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal.db");
            let journal = Journal::open(&path).unwrap();
            let key = journal.create(&record("s")).unwrap();
            journal.append(key, &(1..2000).map(frame).collect::<Vec<_>>()).unwrap();
            drop(journal);
            // Everything into the one file.
            let connection = Connection::open(&path).unwrap();
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
            drop(connection);
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            let len = file.metadata().unwrap().len() as usize;
            file.set_len(len.saturating_sub(cut).max(1) as u64).unwrap();
            match Journal::open(&path) {
                Err(StoreError::Damaged { message, .. }) => prop_assert!(!message.is_empty()),
                other => prop_assert!(false, "{:?}", other.map(drop)),
            }
        }
    }
}
