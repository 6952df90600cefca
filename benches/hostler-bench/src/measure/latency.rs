//! From an agent's write to a client's read, on one clock.

use anyhow::{Result, ensure};

use super::{delay, percentile};
use crate::{
    Programs,
    harness::{HARNESSES, Harness},
    report::{Peer, Report, Value},
    stage::{Served, Stage},
};

const SAMPLES: usize = 500;

/// Milliseconds between two writes: each is seen alone.
const PAUSE: usize = 5;

pub(crate) fn latency(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    for harness in &HARNESSES {
        let samples = |served| samples(&stage, harness, served);
        let host = samples(stage.served()?)?;
        let peer = stage.peer(harness).and_then(samples);
        for (name, share, goal) in [
            ("p50", 0.5, Some(1.0)),
            ("p99", 0.99, Some(5.0)),
            ("slowest", 1.0, None),
        ] {
            let title = harness.title;
            let figure = format!("{title}'s write to client's read, {name} of {SAMPLES}");
            let value = Value(percentile(&host, share), "ms");
            let peer = Peer::of(&peer, |samples| percentile(samples, share));
            match goal {
                Some(goal) => report.goal(figure, value, goal, peer),
                None => report.add(figure, value, peer),
            }
        }
    }
    Ok(())
}

fn samples(stage: &Stage<'_>, harness: &Harness, mut served: Served) -> Result<Vec<f64>> {
    let session = served.client.open(&stage.work(), harness.plugin)?;
    served
        .client
        .prompt(&session, &format!("[[slow 50 {PAUSE}]]"), |_, _| {})?;
    let mut samples = Vec::with_capacity(SAMPLES);
    let prompt = format!("[[slow {SAMPLES} {PAUSE}]]");
    served.client.prompt(&session, &prompt, |at, text| {
        samples.extend(delay(at, text));
    })?;
    ensure!(
        samples.len() == SAMPLES,
        "{SAMPLES} pieces were written, {} came as they were",
        samples.len()
    );
    Ok(samples)
}
