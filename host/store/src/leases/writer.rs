//! One thread that writes for all who wait.

use std::{
    collections::HashSet,
    fmt,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use hostler_lease::{LeaseId, Record};

use super::apply;
use crate::{Records, StoreError};

/// Which part of the last write's time is given to those who are about to come.
const GATHERING: u32 = 2;

/// And no more of a slow disk's than this.
const MAX_GATHERING: Duration = Duration::from_millis(2);

/// Batches that wait for nobody after one that waited in vain.
const REST: u32 = 16;

/// How often what could not be written is tried again without being asked.
const RETRY: Duration = Duration::from_secs(1);

/// Makes records of leases durable. A thread takes all that waits, writes it in
/// one step, waits for the disk once, and then tells everyone. It ends with the
/// last clone, when all is written. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Leases {
    jobs: Sender<Job>,
}

pub(super) type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

pub(super) struct Job {
    pub(super) records: Vec<Record>,
    pub(super) done: Done,
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leases")
    }
}

impl Leases {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(records: Records) -> std::io::Result<Self> {
        let (jobs, waiting) = channel();
        thread::Builder::new()
            .name("hostler-leases".into())
            .spawn(move || {
                run(&waiting, |due| records.write(|change| apply(change, due)));
            })?;
        Ok(Self { jobs })
    }

    /// Writes the records, after those of earlier calls, and calls `done` from the
    /// thread when they and all before are durable, or could not be written. Then
    /// they stay due: they go ahead of the next, and are tried again each second.
    /// Without records: when all before is durable. Never blocks; `done` must not
    /// either.
    ///
    /// What waits is bounded by who calls: each lease has few records on the way.
    pub fn write(
        &self,
        records: Vec<Record>,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        let done: Done = Box::new(done);
        // The thread ends after the last sender only.
        let _ = self.jobs.send(Job { records, done });
    }
}

/// Who is about to come: those who write again and again come back when they have
/// been answered. Without a wait for them two halves of them would take turns, and
/// each would wait for the disk twice.
#[derive(Debug, Default)]
struct Pace {
    /// Of the last batch.
    answered: usize,
    took: Duration,
    /// Batches that wait for nobody.
    rest: u32,
}

impl Pace {
    /// Waits a part of the time that they would otherwise wait for the disk, until
    /// there are as many jobs as expected.
    fn gather(&mut self, jobs: &mut Vec<Job>, expected: usize, waiting: &Receiver<Job>) {
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        let missing = expected.saturating_sub(jobs.len());
        let until = Instant::now() + (self.took / GATHERING).min(MAX_GATHERING);
        while jobs.len() < expected {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(job) = waiting.recv_timeout(left) else {
                break;
            };
            jobs.push(job);
        }
        let still_missing = expected.saturating_sub(jobs.len());
        if 2 * still_missing > missing {
            self.rest = REST;
        }
    }
}

/// Takes all that waits, writes it at once, tells everyone, until the last clone
/// is gone.
pub(super) fn run(
    waiting: &Receiver<Job>,
    mut write: impl FnMut(&[Record]) -> Result<(), StoreError>,
) {
    let mut due: Vec<Record> = Vec::new();
    let mut failing = false;
    let mut pace = Pace::default();
    // What came while others were written.
    let mut jobs: Vec<Job> = Vec::new();
    loop {
        let expected = jobs.len() + pace.answered;
        if jobs.is_empty() {
            let first = if due.is_empty() {
                waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                waiting.recv_timeout(RETRY)
            };
            match first {
                Ok(first) => jobs.push(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    if !due.is_empty() && write(&due).is_err() {
                        tracing::error!("the last changes of leases could not be written");
                    }
                    return;
                }
            }
        }
        jobs.extend(waiting.try_iter());
        if !jobs.is_empty() {
            pace.gather(&mut jobs, expected, waiting);
        }
        let mut told = Vec::with_capacity(jobs.len());
        for job in jobs.drain(..) {
            due.extend(job.records);
            told.push(job.done);
        }
        let began = Instant::now();
        let result = if due.is_empty() { Ok(()) } else { write(&due) };
        match &result {
            Ok(()) => due.clear(),
            Err(error) => {
                if !failing {
                    tracing::error!("leases cannot be written, so none is granted: {error}");
                }
                compact(&mut due);
            }
        }
        failing = result.is_err();
        pace.took = began.elapsed();
        pace.answered = told.len();
        // Before anyone is told, and may be back already.
        jobs.extend(waiting.try_iter());
        for done in told {
            done(result.clone());
        }
    }
}

/// Keeps the last record of each lease, with what one before it says of its use,
/// so that what is due while the disk is full does not grow with time.
pub(super) fn compact(due: &mut Vec<Record>) {
    let put = due.iter().filter_map(|record| match record {
        Record::Put(stored) => Some(stored.ask.id),
        _ => None,
    });
    let put: HashSet<LeaseId> = put.collect();
    let (mut seen, mut used) = (HashSet::new(), HashSet::new());
    let mut kept = Vec::new();
    for mut record in due.drain(..).rev() {
        let of = match &mut record {
            Record::Tokens(_) => None,
            Record::Used(id) if put.contains(id) => {
                used.insert(*id);
                continue;
            }
            Record::Put(stored) => {
                if used.contains(&stored.ask.id) {
                    stored.standing.note_use();
                }
                Some(stored.ask.id)
            }
            Record::Used(id) | Record::Remove(id) => Some(*id),
        };
        if seen.insert(of) {
            kept.push(record);
        }
    }
    kept.reverse();
    *due = kept;
}
