//! `hostler.db`: what must survive a power loss, as the tokens must.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use crate::{AuditRecord, StoreError, audit, schema};

/// As for the journal: a published step never changes.
const MIGRATIONS: &[&str] = &["
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
"];

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
mod tests {
    use super::*;
    use crate::{AuditFilter, StoredAudit};
    use std::os::unix::fs::PermissionsExt as _;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn token(id: &str, created: u64) -> StoredToken {
        StoredToken {
            id: id.into(),
            digest: [u8::try_from(created).unwrap(); 32],
            principal: "ann".into(),
            scopes: "view drive".into(),
            label: "phone".into(),
            created: at(created),
            expires: Some(at(created + 60)),
            revoked: None,
            used: None,
        }
    }

    fn by(action: &'static str, seconds: u64) -> AuditRecord {
        AuditRecord {
            at: at(seconds),
            principal: "local".into(),
            action: action.into(),
            subject: "t".into(),
            detail: "{}".into(),
        }
    }

    fn open() -> (tempfile::TempDir, Records) {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("hostler.db")).unwrap();
        (folder, records)
    }

    fn actions(records: &Records) -> Vec<String> {
        let all = records.audit_list(&AuditFilter::default(), 100, None);
        let action = |stored: StoredAudit| stored.record.action.into_owned();
        all.unwrap().into_iter().map(action).collect()
    }

    #[test]
    fn tokens_are_there_after_a_restart_and_the_file_is_the_users_alone() {
        let (folder, records) = open();
        let path = folder.path().join("hostler.db");
        records
            .add_token(&token("a", 1), &by("token.create", 1))
            .unwrap();
        records
            .add_token(&token("b", 2), &by("token.create", 2))
            .unwrap();
        drop(records);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let records = Records::open(&path).unwrap();
        assert_eq!(records.tokens(9).unwrap(), [token("b", 2), token("a", 1)]);
        assert_eq!(records.tokens_after(at(61)).unwrap(), [token("b", 2)]);
        assert_eq!(records.token("a").unwrap(), Some(token("a", 1)));
        assert_eq!(records.token("c").unwrap(), None);
    }

    #[test]
    fn every_write_waits_for_the_disk() {
        let (_folder, records) = open();
        let synchronous: i64 = records
            .read(|connection| connection.pragma_query_value(None, "synchronous", |row| row.get(0)))
            .unwrap();
        assert_eq!(synchronous, 2, "FULL");
    }

    #[test]
    fn a_token_and_the_record_of_it_are_kept_together_or_not_at_all() {
        let (_folder, records) = open();
        records
            .add_token(&token("a", 1), &by("token.create", 1))
            .unwrap();
        let same_id = StoredToken {
            digest: [9; 32],
            ..token("a", 2)
        };
        let same_digest = StoredToken {
            id: "b".into(),
            ..token("a", 1)
        };
        for refused in [same_id, same_digest] {
            let error = records
                .add_token(&refused, &by("token.create", 3))
                .unwrap_err();
            assert!(error.to_string().contains("hostler.db"), "{error}");
        }
        assert_eq!(actions(&records), ["token.create"]);
    }

    #[test]
    fn a_token_is_revoked_once() {
        let (_folder, records) = open();
        records
            .add_token(&token("a", 1), &by("token.create", 1))
            .unwrap();
        assert!(records.revoke_token("a", &by("token.revoke", 5)).unwrap());
        assert!(!records.revoke_token("a", &by("token.revoke", 6)).unwrap());
        assert!(!records.revoke_token("b", &by("token.revoke", 6)).unwrap());
        assert_eq!(records.token("a").unwrap().unwrap().revoked, Some(at(5)));
        assert_eq!(actions(&records), ["token.revoke", "token.create"]);
        assert_eq!(records.tokens_after(at(0)).unwrap(), []);
        records
            .add_token(&token("b", 0), &by("token.create", 7))
            .unwrap();
        let listed = records.tokens(1).unwrap();
        assert_eq!(listed, [token("b", 0)], "those that count come first");
    }

    #[test]
    fn the_last_use_is_kept_and_unknown_tokens_are_passed_over() {
        let (_folder, records) = open();
        records
            .add_token(&token("a", 1), &by("token.create", 1))
            .unwrap();
        records.tokens_used(&[]).unwrap();
        let used = [("local".into(), at(7)), ("a".into(), at(8))];
        records.tokens_used(&used).unwrap();
        assert_eq!(records.token("a").unwrap().unwrap().used, Some(at(8)));
    }

    #[test]
    fn a_file_of_a_newer_version_and_a_damaged_one_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hostler.db");
        drop(Records::open(&path).unwrap());
        let newer = Connection::open(&path).unwrap();
        newer.pragma_update(None, "user_version", 1000).unwrap();
        drop(newer);
        let error = Records::open(&path).unwrap_err();
        assert!(
            matches!(error, StoreError::Newer { found: 1000, .. }),
            "{error}"
        );
        std::fs::write(&path, vec![7; 5000]).unwrap();
        let error = Records::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }

    #[test]
    fn a_stop_in_order_leaves_nothing_in_the_log() {
        let (folder, records) = open();
        records
            .add_token(&token("a", 1), &by("token.create", 1))
            .unwrap();
        records.settle().unwrap();
        let log = std::fs::metadata(folder.path().join("hostler.db-wal")).unwrap();
        assert_eq!(log.len(), 0);
    }
}
