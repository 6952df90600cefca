//! How long a start takes, from the start of the process.

use std::time::Instant;

use anyhow::Result;

use super::{ms, percentile};
use crate::{
    Programs,
    harness::{HARNESSES, Harness},
    report::{Peer, Report, Value},
    stage::Stage,
};

const RUNS: usize = 10;

pub(crate) fn start(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    let [harness, ..] = &HARNESSES;
    let cold = stage.host()?;
    let (cold_first, _) = cold.loaded()?;
    drop(cold);

    let (mut ready, mut first, mut all, mut open) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let host = stage.host()?;
        ready.push(ms(host.ready));
        let (one, last) = host.loaded()?;
        first.push(ms(one));
        all.push(ms(last));
        drop(host);

        let host = stage.host()?;
        host.client(false)?.open(&stage.work(), harness.plugin)?;
        open.push(ms(host.started.elapsed()));
    }
    let peers = peers(&stage, harness);
    let median = |samples: &[f64]| percentile(samples, 0.5);

    report.goal(
        format!("start to ready, median of {RUNS}"),
        Value(median(&ready), "ms"),
        150.0,
        Peer::of(&peers, |(ready, _)| median(ready)),
    );
    report.add(
        "start to ready, slowest",
        Value(percentile(&ready, 1.0), "ms"),
        Peer::Nothing,
    );
    for (figure, value) in [
        ("start to the first plugin loaded", median(&first)),
        ("start to all plugins loaded", median(&all)),
        ("the same with nothing compiled yet, first", ms(cold_first)),
    ] {
        report.add(figure, Value(value, "ms"), Peer::Nothing);
    }
    report.add(
        "start to an open session, stand-in",
        Value(median(&open), "ms"),
        Peer::of(&peers, |(_, open)| median(open)),
    );
    Ok(())
}

/// Of each start, until it is ready and until it has an open session.
fn peers(stage: &Stage<'_>, harness: &Harness) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut ready, mut open) = (vec![], vec![]);
    for _ in 0..RUNS {
        let begin = Instant::now();
        let mut peer = stage.peer(harness)?;
        ready.push(ms(begin.elapsed()));
        peer.client.open(&stage.work(), harness.plugin)?;
        open.push(ms(begin.elapsed()));
    }
    Ok((ready, open))
}
