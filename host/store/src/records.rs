//! `hostler.db`: what must survive a power loss, as the tokens must. [`secrets`]:
//! the sealed values in it.

mod secrets;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

pub use secrets::StoredSecret;

use crate::{AuditRecord, StoreError, audit, leases, schema};

/// As for the journal: a published step never changes.
const MIGRATIONS: &[&str] = &[
    TOKENS_AND_AUDIT,
    leases::MIGRATION,
    secrets::TABLE,
    leases::USED,
    leases::SURFACES,
];

const TOKENS_AND_AUDIT: &str = "
    CREATE TABLE token (
        id TEXT PRIMARY KEY,
        -- SHA-256 of the token. The token itself is nowhere.
        digest BLOB NOT NULL UNIQUE,
        principal TEXT NOT NULL,
        -- Words with spaces between.
        scopes TEXT NOT NULL,
        label TEXT NOT NULL,
        -- Milliseconds since the Unix epoch, like all times here.
        created INTEGER NOT NULL,
        expires INTEGER,
        revoked INTEGER,
        used INTEGER
    ) STRICT;

    CREATE TABLE audit (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        principal TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        -- A JSON object.
        detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_by_time ON audit (at, key);
    CREATE INDEX audit_by_principal ON audit (principal, at, key);
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END;
    CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END;
";

/// `hostler.db` of one host. Cheap to clone; all clones are the same one. Every
/// call blocks, and every write waits for the disk: not for async tasks.
#[derive(Debug, Clone)]
pub struct Records(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    connection: Mutex<Connection>,
}

/// A token as it is kept. Times are whole milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// By which it is listed and revoked.
    pub id: String,
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    /// Who bears it.
    pub principal: String,
    /// Words with spaces between.
    pub scopes: String,
    /// What it is for, for people; may be empty.
    pub label: String,
    /// When it was made.
    pub created: SystemTime,
    /// When its life ends.
    pub expires: Option<SystemTime>,
    /// When somebody ended it.
    pub revoked: Option<SystemTime>,
    /// When it was last presented, to some minutes.
    pub used: Option<SystemTime>,
}

const TOKEN: &str =
    "SELECT id, digest, principal, scopes, label, created, expires, revoked, used FROM token";

impl Records {
    /// Opens the file, made (0600) when missing. Blocks.
    ///
    /// # Errors
    /// The file is damaged, from a newer version, or cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = schema::open_with(path, MIGRATIONS)?;
        // Few writes, each of which counts: no thread for the log.
        connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;")
            .map_err(|error| StoreError::of(path, &error))?;
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            connection: Mutex::new(connection),
        })))
    }

    /// Keeps a new token and, in the same step, who made it.
    ///
    /// # Errors
    /// It could not be written, or its id is taken; nothing is kept.
    pub fn add_token(&self, token: &StoredToken, by: &AuditRecord) -> Result<(), StoreError> {
        self.write(|change| {
            change.execute(
                "INSERT INTO token
                    (id, digest, principal, scopes, label, created, expires, revoked, used)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    token.id,
                    token.digest,
                    token.principal,
                    token.scopes,
                    token.label,
                    millis(token.created),
                    token.expires.map(millis),
                    token.revoked.map(millis),
                    token.used.map(millis),
                ],
            )?;
            audit::insert(change, by)
        })
    }

    /// Ends a token and, in the same step, keeps who did. False: there is none
    /// of that id, or it was revoked before; nothing is kept then.
    ///
    /// # Errors
    /// It could not be written; nothing is kept.
    pub fn revoke_token(&self, id: &str, by: &AuditRecord) -> Result<bool, StoreError> {
        self.write(|change| {
            let changed = change.execute(
                "UPDATE token SET revoked = ? WHERE id = ? AND revoked IS NULL",
                params![millis(by.at), id],
            )?;
            if changed > 0 {
                audit::insert(change, by)?;
            }
            Ok(changed > 0)
        })
    }

    /// Notes when tokens were last presented. Ids that are not kept here are
    /// passed over.
    ///
    /// # Errors
    /// It could not be written.
    pub fn tokens_used(&self, used: &[(String, SystemTime)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        self.write(|change| {
            let mut update = change.prepare_cached("UPDATE token SET used = ? WHERE id = ?")?;
            for (id, at) in used {
                update.execute(params![millis(*at), id])?;
            }
            Ok(())
        })
    }

    /// Tokens, those that were not revoked before those that were, and the
    /// latest first; at most `limit`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tokens(&self, limit: usize) -> Result<Vec<StoredToken>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "{TOKEN} ORDER BY revoked IS NOT NULL, created DESC, id LIMIT ?"
                ))?
                .query_map([limit], stored_token)?
                .collect()
        })
    }

    /// The tokens that were not revoked and whose life ends after `time`, if at
    /// all.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tokens_after(&self, time: SystemTime) -> Result<Vec<StoredToken>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "{TOKEN} WHERE revoked IS NULL AND (expires IS NULL OR expires > ?)"
                ))?
                .query_map([millis(time)], stored_token)?
                .collect()
        })
    }

    /// One token.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn token(&self, id: &str) -> Result<Option<StoredToken>, StoreError> {
        self.read(|connection| {
            connection
                .query_row(&format!("{TOKEN} WHERE id = ?"), [id], stored_token)
                .optional()
        })
    }

    /// Moves all that is in the log into the file, for a stop in order.
    ///
    /// # Errors
    /// It could not be moved; it stays in the log.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.read(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        })
    }

    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.locked(|connection| {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&change)?;
            change.commit()?;
            Ok(done)
        })
    }

    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.locked(|connection| work(connection))
    }

    fn locked<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = self.0.connection.lock();
        let mut connection = connection.unwrap_or_else(PoisonError::into_inner);
        work(&mut connection).map_err(|error| StoreError::of(&self.0.path, &error))
    }
}

fn stored_token(row: &Row<'_>) -> rusqlite::Result<StoredToken> {
    let time = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(index)?.map(time));
    Ok(StoredToken {
        id: row.get(0)?,
        digest: row.get(1)?,
        principal: row.get(2)?,
        scopes: row.get(3)?,
        label: row.get(4)?,
        created: time(5)?.unwrap_or(UNIX_EPOCH),
        expires: time(6)?,
        revoked: time(7)?,
        used: time(8)?,
    })
}

/// Milliseconds since the Unix epoch. A time before it is the epoch, one that is
/// too late is the last that can be written.
pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

#[cfg(test)]
mod tests;
