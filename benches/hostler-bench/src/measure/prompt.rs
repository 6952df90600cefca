//! From a prompt to the first text of its answer, by real agents: alone, behind
//! the host and behind the peer, by turns. And by stand-ins, which answer at once,
//! so that nearly all of it is what is in front of them.

use std::{thread::sleep, time::Duration};

use anyhow::{Context as _, Result};
use hostler_bench::monotonic;
use serde_json::json;

use super::{keep_on, ms, percentile};
use crate::{
    Programs,
    harness::{HARNESSES, Harness},
    report::{Peer, Report, Value},
    stage::{Served, Stage},
};

/// Of each the shortest counts: what else the machine does only makes it longer.
const RUNS: usize = 10;

/// What an adapter may add, in milliseconds.
const GOAL: f64 = 3.0;

/// Until an agent has done what it does after its start or a turn.
const REST: Duration = Duration::from_millis(500);

const PROMPT: &str = "[[text Hello from the model.]]";

const TURNS: [&str; 2] = ["first turn", "second turn"];

/// Of each turn of a conversation, in milliseconds.
type Times = [Vec<f64>; TURNS.len()];

pub(crate) fn prompt(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    for harness in &HARNESSES {
        stand_in(&stage, harness, report)?;
    }
    let stage = Stage::real(programs)?;
    for harness in &HARNESSES {
        match programs.found(harness.program) {
            Ok(_) => compare(&stage, harness, report)?,
            Err(why) => report.missing(format!("prompt to first text, {}", harness.title), &why),
        }
    }
    Ok(())
}

fn stand_in(stage: &Stage<'_>, harness: &Harness, report: &mut Report) -> Result<()> {
    let sessions = |mut served: Served| -> Result<f64> {
        let mut times = Times::default();
        for _ in 0..RUNS {
            session(stage, harness, &mut served, &mut times)?;
        }
        Ok(percentile(&times.concat(), 0.5))
    };
    let host = sessions(stage.served()?)?;
    let peer = stage.peer(harness).and_then(sessions);
    report.goal(
        format!("prompt to first text, {}, median", harness.behind(false)),
        Value(host, "ms"),
        GOAL,
        Peer::of(&peer, |median| *median),
    );
    Ok(())
}

fn compare(stage: &Stage<'_>, harness: &'static Harness, report: &mut Report) -> Result<()> {
    let mut alone = Times::default();
    let mut host = (stage.served()?, Times::default());
    let mut peer = stage.peer(harness).map(|peer| (peer, Times::default()));
    for _ in 0..RUNS {
        let mut agent = stage.bare(harness)?;
        turns(&mut alone, |piece| agent.prompt(PROMPT, piece))?;
        drop(agent);
        let run = |(served, times): &mut (Served, Times)| session(stage, harness, served, times);
        run(&mut host)?;
        keep_on(&mut peer, run);
    }
    for (turn, name) in TURNS.iter().enumerate() {
        let least = |times: &Times| times.get(turn).map_or(f64::NAN, |it| percentile(it, 0.0));
        let (alone, title) = (least(&alone), harness.title);
        report.add(
            format!("prompt to first text, {name}, {title} alone, least of {RUNS}"),
            Value(alone, "ms"),
            Peer::Nothing,
        );
        report.goal(
            format!("what is in front of {title} adds to that"),
            Value(least(&host.1) - alone, "ms"),
            GOAL,
            Peer::of(&peer, |(_, times)| least(times) - alone),
        );
    }
    Ok(())
}

/// A conversation over ACP.
fn session(
    stage: &Stage<'_>,
    harness: &Harness,
    served: &mut Served,
    times: &mut Times,
) -> Result<()> {
    let session = served.client.open(&stage.work(), harness.plugin)?;
    turns(times, |piece| served.client.prompt(&session, PROMPT, piece))?;
    let ended = json!({"sessionId": session});
    served.client.call("session/close", ended, |_, _| {})?;
    Ok(())
}

/// The turns of a conversation that is open.
fn turns(
    times: &mut Times,
    mut prompt: impl FnMut(&mut dyn FnMut(Duration, &str)) -> Result<()>,
) -> Result<()> {
    for times in times {
        sleep(REST);
        let begin = monotonic();
        let mut first = None;
        prompt(&mut |at, _| {
            first.get_or_insert(at);
        })?;
        let first = first.context("no text came")?;
        times.push(ms(first.saturating_sub(begin)));
    }
    Ok(())
}
