//! What the kernel counts of a process, in `/proc`.

use std::{
    fs,
    os::fd::OwnedFd,
    path::PathBuf,
    process::Child,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{
        Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, kill_process, pidfd_open,
        pidfd_send_signal, setrlimit,
    },
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

/// The program that a process runs.
pub(crate) fn program(pid: u32) -> Result<PathBuf> {
    let link = format!("/proc/{pid}/exe");
    fs::read_link(&link).with_context(|| format!("cannot read {link}"))
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

/// Processes whose end can be waited for, whoever started them.
#[derive(Debug)]
pub(crate) struct Family(Vec<OwnedFd>);

impl Family {
    /// Those that are still there.
    pub(crate) fn of(pids: impl IntoIterator<Item = u32>) -> Self {
        let pids = pids.into_iter().filter_map(|pid| i32::try_from(pid).ok());
        let pids = pids.filter_map(Pid::from_raw);
        let open = pids.filter_map(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        Self(open.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Until all have ended. False: they have not within [`PATIENCE`].
    pub(crate) fn wait(&mut self) -> Result<bool> {
        let end = Instant::now() + PATIENCE;
        // A pidfd can be read from when its process has ended.
        while let Some(process) = self.0.last() {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left)?;
            if poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&left))? == 0 {
                return Ok(false);
            }
            self.0.pop();
        }
        Ok(true)
    }

    /// At once.
    fn kill(&self) {
        for process in &self.0 {
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
    }
}

/// Ended when dropped, with all that it started, kindly first.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut family = Family::of([self.pid()]);
        let mut children = Family::of(descendants(self.pid()));
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        if !family.wait().unwrap_or(false) {
            family.kill();
        }
        let _ = self.0.wait();
        if !children.wait().unwrap_or(false) {
            children.kill();
        }
    }
}
