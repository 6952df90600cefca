//! The measurements, one promise a file.

mod call;
mod cpu;
mod latency;
mod memory;
mod start;

use std::{ffi::OsString, time::Duration};

pub(crate) use call::call;
pub(crate) use cpu::cpu;
pub(crate) use latency::latency;
pub(crate) use memory::memory;
pub(crate) use start::start;

/// The cargo that runs this, or the one on the PATH.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
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
