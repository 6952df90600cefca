//! The tables, and how an older file becomes a current one.

use std::{fs, io::Read, os::unix::fs::OpenOptionsExt, path::Path};

use rusqlite::{Connection, config::DbConfig};

use crate::{StoreError, checkpoint};

/// Each step brings a file from its index to the next number; a published step
/// never changes. The file's number is SQLite's `user_version`.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE host (
        -- One row. Grows at each start, so that positions of a lost tail are
        -- never given out again.
        epoch INTEGER NOT NULL
    ) STRICT;
    INSERT INTO host (epoch) VALUES (0);

    CREATE TABLE session (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        harness TEXT NOT NULL,
        cwd BLOB NOT NULL,
        -- Paths, each ended by a NUL byte.
        additional BLOB NOT NULL,
        title TEXT,
        -- Milliseconds since the Unix epoch.
        updated INTEGER NOT NULL,
        -- A turn was given to a harness, and its end is not known.
        turn_open INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX session_by_owner ON session (owner, updated);

    -- Beside the session, because it is large and changes often.
    CREATE TABLE latest (
        session INTEGER PRIMARY KEY REFERENCES session (key) ON DELETE CASCADE,
        checkpoint BLOB,
        -- The JSON of modes and options as they stand.
        settings TEXT
    ) STRICT;

    CREATE TABLE frame (
        key INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES session (key) ON DELETE CASCADE,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX frame_by_session ON frame (session, key);
",
    "
    -- Until a client knows of a session nobody finds it.
    ALTER TABLE session ADD COLUMN announced INTEGER NOT NULL DEFAULT TRUE;
    -- The JSON array of the questions that are open.
    ALTER TABLE latest ADD COLUMN asks TEXT;
",
    "
    -- Frames of a session lie together, in the order of their positions.
    CREATE TABLE placed (
        session INTEGER NOT NULL REFERENCES session (key) ON DELETE CASCADE,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (session, epoch, seq)
    ) STRICT, WITHOUT ROWID;
    -- A session that was taken up twice in one epoch had counted anew.
    INSERT INTO placed (session, epoch, seq, body)
        SELECT session, epoch, row_number() OVER (PARTITION BY session, epoch ORDER BY key), body
        FROM frame;
    DROP TABLE frame;
    ALTER TABLE placed RENAME TO frame;

    -- The size of its frames, up to date when a turn begins or ends.
    ALTER TABLE session ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE session SET bytes =
        (SELECT coalesce(sum(octet_length(body)), 0) FROM frame WHERE session = session.key);
    -- The last position that was removed from the beginning.
    ALTER TABLE session ADD COLUMN trimmed_epoch INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE session ADD COLUMN trimmed_seq INTEGER NOT NULL DEFAULT 0;

    -- Keys are never used again: whoever still reads a session that is gone must
    -- not find another one.
    ALTER TABLE host ADD COLUMN last_session INTEGER NOT NULL DEFAULT 0;
    UPDATE host SET last_session = (SELECT coalesce(max(key), 0) FROM session);

    -- Prompts that carried a key, so that none runs twice.
    CREATE TABLE prompt (
        session INTEGER NOT NULL REFERENCES session (key) ON DELETE CASCADE,
        key TEXT NOT NULL,
        -- Counts in a session.
        number INTEGER NOT NULL,
        -- What the turn came to; NULL: it was given to a harness, and its end is
        -- not known.
        answer TEXT,
        PRIMARY KEY (session, key)
    ) STRICT, WITHOUT ROWID;

    -- Principals besides the owner who may use a session.
    CREATE TABLE share (
        session INTEGER NOT NULL REFERENCES session (key) ON DELETE CASCADE,
        principal TEXT NOT NULL,
        scope TEXT NOT NULL,
        PRIMARY KEY (session, principal)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX share_by_principal ON share (principal, session);
",
    "
    -- The JSON array of devices that the agent may have; NULL: all there are.
    ALTER TABLE session ADD COLUMN devices TEXT;
",
    "
    -- The agent had begun the conversation before there was a session.
    ALTER TABLE session ADD COLUMN outside INTEGER NOT NULL DEFAULT FALSE;
",
];

/// What is left of an interrupted host is read through up to this size, which
/// takes about a second. A larger file is believed.
const READ_THROUGH: u64 = 256 * 1024 * 1024;

/// Opens the journal, made when missing, in its current form.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    open_with(path, MIGRATIONS)
}

/// Opens a file, made when missing, in the form that these steps lead to.
pub(crate) fn open_with(path: &Path, migrations: &[&str]) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of(path, &error);
    let interrupted = check_length(path)?;
    // What is kept is nobody else's business; the log gets the same mode.
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| StoreError::Failed {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
    let mut connection = Connection::open(path).map_err(failed)?;
    if interrupted {
        // Closing would move the log into the damaged file and hide what is
        // missing.
        let keep_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        connection.set_db_config(keep_log, true).map_err(failed)?;
        read_through(path, &connection)?;
        connection.set_db_config(keep_log, false).map_err(failed)?;
    }
    // The pragmas answer with rows, which do not matter here. A log that begins
    // anew keeps the length that it has when all goes well.
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL;
             PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = {};
             PRAGMA busy_timeout = 5000;",
            checkpoint::EVERY
        ))
        .map_err(failed)?;
    let found: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    for (step, number) in migrations.iter().zip(1..).skip(found as usize) {
        let change = connection.transaction().map_err(failed)?;
        change.execute_batch(step).map_err(failed)?;
        change
            .pragma_update(None, "user_version", number)
            .map_err(failed)?;
        change.commit().map_err(failed)?;
    }
    Ok(connection)
}

/// What `work` has written is on the disk when this returns, and with it all that
/// was written before: no power loss takes it back.
pub(crate) fn durably<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let done = work(connection);
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    done
}

/// A truncated file is told now and not in the middle of a session, at the cost
/// of reading 100 bytes: SQLite's header says how many pages there are. `true`:
/// a host was interrupted and left its log, in which the missing pages may be.
fn check_length(path: &Path) -> Result<bool, StoreError> {
    let mut header = [0; 100];
    let Ok(mut file) = fs::File::open(path) else {
        return Ok(false);
    };
    if fs::metadata(checkpoint::log_of(path)).is_ok_and(|log| log.len() > 0) {
        return Ok(true);
    }
    let length = length(&file);
    if length == 0 {
        return Ok(false);
    }
    let complete =
        file.read_exact(&mut header).is_ok() && pages(&header).is_none_or(|bytes| length >= bytes);
    if complete {
        return Ok(false);
    }
    Err(cut_off(path, length))
}

/// A file that is shorter than its log says is complete if all of it can be read.
fn read_through(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of(path, &error);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count").map_err(failed)?;
    let expected = pages.saturating_mul(pragma("page_size").map_err(failed)?);
    let length = fs::File::open(path).map_or(0, |file| length(&file));
    if length >= expected.cast_unsigned() || length > READ_THROUGH {
        return Ok(());
    }
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if found == "ok" {
        return Ok(());
    }
    tracing::debug!(path = %path.display(), found, "it does not hold together");
    Err(cut_off(path, length))
}

fn length(file: &fs::File) -> u64 {
    file.metadata().map_or(0, |meta| meta.len())
}

fn cut_off(path: &Path, length: u64) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        message: format!("it was cut off after {length} bytes"),
    }
}

/// The length that the header claims, where the claim is current.
fn pages(header: &[u8; 100]) -> Option<u64> {
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    let page_size = match number(14)? & 0xffff {
        1 => 65_536,
        size => u64::from(size),
    };
    (number(24)? == number(92)?).then_some(u64::from(number(28)?) * page_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn synchronous(connection: &Connection) -> i64 {
        connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn what_must_survive_a_power_loss_is_synced_and_nothing_else() {
        const NORMAL: i64 = 1;
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder.path().join("journal.db")).unwrap();
        assert_eq!(synchronous(&connection), NORMAL);
        let during = durably(&connection, |connection| Ok(synchronous(connection)));
        assert_eq!(during.unwrap(), FULL);
        assert_eq!(synchronous(&connection), NORMAL);
        let failed = durably(&connection, |connection| connection.execute("nonsense", []));
        failed.unwrap_err();
        assert_eq!(synchronous(&connection), NORMAL);
    }

    #[test]
    fn a_file_of_an_older_version_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(MIGRATIONS[0]).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        let insert = "INSERT INTO session (id, owner, harness, cwd, additional, updated)
            VALUES ('s', 'local', 'h', x'2f', x'', unixepoch() * 1000)";
        old.execute(insert, []).unwrap();
        drop(old);
        let journal = crate::Journal::open(&path).unwrap();
        assert!(journal.session("s").unwrap().is_some());
    }

    #[test]
    fn frames_that_had_counted_anew_get_positions_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(&MIGRATIONS[..2].concat()).unwrap();
        old.pragma_update(None, "user_version", 2).unwrap();
        old.execute_batch(
            "INSERT INTO session (id, owner, harness, cwd, additional, updated)
             VALUES ('s', 'local', 'h', x'2f', x'', unixepoch() * 1000);
             INSERT INTO frame (session, epoch, seq, body)
             VALUES (1, 3, 1, 'a'), (1, 3, 2, 'b'), (1, 3, 1, 'c'), (1, 4, 1, 'd');",
        )
        .unwrap();
        drop(old);
        let journal = crate::Journal::open(&path).unwrap();
        let stored = journal.session("s").unwrap().unwrap();
        let mut pages = journal.pages(stored.key, None).unwrap();
        assert!(pages.is_reset());
        let rows = pages.next_page().unwrap();
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.position.epoch, row.position.seq, row.update.as_str()))
            .collect();
        assert_eq!(found, [(3, 1, "a"), (3, 2, "b"), (3, 3, "c"), (4, 1, "d")]);
    }
}
