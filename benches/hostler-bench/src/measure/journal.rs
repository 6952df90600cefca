//! Appending to the journal, in batches as sessions do: as fast as it goes, and
//! at the promised speed with a look at how long each frame is held up.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use hostler_store::{Entry, Journal, SessionKey, SessionRecord};

use super::{ms, percentile};
use crate::{
    Programs,
    report::{Peer, Report, Value},
};

/// Of an update in the journal.
const BYTES: usize = 300;

const RUN: Duration = Duration::from_secs(5);

/// Frames per second, of all sessions together.
const SPEED: usize = 50_000;

/// Pieces of text are collected for so long.
const TICK: Duration = Duration::from_millis(1);

/// Frames that a session has at once when its agent writes as fast as it can.
const BURST: usize = 50;

/// Milliseconds that a frame may be held up.
const HELD_UP: f64 = 5.0;

/// What the log may grow to: as `host/store/src/checkpoint.rs` bounds it, and
/// what is appended while the thread sees it.
const LOG: f64 = 100.0;

pub(crate) fn journal(_: &Programs, report: &mut Report) -> Result<()> {
    for sessions in [1, 16] {
        let of = if sessions == 1 {
            "1 session".to_owned()
        } else {
            format!("{sessions} sessions")
        };
        let fast = run(sessions, flood)?;
        let frames: usize = fast.each.iter().sum();
        report.at_least(
            format!("journal, frames of {BYTES} B, {of}"),
            Value(frames as f64 / RUN.as_secs_f64(), "/s"),
            SPEED as f64,
            Peer::Nothing,
        );
        report.goal(
            format!("its log at most, {of}"),
            Value(fast.log, "MB"),
            LOG,
            Peer::Nothing,
        );
        let paced = run(sessions, |journal, key, _| pace(journal, key, sessions))?;
        let late: Vec<f64> = paced.each.into_iter().flatten().collect();
        for (name, share, goal) in [
            ("p50", 0.5, None),
            ("p99", 0.99, Some(HELD_UP)),
            ("slowest", 1.0, None),
        ] {
            let figure = format!("held up at {SPEED} frames/s, {name}, {of}");
            let value = Value(percentile(&late, share), "ms");
            match goal {
                Some(goal) => report.goal(figure, value, goal, Peer::Nothing),
                None => report.add(figure, value, Peer::Nothing),
            }
        }
    }
    Ok(())
}

struct Ran<T> {
    each: Vec<T>,
    /// The largest size of the write-ahead log, in MB.
    log: f64,
}

/// Each session on a thread of its own, on a new journal.
fn run<T: Send>(
    sessions: usize,
    work: impl Fn(&Journal, SessionKey, u64) -> Result<T> + Sync,
) -> Result<Ran<T>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path)?;
    let keys = (0..sessions).map(|number| begin(&journal, number));
    let keys = keys.collect::<Result<Vec<_>>>()?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let log = scope.spawn(|| watch(&path, &over));
        let threads: Vec<_> = keys
            .iter()
            .map(|key| scope.spawn(|| work(&journal, *key, 0)))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        let each = joined.map(|each| each.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let each = each.collect::<Result<Vec<_>>>();
        over.store(true, Ordering::Relaxed);
        let log = log.join().ok().context("the watch of the log broke")?;
        Ok(Ran { each: each?, log })
    })
}

fn begin(journal: &Journal, number: usize) -> Result<SessionKey> {
    let key = journal.create(&SessionRecord {
        id: format!("s{number}"),
        owner: "local".into(),
        harness: "h".into(),
        cwd: PathBuf::from("/"),
        additional_directories: Vec::new(),
        devices: None,
        outside: false,
    })?;
    journal.append(key, &[Entry::Announced])?;
    Ok(key)
}

fn frames(seq: &mut u64, count: usize) -> Vec<Entry> {
    let frame = |_| {
        *seq += 1;
        let head = format!("{{\"n\":{seq},\"text\":\"");
        let update = format!("{head}{:x<1$}\"}}", "", BYTES - head.len() - 2);
        Entry::Frame { seq: *seq, update }
    };
    (0..count).map(frame).collect()
}

/// How many there were in all.
fn flood(journal: &Journal, key: SessionKey, mut seq: u64) -> Result<usize> {
    let begin = Instant::now();
    while begin.elapsed() < RUN {
        journal.append(key, &frames(&mut seq, BURST))?;
    }
    Ok(usize::try_from(seq)?)
}

/// How long each frame was held up, in milliseconds: from when it was there, on
/// time whatever became of those before, until it was journalled.
fn pace(journal: &Journal, key: SessionKey, sessions: usize) -> Result<Vec<f64>> {
    let begin = Instant::now();
    let (mut seq, mut late) = (0, Vec::new());
    let mut ticks = 0;
    while begin.elapsed() < RUN {
        let due = begin + TICK * (ticks + 1);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let woken = begin.elapsed();
        let (mut entries, mut came) = (Vec::new(), Vec::new());
        while TICK * (ticks + 1) <= woken {
            ticks += 1;
            let all = SPEED * ticks as usize / 1000 / sessions;
            let new = all - usize::try_from(seq)?;
            entries.extend(frames(&mut seq, new));
            came.extend(std::iter::repeat_n(begin + TICK * ticks, new));
        }
        journal.append(key, &entries)?;
        let done = Instant::now();
        late.extend(came.into_iter().map(|came| ms(done - came)));
    }
    Ok(late)
}

fn watch(journal: &Path, over: &AtomicBool) -> f64 {
    let mut log = journal.as_os_str().to_owned();
    log.push("-wal");
    let mut most = 0;
    while !over.load(Ordering::Relaxed) {
        most = most.max(fs::metadata(&log).map_or(0, |log| log.len()));
        thread::sleep(TICK);
    }
    most as f64 / 1e6
}
