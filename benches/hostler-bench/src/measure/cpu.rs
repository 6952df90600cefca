//! Processor time that a long answer costs, in the process in the middle alone.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{delay, keep_on, ms, percentile};
use crate::{
    Programs,
    harness::{HARNESSES, Harness},
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

/// Of each turn, in milliseconds; of one whose pieces are written several at once.
const GOAL: f64 = 60.0;
const GOAL_OF_BATCHES: f64 = 30.0;

pub(crate) fn cpu(programs: &Programs, report: &mut Report) -> Result<()> {
    for harness in &HARNESSES {
        let stage = Stage::stand_in(programs)?;
        let agent = harness.behind(false);
        let turns = Turns::run(&stage, harness, "deltas")?;
        turns.tell(report, &agent, GOAL);
        turns.tell_more(report, &agent);
        let turns = Turns::run(&stage, harness, "batches")?;
        turns.tell(
            report,
            &format!("{agent}, several a write"),
            GOAL_OF_BATCHES,
        );

        let agent = harness.behind(true);
        if let Err(why) = programs.found(harness.program) {
            report.missing(format!("processor time of {PIECES} pieces, {agent}"), &why);
            continue;
        }
        let turns = Turns::run(&Stage::real(programs)?, harness, "deltas")?;
        turns.tell(report, &agent, GOAL);
        turns.tell_more(report, &agent);
    }
    Ok(())
}

/// The same turns in front of the same agent.
#[derive(Debug)]
struct Turns {
    host: Spent,
    peer: Result<Spent>,
}

/// What turns took of the process in the middle.
#[derive(Debug, Default)]
struct Spent {
    /// From write to read, where the agent writes when.
    delays: Vec<f64>,
    /// Of the very first.
    first: Option<Duration>,
    cpu: Duration,
    wall: Duration,
}

impl Turns {
    fn run(stage: &Stage<'_>, harness: &Harness, directive: &str) -> Result<Self> {
        let runner = |served| Runner::new(stage, harness, served);
        let mut host = runner(stage.served()?)?;
        let mut peer = stage.peer(harness).and_then(runner);
        let prompt = format!("[[{directive} {PIECES}]]");
        // In turn, so that a machine that slows down does so for both.
        for turn in 0..WARM_UP + TURNS {
            let counts = turn >= WARM_UP;
            host.turn(&prompt, counts)?;
            keep_on(&mut peer, |peer| peer.turn(&prompt, counts));
        }
        Ok(Self {
            host: host.spent,
            peer: peer.map(|peer| peer.spent),
        })
    }

    fn tell(&self, report: &mut Report, agent: &str, goal: f64) {
        report.goal(
            format!("processor time of {PIECES} pieces, {agent}"),
            Value(ms(self.host.cpu / TURNS), "ms"),
            goal,
            Peer::of(&self.peer, |peer| ms(peer.cpu / TURNS)),
        );
    }

    fn tell_more(&self, report: &mut Report, agent: &str) {
        report.goal(
            format!("the same in the first turn, {agent}"),
            Value(ms(self.host.first.unwrap_or_default()), "ms"),
            GOAL,
            Peer::of(&self.peer, |peer| ms(peer.first.unwrap_or_default())),
        );
        report.add(
            format!("the whole turn, {agent}"),
            Value(ms(self.host.wall / TURNS), "ms"),
            Peer::of(&self.peer, |peer| ms(peer.wall / TURNS)),
        );
        if self.host.delays.is_empty() {
            return;
        }
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            report.add(
                format!("write to read at that speed, {name}, {agent}"),
                Value(percentile(&self.host.delays, share), "ms"),
                Peer::of(&self.peer, |peer| percentile(&peer.delays, share)),
            );
        }
    }
}

struct Runner {
    served: Served,
    session: String,
    spent: Spent,
}

impl Runner {
    fn new(stage: &Stage<'_>, harness: &Harness, mut served: Served) -> Result<Self> {
        let session = served.client.open(&stage.work(), harness.plugin)?;
        Ok(Self {
            served,
            session,
            spent: Spent::default(),
        })
    }

    fn turn(&mut self, prompt: &str, counts: bool) -> Result<()> {
        let pid = self.served.process.pid();
        let (cpu, begin) = (cpu_of(pid)?, Instant::now());
        let mut pieces = 0;
        let mut delays = Vec::new();
        self.served
            .client
            .prompt(&self.session, prompt, |at, text| {
                pieces += 1;
                delays.extend(delay(at, text));
            })?;
        ensure!(pieces == PIECES, "{pieces} pieces came, not {PIECES}");
        let took = begin.elapsed();
        let used = cpu_of(pid)?.saturating_sub(cpu);
        let spent = &mut self.spent;
        spent.first.get_or_insert(used);
        if counts {
            spent.wall += took;
            spent.cpu += used;
            spent.delays.extend(delays);
        }
        Ok(())
    }
}
