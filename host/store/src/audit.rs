//! Who did what: an append-only record.
//!
//! A record takes about 300 bytes with its places in the indexes, so a million of
//! them, years of a busy host, take 300 MB. Nothing removes one.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use rusqlite::{Connection, Row, params};

use crate::{
    Records, StoreError,
    records::{millis, time},
};

/// Records that wait for the disk. A session writes a few in a minute; more than
/// this at once is a flood, or a disk that hangs.
const WAITING: usize = 4096;

/// Records that are written in one step, so that a flood waits for the disk once
/// and not for each.
const BATCH: usize = 256;

/// How long a stop waits for the disk.
const SETTLING: Duration = Duration::from_secs(5);

/// How often a stop looks for room in the queue.
const PAUSE: Duration = Duration::from_millis(5);

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

/// Adds records from where nobody may wait: a thread writes them. Cheap to clone;
/// all clones are the same one.
#[derive(Debug, Clone)]
pub struct Audit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: SyncSender<Job>,
    /// Records that found no room, and are not yet told.
    lost: AtomicU64,
}

enum Job {
    Add(AuditRecord),
    /// Answered when all before is written.
    Settle(SyncSender<()>),
}

impl Audit {
    /// Starts the thread. It ends with the last clone, when all is written.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(records: Records) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(WAITING);
        let audit = Self(Arc::new(Inner {
            queue,
            lost: AtomicU64::new(0),
        }));
        let lost = Arc::downgrade(&audit.0);
        thread::Builder::new()
            .name("hostler-audit".into())
            .spawn(move || {
                let lost = || {
                    lost.upgrade()
                        .map_or(0, |it| it.lost.swap(0, Ordering::Relaxed))
                };
                write(&records, &jobs, lost);
            })?;
        Ok(audit)
    }

    /// Adds a record, soon. Never waits: when too many wait already, the record
    /// is lost, which the log says, and the audit itself with `audit.lost`.
    pub fn add(&self, record: AuditRecord) {
        if self.0.queue.try_send(Job::Add(record)).is_err()
            && self.0.lost.fetch_add(1, Ordering::Relaxed) == 0
        {
            tracing::error!("the audit does not keep up with the disk: records are lost");
        }
    }

    /// Waits until all that was added before is written, or for some seconds.
    /// Blocks. False: it took too long.
    #[must_use]
    pub fn settle(&self) -> bool {
        let end = Instant::now() + SETTLING;
        let (done, settled) = sync_channel(1);
        let mut job = Job::Settle(done);
        while let Err(refused) = self.0.queue.try_send(job) {
            match refused {
                TrySendError::Full(back) if Instant::now() < end => job = back,
                _ => return false,
            }
            thread::sleep(PAUSE);
        }
        let left = end.saturating_duration_since(Instant::now());
        settled.recv_timeout(left).is_ok()
    }
}

fn write(records: &Records, jobs: &Receiver<Job>, lost: impl Fn() -> u64) {
    while let Ok(first) = jobs.recv() {
        let mut batch = Vec::new();
        let mut settled = None;
        for job in std::iter::once(first).chain(jobs.try_iter()) {
            match job {
                Job::Add(record) => batch.push(record),
                Job::Settle(done) => {
                    settled = Some(done);
                    break;
                }
            }
            if batch.len() >= BATCH {
                break;
            }
        }
        let lost = lost();
        if lost > 0 {
            let detail = format!(r#"{{"count":{lost}}}"#);
            batch.push(AuditRecord::now("host", "audit.lost", "", detail));
        }
        if let Err(error) = records.audit(&batch) {
            tracing::error!(%error, "the audit could not be written: {batch:?}");
        }
        if let Some(done) = settled {
            let _ = done.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

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

    #[test]
    fn what_was_added_is_written_when_it_is_settled() {
        let (_folder, records) = open();
        let audit = Audit::start(records.clone()).unwrap();
        let many = BATCH * 2 + 3;
        for n in 0..many {
            audit.clone().add(record("ann", n as u64, "a"));
        }
        assert!(audit.settle());
        let found = records
            .audit_list(&AuditFilter::default(), many * 2, None)
            .unwrap();
        assert_eq!(found.len(), many);
    }

    #[test]
    fn a_disk_that_hangs_holds_up_nobody_and_the_gap_is_told() {
        let (_folder, records) = open();
        let audit = Audit::start(records.clone()).unwrap();
        let (hold, held) = sync_channel::<()>(0);
        let (locked, is_locked) = sync_channel(0);
        let blocker = thread::spawn({
            let records = records.clone();
            move || {
                records.read(|_| {
                    locked.send(()).unwrap();
                    let _ = held.recv();
                    Ok(())
                })
            }
        });
        is_locked.recv().unwrap();
        // What waits, what the thread holds, and then some.
        let many = WAITING + BATCH + 10;
        for _ in 0..many {
            audit.add(record("ann", 1, "a"));
        }
        drop(hold);
        blocker.join().unwrap().unwrap();
        assert!(audit.settle());
        let found = records
            .audit_list(&AuditFilter::default(), many * 2, None)
            .unwrap();
        let (told, kept): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|one| one.record.action == "audit.lost");
        let lost: u64 = told
            .iter()
            .map(|one| {
                let digits = one.record.detail.trim_start_matches(r#"{"count":"#);
                digits.trim_end_matches('}').parse::<u64>().unwrap()
            })
            .sum();
        assert!(lost >= 10, "{lost}");
        assert_eq!(kept.len() as u64 + lost, many as u64);
    }
}
