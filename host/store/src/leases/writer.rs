//! One thread that writes for all who wait.

use std::{
    fmt,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use hostler_lease::Record;

use super::apply;
use crate::{Records, StoreError};

/// How often what could not be written is tried again without being asked.
const RETRY: Duration = Duration::from_secs(1);

/// Makes records of leases durable. A thread takes all that waits, writes it in
/// one step, waits for the disk once, and then tells everyone. It ends with the
/// last clone, when all is written. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Leases {
    jobs: Sender<Job>,
}

type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

struct Job {
    records: Vec<Record>,
    done: Done,
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
            .spawn(move || run(&records, &waiting))?;
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

fn run(records: &Records, waiting: &Receiver<Job>) {
    let mut due: Vec<Record> = Vec::new();
    loop {
        let first = if due.is_empty() {
            waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            waiting.recv_timeout(RETRY)
        };
        let mut told = Vec::new();
        match first {
            Ok(first) => {
                for job in std::iter::once(first).chain(waiting.try_iter()) {
                    due.extend(job.records);
                    told.push(job.done);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                if !due.is_empty() && records.write(|change| apply(change, &due)).is_err() {
                    tracing::error!("the last changes of leases could not be written");
                }
                return;
            }
        }
        let result = if due.is_empty() {
            Ok(())
        } else {
            records.write(|change| apply(change, &due))
        };
        match &result {
            Ok(()) => due.clear(),
            Err(error) => {
                tracing::error!("leases cannot be written, so none is granted: {error}");
                compact(&mut due);
            }
        }
        for done in told {
            done(result.clone());
        }
    }
}

/// Keeps the last record of each lease, so that what is due while the disk is
/// full does not grow with time.
fn compact(due: &mut Vec<Record>) {
    let mut seen = std::collections::HashSet::new();
    let mut kept: Vec<Record> = due
        .drain(..)
        .rev()
        .filter(|record| {
            seen.insert(match record {
                Record::Tokens(_) => None,
                Record::Put(stored) => Some(stored.ask.id),
                Record::Remove(id) => Some(*id),
            })
        })
        .collect();
    kept.reverse();
    *due = kept;
}
