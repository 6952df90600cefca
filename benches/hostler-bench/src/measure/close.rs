//! From the end of a session to the end of all processes that it had, by real
//! agents.

use std::{
    collections::BTreeSet,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::json;

use super::{keep_on, ms, percentile};
use crate::{
    Programs,
    harness::{HARNESSES, Harness},
    process::{Family, descendants},
    report::{Peer, Report, Value},
    stage::{Served, Stage},
};

const RUNS: usize = 10;

/// Milliseconds, for each of them.
const GOAL: f64 = 200.0;

/// Until an agent has done what it does after a turn.
const REST: Duration = Duration::from_millis(500);

const PROMPT: &str = "[[text Hello from the model.]]";

pub(crate) fn close(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::real(programs)?;
    for harness in &HARNESSES {
        match programs.found(harness.program) {
            Ok(_) => compare(&stage, harness, report)?,
            Err(why) => report.missing(format!("close to exit, {}", harness.title), &why),
        }
    }
    Ok(())
}

fn compare(stage: &Stage<'_>, harness: &'static Harness, report: &mut Report) -> Result<()> {
    let mut alone = Vec::new();
    let mut host = (stage.served()?, Vec::new());
    let mut peer = stage.peer(harness).map(|peer| (peer, Vec::new()));
    for _ in 0..RUNS {
        alone.push(bare(stage, harness)?);
        let run = |(served, times): &mut (Served, Vec<f64>)| {
            times.push(session(stage, harness, served)?);
            Ok(())
        };
        run(&mut host)?;
        keep_on(&mut peer, run);
    }
    let title = harness.title;
    report.add(
        format!("end of input to exit, {title} alone, median of {RUNS}"),
        Value(percentile(&alone, 0.5), "ms"),
        Peer::Nothing,
    );
    for (name, share) in [("median", 0.5), ("slowest", 1.0)] {
        report.goal(
            format!("session/close to {title}'s exit, {name} of {RUNS}"),
            Value(percentile(&host.1, share), "ms"),
            GOAL,
            Peer::of(&peer, |(_, times)| percentile(times, share)),
        );
    }
    Ok(())
}

/// Of an agent alone: its input is closed, which a host may do or not.
fn bare(stage: &Stage<'_>, harness: &'static Harness) -> Result<f64> {
    let mut agent = stage.bare(harness)?;
    agent.prompt(PROMPT, |_, _| {})?;
    sleep(REST);
    let pid = agent.process.pid();
    let mut family = Family::of(descendants(pid).into_iter().chain([pid]));
    let begin = Instant::now();
    let _process = agent.close();
    ensure!(family.wait()?, "it goes on without its input");
    Ok(ms(begin.elapsed()))
}

fn session(stage: &Stage<'_>, harness: &Harness, served: &mut Served) -> Result<f64> {
    let pid = served.process.pid();
    let others: BTreeSet<u32> = descendants(pid).into_iter().collect();
    let session = served.client.open(&stage.work(), harness.plugin)?;
    served.client.prompt(&session, PROMPT, |_, _| {})?;
    sleep(REST);
    let its = descendants(pid).into_iter();
    let mut family = Family::of(its.filter(|pid| !others.contains(pid)));
    ensure!(
        !family.is_empty(),
        "one agent serves all sessions and stays"
    );
    let begin = Instant::now();
    let ended = json!({"sessionId": session});
    served.client.ask("session/close", &ended)?;
    ensure!(family.wait()?, "its agent goes on after session/close");
    Ok(ms(begin.elapsed()))
}
