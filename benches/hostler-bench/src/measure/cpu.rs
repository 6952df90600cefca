//! Processor time that a long answer costs, in the process in the middle alone.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{delay, ms, percentile};
use crate::{
    Programs,
    process::cpu as cpu_of,
    report::{Peer, Report, Value},
    stage::{Served, Stage},
};

const PIECES: usize = 3000;

/// The kernel counts in steps of 10 ms: so many turns make the error small.
const TURNS: u32 = 10;

/// Turns before them: caches fill, and a JavaScript engine compiles. The first
/// is told apart.
const WARM_UP: u32 = 3;

/// Of each turn, in milliseconds.
const GOAL: f64 = 60.0;

pub(crate) fn cpu(programs: &Programs, report: &mut Report) -> Result<()> {
    let agent = Stage::stand_in(programs)?;
    compare(&agent, "stand-in", report)?;
    if let Some(claude) = &programs.claude {
        let agent = Stage::real(programs, claude)?;
        compare(&agent, "real Claude Code", report)?;
    }
    Ok(())
}

fn compare(stage: &Stage<'_>, agent: &str, report: &mut Report) -> Result<()> {
    let mut host = Runner::new(stage, stage.served()?)?;
    let mut peer = stage
        .peer()?
        .map(|peer| Runner::new(stage, peer))
        .transpose()?;
    // In turn, so that a machine that slows down does so for both.
    for turn in 0..WARM_UP + TURNS {
        for runner in [Some(&mut host), peer.as_mut()].into_iter().flatten() {
            runner.turn(turn >= WARM_UP)?;
        }
    }
    report.goal(
        format!("processor time of {PIECES} pieces, {agent}"),
        Value(ms(host.cpu / TURNS), "ms"),
        GOAL,
        Peer::of(peer.as_ref().map(|peer| ms(peer.cpu / TURNS))),
    );
    report.goal(
        format!("the same in the first turn, {agent}"),
        Value(ms(host.first.unwrap_or_default()), "ms"),
        GOAL,
        Peer::of(peer.as_ref().map(|peer| ms(peer.first.unwrap_or_default()))),
    );
    report.add(
        format!("the whole turn, {agent}"),
        Value(ms(host.wall / TURNS), "ms"),
        Peer::of(peer.as_ref().map(|peer| ms(peer.wall / TURNS))),
    );
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        if !host.delays.is_empty() {
            report.add(
                format!("write to read at that speed, {name}, {agent}"),
                Value(percentile(&host.delays, share), "ms"),
                Peer::of(peer.as_ref().map(|peer| percentile(&peer.delays, share))),
            );
        }
    }
    Ok(())
}

struct Runner {
    served: Served,
    session: String,
    /// From write to read, where the agent writes when.
    delays: Vec<f64>,
    first: Option<Duration>,
    cpu: Duration,
    wall: Duration,
}

impl Runner {
    fn new(stage: &Stage<'_>, mut served: Served) -> Result<Self> {
        let session = served.client.open(&stage.work(), "claude-code")?;
        Ok(Self {
            served,
            session,
            delays: Vec::new(),
            first: None,
            cpu: Duration::ZERO,
            wall: Duration::ZERO,
        })
    }

    fn turn(&mut self, counts: bool) -> Result<()> {
        let pid = self.served.process.pid();
        let (cpu, begin) = (cpu_of(pid)?, Instant::now());
        let mut pieces = 0;
        let mut delays = Vec::new();
        let prompt = format!("[[deltas {PIECES}]]");
        self.served
            .client
            .prompt(&self.session, &prompt, |at, text| {
                pieces += 1;
                delays.extend(delay(at, text));
            })?;
        ensure!(pieces == PIECES, "{pieces} pieces came, not {PIECES}");
        let took = begin.elapsed();
        let used = cpu_of(pid)?.saturating_sub(cpu);
        self.first.get_or_insert(used);
        if counts {
            self.wall += took;
            self.cpu += used;
            self.delays.extend(delays);
        }
        Ok(())
    }
}
