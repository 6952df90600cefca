//! The journal as the session layer sees it.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Entry, Frame, SessionRecord, StoreError, StoredSession, schema,
    writer::{self, Order, Work},
};

/// `journal.db` of one host. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    epoch: u64,
    orders: mpsc::Sender<Order>,
}

const SESSION: &str = "SELECT id, owner, harness, cwd, additional, title, updated, checkpoint, open_turn FROM session";

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
        let epoch = epoch.cast_unsigned();
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            epoch,
            orders: writer::start(connection, path.to_owned(), epoch)?,
        })))
    }

    /// The epoch of everything that this host appends: greater than any before.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Begins a session. Returns when it is kept.
    ///
    /// # Errors
    /// It could not be written; nothing is kept.
    pub async fn create(&self, record: SessionRecord) -> Result<(), StoreError> {
        self.order(Work::Create(record)).await
    }

    /// Appends steps of one session, all or none. Returns when they are kept.
    ///
    /// # Errors
    /// They could not be written; nothing is kept.
    pub async fn append(&self, session: &str, entries: Vec<Entry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let session = session.to_owned();
        self.order(Work::Append { session, entries }).await
    }

    async fn order(&self, work: Work) -> Result<(), StoreError> {
        let (done, outcome) = oneshot::channel();
        let order = Order { work, done };
        self.0
            .orders
            .send(order)
            .await
            .map_err(|_| StoreError::Closed)?;
        outcome.await.map_err(|_| StoreError::Closed)?
    }

    /// One session.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn session(&self, id: &str) -> Result<Option<StoredSession>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| {
            connection
                .query_row(&format!("{SESSION} WHERE id = ?"), [id], session)
                .optional()
        })
        .await
    }

    /// The sessions of an owner, the latest first, at most `limit`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn sessions(
        &self,
        owner: &str,
        limit: usize,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let owner = owner.to_owned();
        self.read(move |connection| {
            connection
                .prepare(&format!(
                    "{SESSION} WHERE owner = ? ORDER BY updated DESC LIMIT ?"
                ))?
                .query_map(rusqlite::params![owner, limit.cast_signed()], session)?
                .collect()
        })
        .await
    }

    /// All frames of a session, in order.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn frames(&self, id: &str) -> Result<Vec<Frame>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| {
            connection
                .prepare(
                    "SELECT epoch, seq, body FROM frame
                     WHERE session = (SELECT key FROM session WHERE id = ?) ORDER BY key",
                )?
                .query_map([id], |row| {
                    Ok(Frame {
                        epoch: row.get::<_, i64>(0)?.cast_unsigned(),
                        seq: row.get::<_, i64>(1)?.cast_unsigned(),
                        update: row.get(2)?,
                    })
                })?
                .collect()
        })
        .await
    }

    /// Reading never waits for the writer, nor the writer for it.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.0.path.clone();
        let read = tokio::task::spawn_blocking(move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags(&path, flags)
                .and_then(|connection| query(&connection))
                .map_err(|error| StoreError::of(&path, &error))
        });
        read.await.map_err(|_| StoreError::Closed)?
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<StoredSession> {
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let additional: Vec<u8> = row.get(4)?;
    let paths = additional
        .split(|&byte| byte == 0)
        .filter(|part| !part.is_empty());
    let updated: i64 = row.get(6)?;
    Ok(StoredSession {
        record: SessionRecord {
            id: row.get(0)?,
            owner: row.get(1)?,
            harness: row.get(2)?,
            cwd: path(&row.get::<_, Vec<u8>>(3)?),
            additional_directories: paths.map(path).collect(),
        },
        title: row.get(5)?,
        updated: UNIX_EPOCH + Duration::from_millis(updated.cast_unsigned()),
        checkpoint: row.get::<_, Option<Vec<u8>>>(7)?.map(Bytes::from),
        open_turn: row.get(8)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::TurnState;

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

    async fn open(folder: &tempfile::TempDir) -> Journal {
        let path = folder.path().join("journal.db");
        tokio::task::spawn_blocking(move || Journal::open(&path))
            .await
            .unwrap()
            .unwrap()
    }

    #[tokio::test]
    async fn what_was_appended_is_there_after_a_restart_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder).await;
        assert_eq!(journal.epoch(), 1);
        journal.create(record("s")).await.unwrap();
        let turn = |state| Entry::Turn {
            key: "t1".into(),
            state,
        };
        journal
            .append(
                "s",
                vec![frame(1), turn(TurnState::Sent), Entry::Title("hi".into())],
            )
            .await
            .unwrap();
        journal
            .append(
                "s",
                vec![Entry::Checkpoint(Bytes::from_static(b"c")), frame(2)],
            )
            .await
            .unwrap();
        drop(journal);

        let journal = open(&folder).await;
        assert_eq!(journal.epoch(), 2);
        journal.append("s", vec![frame(1)]).await.unwrap();
        let stored = journal.session("s").await.unwrap().unwrap();
        assert_eq!(stored.record, record("s"));
        assert_eq!(stored.title.as_deref(), Some("hi"));
        assert_eq!(stored.open_turn.as_deref(), Some("t1"));
        assert_eq!(stored.checkpoint.as_deref(), Some(&b"c"[..]));
        let frames = journal.frames("s").await.unwrap();
        let places: Vec<_> = frames
            .iter()
            .map(|frame| (frame.epoch, frame.seq))
            .collect();
        assert_eq!(places, [(1, 1), (1, 2), (2, 1)]);
        journal
            .append("s", vec![turn(TurnState::Ended)])
            .await
            .unwrap();
        assert_eq!(journal.session("s").await.unwrap().unwrap().open_turn, None);
    }

    #[tokio::test]
    async fn sessions_are_listed_for_their_owner_latest_first() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder).await;
        for id in ["a", "b"] {
            journal.create(record(id)).await.unwrap();
        }
        journal
            .create(SessionRecord {
                owner: "other".into(),
                ..record("c")
            })
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(3)).await;
        journal.append("a", vec![frame(1)]).await.unwrap();
        let ids = |sessions: Vec<StoredSession>| -> Vec<_> {
            sessions
                .into_iter()
                .map(|session| session.record.id)
                .collect()
        };
        assert_eq!(
            ids(journal.sessions("local", 10).await.unwrap()),
            ["a", "b"]
        );
        assert_eq!(ids(journal.sessions("local", 1).await.unwrap()), ["a"]);
        assert_eq!(ids(journal.sessions("nobody", 10).await.unwrap()), [""; 0]);
    }

    #[tokio::test]
    async fn a_deleted_session_is_forgotten_with_its_frames() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder).await;
        journal.create(record("s")).await.unwrap();
        journal
            .append("s", vec![frame(1), Entry::Deleted])
            .await
            .unwrap();
        journal.append("s", vec![frame(2)]).await.unwrap();
        assert_eq!(journal.session("s").await.unwrap(), None);
        assert_eq!(journal.frames("s").await.unwrap(), []);
    }

    #[tokio::test]
    async fn many_sessions_append_at_once_and_each_keeps_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder).await;
        let tasks = (0..20).map(|n| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let id = n.to_string();
                journal.create(record(&id)).await.unwrap();
                for seq in 1..=50 {
                    journal.append(&id, vec![frame(seq)]).await.unwrap();
                }
                let frames = journal.frames(&id).await.unwrap();
                assert!(frames.iter().map(|frame| frame.seq).eq(1..=50));
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
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
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let journal = Journal::open(&path).unwrap();
                journal.create(record("s")).await.unwrap();
                journal.append("s", (1..2000).map(frame).collect()).await.unwrap();
            });
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
