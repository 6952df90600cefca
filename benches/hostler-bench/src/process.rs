//! What the kernel counts of a process, in `/proc`.

use std::{
    fs,
    process::Child,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::{
    process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit},
    time::{ClockId, clock_gettime},
};

/// How long a process may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Processor time of the process alone, without its children.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = stat(pid)?;
    // Fields 14 and 15 of proc(5); the first one here is the fourth.
    let ticks: u64 = stat.iter().skip(10).take(2).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// What a process takes of the memory, in MB of 10^6 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Its own pages and its share of shared ones.
    pub(crate) pss: f64,
    /// All pages that it maps and that are there, shared or not.
    pub(crate) rss: f64,
}

pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let file = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let value = |name: &str| -> Result<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib = kib.with_context(|| format!("no {name} in {file}"))?;
        Ok(kib.parse::<f64>()? * 1024.0 / 1e6)
    };
    Ok(Memory {
        pss: value("Pss:")?,
        rss: value("Rss:")?,
    })
}

/// All that descends from a process, without it.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    let all: Vec<(u32, u64)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, *stat(pid).ok()?.first()?)))
        .collect();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(
            all.iter()
                .filter(|(_, its)| *its == u64::from(parent))
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    found.split_off(1)
}

/// The numbers of `/proc/PID/stat` from the parent on.
fn stat(pid: u32) -> Result<Vec<u64>> {
    let file = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    // The name in parentheses may have anything in it.
    let (_, fields) = text.rsplit_once(") ").context("no name in a stat")?;
    Ok(fields
        .split(' ')
        .skip(1)
        .map(|field| field.trim().parse().unwrap_or(0))
        .collect())
}

/// A thousand connections are more files than most systems allow at first.
pub(crate) fn raise_files() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).context("cannot raise the limit of open files")
}

/// The clock that all processes of the machine share.
pub(crate) fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

/// Ended when dropped, kindly first.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
