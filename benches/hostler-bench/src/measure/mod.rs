//! The measurements, one promise a file.

mod attach;
mod call;
mod close;
mod cpu;
mod device;
mod fanout;
mod idle;
mod journal;
mod latency;
mod leases;
mod memory;
mod prompt;
mod route;
mod start;
mod terminal;

use std::{ffi::OsString, fs, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};

pub(crate) use attach::attach;
pub(crate) use call::call;
pub(crate) use close::close;
pub(crate) use cpu::cpu;
pub(crate) use device::device;
pub(crate) use fanout::fanout;
pub(crate) use idle::idle;
pub(crate) use journal::journal;
pub(crate) use latency::latency;
pub(crate) use leases::leases;
pub(crate) use memory::memory;
pub(crate) use prompt::prompt;
pub(crate) use route::route;
pub(crate) use start::start;
pub(crate) use terminal::terminal;

use crate::Programs;

/// The cargo that runs this, or the one on the PATH.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs a benchmark of a crate that criterion measures.
fn criterion(package: &str, bench: &str) -> Result<()> {
    let status = Command::new(cargo())
        .args(["bench", "-p", package, "--bench", bench])
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the benchmark failed");
    Ok(())
}

/// What criterion found in its last run, in nanoseconds.
fn median(programs: &Programs, group: &str, name: &str) -> Result<f64> {
    let target = programs.folder.parent().context("no target folder")?;
    let file = target.join("criterion").join(group).join(name);
    let file = file.join("new/estimates.json");
    let text = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
    let estimates: serde_json::Value = serde_json::from_str(&text)?;
    let median = &estimates["median"]["point_estimate"];
    median.as_f64().context("no median")
}

/// A step of measuring a peer; what goes wrong is why it is not measured.
fn keep_on<T>(peer: &mut Result<T>, step: impl FnOnce(&mut T) -> Result<()>) {
    if let Ok(it) = peer
        && let Err(error) = step(it)
    {
        *peer = Err(error);
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// From the stand-in's write to `at`; its texts are the time of their writing,
/// in nanoseconds.
fn delay(at: Duration, text: &str) -> Option<f64> {
    let written = Duration::from_nanos(text.parse().ok()?);
    Some(ms(at.saturating_sub(written)))
}

/// The sample that this share of all samples does not exceed; none of none.
fn percentile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let index = (sorted.len() as f64 * share).ceil() as usize;
    sorted
        .get(index.saturating_sub(1).min(last))
        .copied()
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_sample() {
        let samples: Vec<f64> = (1..=500).rev().map(f64::from).collect();
        assert_eq!(percentile(&samples, 0.5), 250.0);
        assert_eq!(percentile(&samples, 0.99), 495.0);
        assert_eq!(percentile(&samples, 1.0), 500.0);
        assert_eq!(percentile(&[3.0], 0.5), 3.0);
        assert!(percentile(&[], 0.5).is_nan());
    }
}
