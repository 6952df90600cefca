//! Who did what: an append-only record.
//!
//! A record takes 200 to 300 bytes with its places in the indexes, so a million of
//! them, years of a busy host, take up to 300 MB. Nothing removes one.
//!
//! [`queue`]: adds records for those who cannot wait for the disk.

mod queue;

use std::{borrow::Cow, time::SystemTime};

use rusqlite::{Connection, Row, params};

pub use queue::Audit;

use crate::{
    Records, StoreError,
    records::{millis, time},
};

/// The longest text of a record, in bytes; the rest is cut off. Subjects and
/// details come from programs, and nothing is removed from here.
const MAX_TEXT: usize = 4096;

/// That somebody did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// When, in whole milliseconds.
    pub at: SystemTime,
    /// Who.
    pub principal: String,
    /// What: a stable name with dots, such as `token.create`.
    pub action: Cow<'static, str>,
    /// To what: the id of a token, of a session.
    pub subject: String,
    /// More, a JSON object.
    pub detail: String,
}

impl AuditRecord {
    /// Done now. `detail` is a JSON object, or empty for none.
    pub fn now(
        principal: impl Into<String>,
        action: &'static str,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            at: SystemTime::now(),
            principal: principal.into(),
            action: Cow::Borrowed(action),
            subject: subject.into(),
            detail: detail.into(),
        }
    }
}

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAudit {
    /// Its number, from 1, which is never given again.
    pub key: i64,
    /// The record.
    pub record: AuditRecord,
}

/// Which records to list; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Not older than this.
    pub since: Option<SystemTime>,
    /// What this principal did.
    pub principal: Option<String>,
}

impl Records {
    /// Adds records, all or none.
    ///
    /// # Errors
    /// They could not be written; nothing is kept.
    pub fn audit(&self, records: &[AuditRecord]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        self.write(|change| records.iter().try_for_each(|record| insert(change, record)))
    }

    /// At most `limit` records, the latest first. `before` is the key of the
    /// last one of an earlier list, to go on from there.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn audit_list(
        &self,
        filter: &AuditFilter,
        limit: usize,
        before: Option<i64>,
    ) -> Result<Vec<StoredAudit>, StoreError> {
        let mut query =
            "SELECT key, at, principal, action, subject, detail FROM audit WHERE at >= ?1"
                .to_owned();
        // Each form has its index.
        if filter.principal.is_some() {
            query.push_str(" AND principal = ?2");
        }
        if before.is_some() {
            query.push_str(" AND (at, key) < (SELECT at, key FROM audit WHERE key = ?3)");
        }
        query.push_str(" ORDER BY at DESC, key DESC LIMIT ?4");
        let since = filter.since.map_or(0, millis);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let mut query = connection.prepare_cached(&query)?;
            // Those that a form does not use are bound all the same.
            let all: [&dyn rusqlite::ToSql; 4] = [&since, &filter.principal, &before, &limit];
            for (value, number) in all.into_iter().zip(1..) {
                if number <= query.parameter_count() {
                    query.raw_bind_parameter(number, value)?;
                }
            }
            let mut found = Vec::new();
            let mut rows = query.raw_query();
            while let Some(row) = rows.next()? {
                found.push(stored(row)?);
            }
            Ok(found)
        })
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredAudit> {
    Ok(StoredAudit {
        key: row.get(0)?,
        record: AuditRecord {
            at: time(row.get(1)?),
            principal: row.get(2)?,
            action: Cow::Owned(row.get(3)?),
            subject: row.get(4)?,
            detail: row.get(5)?,
        },
    })
}

pub(crate) fn insert(connection: &Connection, record: &AuditRecord) -> rusqlite::Result<()> {
    let detail = match record.detail.as_str() {
        "" => "{}",
        // Half an object is none.
        long if long.len() > MAX_TEXT => r#"{"cut":true}"#,
        detail => detail,
    };
    connection
        .prepare_cached(
            "INSERT INTO audit (at, principal, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            millis(record.at),
            cut(&record.principal),
            record.action,
            cut(&record.subject),
            detail,
        ])
        .map(drop)
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn open() -> (tempfile::TempDir, Records) {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("hostler.db")).unwrap();
        (folder, records)
    }

    fn record(principal: &str, seconds: u64, subject: &str) -> AuditRecord {
        AuditRecord {
            at: UNIX_EPOCH + Duration::from_secs(seconds),
            ..AuditRecord::now(principal, "test.did", subject, "{}")
        }
    }

    fn subjects(found: &[StoredAudit]) -> Vec<&str> {
        found
            .iter()
            .map(|one| one.record.subject.as_str())
            .collect()
    }

    #[test]
    fn the_latest_come_first_and_pages_go_on_where_the_last_ended() {
        let (_folder, records) = open();
        // The clock was set back before the last, and two share a time.
        let seconds = [1, 2, 2, 5, 4];
        for (n, second) in seconds.into_iter().enumerate() {
            records
                .audit(&[record("ann", second, &n.to_string())])
                .unwrap();
        }
        let all = AuditFilter::default();
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = records.audit_list(&all, 2, before).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.key);
            seen.extend(page);
        }
        assert_eq!(subjects(&seen), ["3", "4", "2", "1", "0"]);
        assert_eq!(seen[0].record, record("ann", 5, "3"));
        assert_eq!(records.audit_list(&all, 2, Some(999)).unwrap(), []);
    }

    #[test]
    fn a_list_is_of_one_principal_and_since_a_time_by_an_index() {
        let (_folder, records) = open();
        for n in 0..10 {
            let who = if n % 2 == 0 { "ann" } else { "bob" };
            records.audit(&[record(who, n, &n.to_string())]).unwrap();
        }
        let filter = AuditFilter {
            since: Some(UNIX_EPOCH + Duration::from_secs(4)),
            principal: Some("ann".into()),
        };
        let found = records.audit_list(&filter, 100, None).unwrap();
        assert_eq!(subjects(&found), ["8", "6", "4"]);
        let found = records
            .audit_list(&filter, 100, Some(found[0].key))
            .unwrap();
        assert_eq!(subjects(&found), ["6", "4"]);
        let plan: String = records
            .read(|connection| {
                connection.query_row(
                    "EXPLAIN QUERY PLAN SELECT * FROM audit WHERE at >= 1 AND principal = 'a'
                     ORDER BY at DESC, key DESC LIMIT 1",
                    [],
                    |row| row.get(3),
                )
            })
            .unwrap();
        assert!(plan.contains("audit_by_principal"), "{plan}");
    }

    #[test]
    fn what_was_recorded_is_neither_changed_nor_deleted() {
        let (_folder, records) = open();
        records.audit(&[record("ann", 1, "a")]).unwrap();
        for statement in ["DELETE FROM audit", "UPDATE audit SET principal = 'bob'"] {
            let error = records
                .write(|change| change.execute(statement, []))
                .unwrap_err();
            assert!(error.to_string().contains("only ever added to"), "{error}");
        }
        let found = records
            .audit_list(&AuditFilter::default(), 10, None)
            .unwrap();
        assert_eq!(found[0].record, record("ann", 1, "a"));
    }

    #[test]
    fn texts_are_bounded_and_a_detail_stays_json() {
        let (_folder, records) = open();
        let long = "é".repeat(MAX_TEXT);
        let detail = format!(r#"{{"text":"{long}"}}"#);
        records
            .audit(&[AuditRecord::now("ann", "a.b", long.as_str(), detail)])
            .unwrap();
        records
            .audit(&[AuditRecord::now("ann", "a.b", "", "")])
            .unwrap();
        let found = records
            .audit_list(&AuditFilter::default(), 10, None)
            .unwrap();
        assert_eq!(found[0].record.detail, "{}");
        assert_eq!(found[1].record.detail, r#"{"cut":true}"#);
        assert_eq!(found[1].record.subject, "é".repeat(MAX_TEXT / 2));
    }
}
