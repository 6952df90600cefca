//! A thread that adds records for those who cannot wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{AuditRecord, Records};

/// Records that wait for the disk. A session writes a few in a minute; more than
/// this at once is a flood, or a disk that hangs.
const WAITING: usize = 4096;

/// Records that are written in one step, so that a flood waits for the disk once
/// and not for each.
const BATCH: usize = 256;

/// How long a record waits for others, so that a steady stream of them waits for
/// the disk a few times a second: leases wait for the same disk.
const GATHERING: Duration = Duration::from_millis(20);

/// How long a stop waits for the disk.
const SETTLING: Duration = Duration::from_secs(5);

/// How often a stop looks for room in the queue.
const PAUSE: Duration = Duration::from_millis(5);

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
        let until = Instant::now() + GATHERING;
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Add(record) => batch.push(record),
                Job::Settle(done) => settled = Some(done),
            }
            if settled.is_some() || batch.len() >= BATCH {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            next = jobs.recv_timeout(left).ok();
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
    use crate::AuditFilter;

    fn open() -> (tempfile::TempDir, Records) {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("hostler.db")).unwrap();
        (folder, records)
    }

    fn record() -> AuditRecord {
        AuditRecord::now("ann", "test.did", "a", "")
    }

    #[test]
    fn what_was_added_is_written_when_it_is_settled() {
        let (_folder, records) = open();
        let audit = Audit::start(records.clone()).unwrap();
        let many = BATCH * 2 + 3;
        for _ in 0..many {
            audit.clone().add(record());
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
            audit.add(record());
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
