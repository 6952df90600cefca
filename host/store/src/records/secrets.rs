//! Secrets, sealed: their values cannot be read from here.

use std::time::SystemTime;

use rusqlite::{OptionalExtension as _, params};

use super::{Records, millis, time};
use crate::{AuditRecord, StoreError, audit};

pub(super) const TABLE: &str = "
    CREATE TABLE secret (
        name TEXT PRIMARY KEY,
        -- Sealed under a key that is not in this file.
        sealed BLOB NOT NULL,
        at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// That there is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its name.
    pub name: String,
    /// When it was last set, in whole milliseconds.
    pub set: SystemTime,
}

impl Records {
    /// Keeps a sealed value in place of any that has this name and, in the same
    /// step, who did. The time is the record's. True: there was one.
    ///
    /// # Errors
    /// It could not be written; nothing is changed.
    pub fn set_secret(
        &self,
        name: &str,
        sealed: &[u8],
        by: &AuditRecord,
    ) -> Result<bool, StoreError> {
        self.write(|change| {
            let replaced = change.execute("DELETE FROM secret WHERE name = ?", [name])?;
            change.execute(
                "INSERT INTO secret (name, sealed, at) VALUES (?, ?, ?)",
                params![name, sealed, millis(by.at)],
            )?;
            audit::insert(change, by)?;
            Ok(replaced > 0)
        })
    }

    /// Removes a secret and, in the same step, keeps who did. False: there is
    /// none of that name; nothing is kept then.
    ///
    /// # Errors
    /// It could not be written; nothing is changed.
    pub fn remove_secret(&self, name: &str, by: &AuditRecord) -> Result<bool, StoreError> {
        self.write(|change| {
            let removed = change.execute("DELETE FROM secret WHERE name = ?", [name])?;
            if removed > 0 {
                audit::insert(change, by)?;
            }
            Ok(removed > 0)
        })
    }

    /// The sealed value of a name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sealed_secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT sealed FROM secret WHERE name = ?")?
                .query_row([name], |row| row.get(0))
                .optional()
        })
    }

    /// All secrets, by name. An operator sets them one by one, so they are few.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn secrets(&self) -> Result<Vec<StoredSecret>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT name, at FROM secret ORDER BY name")?
                .query_map([], |row| {
                    Ok(StoredSecret {
                        name: row.get(0)?,
                        set: time(row.get(1)?),
                    })
                })?
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AuditFilter;

    fn by(action: &'static str) -> AuditRecord {
        AuditRecord::now("ann", action, "KEY", "{}")
    }

    #[test]
    fn a_secret_is_kept_replaced_and_removed_and_all_of_it_is_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hostler.db");
        let records = Records::open(&path).unwrap();
        assert_eq!(records.sealed_secret("KEY").unwrap(), None);
        assert!(
            !records
                .set_secret("KEY", b"one", &by("secret.set"))
                .unwrap()
        );
        assert!(
            records
                .set_secret("KEY", b"two", &by("secret.set"))
                .unwrap()
        );
        // What another process has written is seen at once.
        let other = Records::open(&path).unwrap();
        assert_eq!(other.sealed_secret("KEY").unwrap().unwrap(), b"two");
        let listed = records.secrets().unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].name, "KEY");
        assert!(other.remove_secret("KEY", &by("secret.remove")).unwrap());
        assert!(!other.remove_secret("KEY", &by("secret.remove")).unwrap());
        assert_eq!(records.sealed_secret("KEY").unwrap(), None);
        let audit = records
            .audit_list(&AuditFilter::default(), 10, None)
            .unwrap();
        let actions: Vec<_> = audit.iter().map(|a| a.record.action.as_ref()).collect();
        assert_eq!(actions, ["secret.remove", "secret.set", "secret.set"]);
    }
}
