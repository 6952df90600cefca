//! A store that does as it is told, and an observer that notes what it hears.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use hostler_device::{Durable, LeaseAct, LeaseStore, Observer};
use hostler_lease::{Record, Saved};

/// A store that is as durable as the test.
#[derive(Debug)]
pub(crate) struct Memory(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    saved: Saved,
    starts: u32,
    due: Vec<Record>,
    full: bool,
    /// Answers come later, if at all.
    slow: bool,
    /// All is written, and nobody hears of it.
    silent: bool,
    later: Later,
    /// Marks of first uses that were written.
    marks: usize,
}

#[derive(Default)]
struct Later(Vec<Durable>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Later").field(&self.0.len()).finish()
    }
}

impl Kept {
    fn write(&mut self) -> Result<(), String> {
        if self.full {
            return Err("the disk is full".to_owned());
        }
        for record in std::mem::take(&mut self.due) {
            self.marks += usize::from(matches!(record, Record::Used(_)));
            self.saved.apply(record);
        }
        Ok(())
    }
}

impl Memory {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Kept {
            saved: Saved::new(1_700_000_000),
            starts: 0,
            due: Vec::new(),
            full: false,
            slow: false,
            silent: false,
            later: Later::default(),
            marks: 0,
        })))
    }

    /// For a host that starts.
    pub(crate) fn load(&self) -> (Saved, u32) {
        let mut kept = self.0.lock().unwrap();
        // What was not written went with the host.
        kept.due.clear();
        (kept.slow, kept.silent) = (false, false);
        kept.starts += 1;
        (kept.saved.clone(), kept.starts)
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.0.lock().unwrap().full = full;
    }

    /// From now on nothing is answered.
    pub(crate) fn set_slow(&self) {
        self.0.lock().unwrap().slow = true;
    }

    /// From now on all is written, and nothing is answered.
    pub(crate) fn set_silent(&self) {
        self.0.lock().unwrap().silent = true;
    }

    pub(crate) fn marks(&self) -> usize {
        self.0.lock().unwrap().marks
    }

    /// All is answered.
    pub(crate) fn set_fast(&self) {
        let (later, result) = {
            let mut kept = self.0.lock().unwrap();
            (kept.slow, kept.silent) = (false, false);
            (std::mem::take(&mut kept.later), kept.write())
        };
        for done in later.0 {
            done(result.clone());
        }
    }

    pub(crate) fn leases(&self) -> usize {
        self.0.lock().unwrap().saved.leases().len()
    }
}

impl LeaseStore for Memory {
    fn write(&self, records: Vec<Record>, done: Durable) {
        let result = {
            let mut kept = self.0.lock().unwrap();
            kept.due.extend(records);
            if kept.slow {
                kept.later.0.push(done);
                return;
            }
            if kept.silent && !kept.full {
                let _ = kept.write();
                kept.later.0.push(done);
                return;
            }
            kept.write()
        };
        done(result);
    }
}

/// Notes what it hears.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Heard {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Heard {
    fn lease(&self, act: LeaseAct<'_>) {
        let line = match act {
            LeaseAct::Leased { to, key, .. } => format!("leased {key} to {to}"),
            LeaseAct::Ended { of, key, cause } => format!("ended {key} of {of}: {cause:?}"),
            LeaseAct::Forced { by, key } => format!("forced {key} by {by}"),
        };
        self.0.lock().unwrap().push(line);
    }
}
