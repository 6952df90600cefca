//! The tables, and how an older file becomes a current one.

use std::{fs, io::Read, os::unix::fs::OpenOptionsExt, path::Path};

use rusqlite::Connection;

use crate::{StoreError, checkpoint};

/// Each step brings a file from its index to the next number; a published step
/// never changes. The file's number is SQLite's `user_version`.
const MIGRATIONS: &[&str] = &["
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
"];

/// Opens the file, made when missing, in its current form.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of(path, &error);
    check_length(path)?;
    // Conversations are nobody else's business; the log gets the same mode.
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
    // The pragmas answer with rows, which do not matter here.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL;
             PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA busy_timeout = 5000;",
        )
        .map_err(failed)?;
    let found: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    for (step, number) in MIGRATIONS.iter().zip(1..).skip(found as usize) {
        let change = connection.transaction().map_err(failed)?;
        change.execute_batch(step).map_err(failed)?;
        change
            .pragma_update(None, "user_version", number)
            .map_err(failed)?;
        change.commit().map_err(failed)?;
    }
    Ok(connection)
}

/// A truncated file is told now and not in the middle of a session, at the cost
/// of reading 100 bytes: SQLite's header says how many pages there are. While
/// the write-ahead log holds pages, the file may be shorter.
fn check_length(path: &Path) -> Result<(), StoreError> {
    let mut header = [0; 100];
    let Ok(mut file) = fs::File::open(path) else {
        return Ok(());
    };
    if fs::metadata(checkpoint::log_of(path)).is_ok_and(|log| log.len() > 0) {
        return Ok(());
    }
    let length = file.metadata().map_or(0, |meta| meta.len());
    if length == 0 {
        return Ok(());
    }
    let complete =
        file.read_exact(&mut header).is_ok() && pages(&header).is_none_or(|bytes| length >= bytes);
    if complete {
        return Ok(());
    }
    Err(StoreError::Damaged {
        path: path.to_owned(),
        message: format!("it was cut off after {length} bytes"),
    })
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
