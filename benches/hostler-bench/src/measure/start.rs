//! How long a start takes, from the start of the process.

use std::time::Instant;

use anyhow::Result;

use super::{ms, percentile};
use crate::{
    Programs,
    report::{Peer, Report, Value},
    stage::Stage,
};

const RUNS: usize = 10;

pub(crate) fn start(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    let cold = stage.host()?;
    let (cold_first, _) = cold.loaded()?;
    drop(cold);

    let (mut ready, mut first, mut all, mut open) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let host = stage.host()?;
        ready.push(ms(host.ready));
        let (one, three) = host.loaded()?;
        first.push(ms(one));
        all.push(ms(three));
        drop(host);

        let host = stage.host()?;
        host.client(false)?.open(&stage.work(), "claude-code")?;
        open.push(ms(host.started.elapsed()));
    }
    let mut peer_ready = Vec::new();
    let mut peer_open = Vec::new();
    for _ in 0..RUNS {
        let begin = Instant::now();
        let Some(mut peer) = stage.peer()? else { break };
        peer_ready.push(ms(begin.elapsed()));
        peer.client.open(&stage.work(), "claude-code")?;
        peer_open.push(ms(begin.elapsed()));
    }
    let median = |samples: &[f64]| percentile(samples, 0.5);
    let peers = |samples: &[f64]| Peer::of((!samples.is_empty()).then(|| median(samples)));

    report.goal(
        format!("start to ready, median of {RUNS}"),
        Value(median(&ready), "ms"),
        150.0,
        peers(&peer_ready),
    );
    report.add(
        "start to ready, slowest",
        Value(percentile(&ready, 1.0), "ms"),
        Peer::Nothing,
    );
    for (figure, value) in [
        ("start to the first plugin loaded", median(&first)),
        ("start to both plugins loaded", median(&all)),
        ("the same with nothing compiled yet, first", ms(cold_first)),
    ] {
        report.add(figure, Value(value, "ms"), Peer::Nothing);
    }
    report.add(
        "start to an open session, stand-in",
        Value(median(&open), "ms"),
        peers(&peer_open),
    );
    Ok(())
}
