//! What sessions and connections that do nothing take, and whether they cost
//! those that work.

use std::{process::Command, thread::sleep, time::Duration};

use anyhow::{Result, ensure};

use super::ms;
use crate::{
    Programs,
    client::Client,
    process::{cpu as cpu_of, memory},
    report::{Peer, Report, Value},
    stage::Stage,
    viewers::Viewers,
};

const MANY: usize = 1000;

const PIECES: usize = 3000;

/// The kernel counts processor time in steps of 10 ms.
const TURNS: u32 = 20;

/// Until a process has come to rest.
const REST: Duration = Duration::from_secs(5);

/// Processor time per piece, with the others to without.
const GOAL: f64 = 1.25;

pub(crate) fn idle(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    let host = stage.host()?;
    host.loaded()?;
    let pid = host.process.pid();
    let mut client = host.client(false)?;
    let session = client.open(&stage.work(), "scripted")?;
    let rss = || {
        sleep(REST);
        memory(pid).map(|memory| memory.rss * 1e3)
    };
    let cost = |client: &mut Client| -> Result<f64> {
        turns(client, &session, 3)?;
        let before = cpu_of(pid)?;
        turns(client, &session, TURNS)?;
        Ok(ms(cpu_of(pid)?.saturating_sub(before)) * 1e3 / f64::from(TURNS) / PIECES as f64)
    };
    let alone = cost(&mut client)?;
    let (at_first, count) = (rss()?, MANY.to_string());
    let words = [&host.address, &*host.token()?, &*count, "idle"];
    let viewers = Viewers::start(&mut Command::new(programs.built("viewers")), &words)?;
    let connected = rss()?;
    for _ in 0..MANY {
        client.open(&stage.work(), "scripted")?;
    }
    let opened = rss()?;
    let among = cost(&mut client)?;
    drop(viewers);

    let each = |grown: f64| Value(grown / MANY as f64, "kB");
    report.add(
        format!("each of {MANY} idle connections, RSS"),
        each(connected - at_first),
        Peer::Nothing,
    );
    report.add(
        format!("each of {MANY} idle sessions, RSS"),
        each(opened - connected),
        Peer::Nothing,
    );
    report.add(
        "processor time per frame, alone",
        Value(alone, "µs"),
        Peer::Nothing,
    );
    report.add(
        format!("processor time per frame, among {MANY} idle sessions and connections"),
        Value(among, "µs"),
        Peer::Nothing,
    );
    report.goal(
        "the second to the first",
        Value(among / alone, "x"),
        GOAL,
        Peer::Nothing,
    );
    Ok(())
}

fn turns(client: &mut Client, session: &str, turns: u32) -> Result<()> {
    for _ in 0..turns {
        let mut pieces = 0;
        client.prompt(session, &format!("count {PIECES} 0"), |_, _| pieces += 1)?;
        ensure!(pieces == PIECES, "{pieces} pieces came, not {PIECES}");
    }
    Ok(())
}
