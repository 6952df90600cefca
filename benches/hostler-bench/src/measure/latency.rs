//! From an agent's write to a client's read, on one clock.

use anyhow::{Result, ensure};

use super::{delay, percentile};
use crate::{
    Programs,
    report::{Peer, Report, Value},
    stage::{Served, Stage},
};

const SAMPLES: usize = 500;

/// Milliseconds between two writes: each is seen alone.
const PAUSE: usize = 5;

pub(crate) fn latency(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    let host = samples(&stage, stage.served()?)?;
    let peer = stage
        .peer()?
        .map(|peer| samples(&stage, peer))
        .transpose()?;
    let mut row = |name: &str, share, goal| {
        let figure = format!("agent's write to client's read, {name} of {SAMPLES}");
        let value = Value(percentile(&host, share), "ms");
        let peer = Peer::of(peer.as_ref().map(|samples| percentile(samples, share)));
        match goal {
            Some(goal) => report.goal(figure, value, goal, peer),
            None => report.add(figure, value, peer),
        }
    };
    row("p50", 0.5, Some(1.0));
    row("p99", 0.99, Some(5.0));
    row("slowest", 1.0, None);
    Ok(())
}

fn samples(stage: &Stage<'_>, mut served: Served) -> Result<Vec<f64>> {
    let session = served.client.open(&stage.work(), "claude-code")?;
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
