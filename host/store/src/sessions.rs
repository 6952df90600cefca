//! Which sessions there are.

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use rusqlite::{OptionalExtension, Row, params};

use crate::{Journal, SessionKey, SessionRecord, StoreError, StoredSession};

const SESSION: &str = "
    SELECT key, id, owner, harness, cwd, additional, devices, outside, title, updated, turn_open, checkpoint,
        settings, asks, trimmed_seq > 0 AS trimmed,
        (SELECT json_group_object(principal, scope) FROM share
            WHERE share.session = session.key) AS shares
    FROM session LEFT JOIN latest ON latest.session = session.key
    WHERE announced";

impl Journal {
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

    /// The sessions that a principal owns or that are shared with it, or with
    /// `None` all there are; the latest first, at most `limit`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sessions(
        &self,
        principal: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredSession>, StoreError> {
        self.read(|connection| {
            connection
                .prepare(&format!(
                    "{SESSION} AND (?1 IS NULL OR owner = ?1 OR key IN
                        (SELECT session FROM share WHERE principal = ?1))
                     ORDER BY updated DESC, key DESC LIMIT ?2"
                ))?
                .query_map(params![principal, limit.cast_signed()], session)?
                .collect()
        })
    }
}

impl Journal {
    /// Those of these ids that any session has, whosever it is and whether or not
    /// somebody knows of it yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn taken<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<HashSet<&'a str>, StoreError> {
        self.read(|connection| {
            let mut query = connection.prepare("SELECT 1 FROM session WHERE id = ?")?;
            let mut taken = HashSet::new();
            for id in ids {
                if query.exists([id])? {
                    taken.insert(id);
                }
            }
            Ok(taken)
        })
    }
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
            devices: row
                .get::<_, Option<String>>("devices")?
                .map(|json| devices(&json)),
            outside: row.get("outside")?,
        },
        title: row.get("title")?,
        updated: UNIX_EPOCH + Duration::from_millis(updated.cast_unsigned()),
        checkpoint: row
            .get::<_, Option<Vec<u8>>>("checkpoint")?
            .map(Bytes::from),
        settings: row.get("settings")?,
        asks: row.get("asks")?,
        turn_open: row.get("turn_open")?,
        shares: shares(&row.get::<_, String>("shares")?),
        is_trimmed: row.get("trimmed")?,
    })
}

/// What cannot be read lets the agent have none.
fn devices(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}

/// The database wrote it.
fn shares(json: &str) -> BTreeMap<String, String> {
    serde_json::from_str(json).unwrap_or_default()
}
