//! The thread that writes. Everything that waits goes into one transaction, so
//! many busy sessions cost little more than one.

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::{mpsc, oneshot};

use crate::{Entry, SessionRecord, StoreError, TurnState};

/// Orders that wait; whoever finds no place waits for one.
const QUEUE: usize = 1024;

/// Orders of one transaction: a few milliseconds of work.
const GROUP: usize = 256;

#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) work: Work,
    pub(crate) done: oneshot::Sender<Result<(), StoreError>>,
}

#[derive(Debug)]
pub(crate) enum Work {
    Create(SessionRecord),
    Append {
        session: String,
        entries: Vec<Entry>,
    },
}

/// Starts the thread; it ends when the last sender is dropped.
pub(crate) fn start(
    mut connection: Connection,
    path: PathBuf,
    epoch: u64,
) -> Result<mpsc::Sender<Order>, StoreError> {
    let (orders, mut inbox) = mpsc::channel::<Order>(QUEUE);
    let thread = std::thread::Builder::new().name("hostler-journal".into());
    let failed_path = path.clone();
    thread
        .spawn(move || {
            let mut group = Vec::new();
            while inbox.blocking_recv_many(&mut group, GROUP) > 0 {
                let works = group.iter().map(|order| &order.work);
                let outcome = commit(&mut connection, epoch, works)
                    .map_err(|error| StoreError::of(&path, &error));
                if let Err(error) = &outcome {
                    tracing::error!(%error, "the journal could not be written");
                }
                for order in group.drain(..) {
                    let _ = order.done.send(outcome.clone());
                }
            }
        })
        .map_err(|error| StoreError::Failed {
            path: failed_path,
            message: format!("its thread: {error}"),
        })?;
    Ok(orders)
}

fn commit<'a>(
    connection: &mut Connection,
    epoch: u64,
    works: impl Iterator<Item = &'a Work>,
) -> rusqlite::Result<()> {
    let change = connection.transaction()?;
    for work in works {
        match work {
            Work::Create(record) => create(&change, record)?,
            Work::Append { session, entries } => append(&change, epoch, session, entries)?,
        }
    }
    change.commit()
}

fn create(change: &Transaction<'_>, record: &SessionRecord) -> rusqlite::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let mut additional = Vec::new();
    for path in &record.additional_directories {
        additional.extend_from_slice(path.as_os_str().as_bytes());
        additional.push(0);
    }
    change
        .prepare_cached(
            "INSERT INTO session (id, owner, harness, cwd, additional, updated) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            record.id,
            record.owner,
            record.harness,
            record.cwd.as_os_str().as_bytes(),
            additional,
            now()
        ])
        .map(drop)
}

fn append(
    change: &Transaction<'_>,
    epoch: u64,
    session: &str,
    entries: &[Entry],
) -> rusqlite::Result<()> {
    let key: Option<i64> = change
        .prepare_cached("SELECT key FROM session WHERE id = ?")?
        .query_row([session], |row| row.get(0))
        .optional()?;
    // Deleted in the meantime.
    let Some(key) = key else { return Ok(()) };
    let set = |column: &str, value: &dyn rusqlite::ToSql| {
        change
            .prepare_cached(&format!("UPDATE session SET {column} = ? WHERE key = ?"))?
            .execute(params![value, key])
            .map(drop)
    };
    for entry in entries {
        match entry {
            Entry::Frame { seq, update } => {
                change
                    .prepare_cached(
                        "INSERT INTO frame (session, epoch, seq, body) VALUES (?, ?, ?, ?)",
                    )?
                    .execute(params![key, epoch.cast_signed(), seq.cast_signed(), update])?;
            }
            Entry::Title(title) => set("title", title)?,
            Entry::Turn { key: turn, state } => match state {
                TurnState::Sent => set("open_turn", turn)?,
                TurnState::Ended => set("open_turn", &rusqlite::types::Null)?,
            },
            Entry::Checkpoint(state) => set("checkpoint", &state.as_ref())?,
            Entry::Deleted => {
                change.execute("DELETE FROM session WHERE key = ?", [key])?;
                return Ok(());
            }
        }
    }
    set("updated", &now())
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
