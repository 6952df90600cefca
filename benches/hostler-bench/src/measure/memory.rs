//! Memory of a process that has nothing to do.

use std::{thread::sleep, time::Duration};

use anyhow::Result;

use super::ms;
use crate::{
    Programs,
    process::{Memory, Running, cpu as cpu_of, descendants, memory as memory_of},
    report::{Peer, Report, Value},
    stage::{Served, Stage},
};

/// Until a process has come to rest.
const REST: Duration = Duration::from_secs(10);

const SESSIONS: u32 = 10;

pub(crate) fn memory(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    // The first host fills the cache of compiled plugins.
    stage.host()?.loaded()?;

    let host = stage.host()?;
    host.loaded()?;
    let (host_rests, _) = rest(&host.process)?;
    let (_, host_used) = rest(&host.process)?;
    drop(host);
    let peer_rests = match stage.peer()? {
        Some(peer) => {
            let (memory, _) = rest(&peer.process)?;
            Some((memory, rest(&peer.process)?.1))
        }
        None => None,
    };
    report.goal(
        "memory at rest, PSS",
        Value(host_rests.pss, "MB"),
        40.0,
        Peer::of(peer_rests.map(|(memory, _)| memory.pss)),
    );
    report.add(
        format!("processor time of {} s at rest", REST.as_secs()),
        Value(ms(host_used), "ms"),
        Peer::of(peer_rests.map(|(_, used)| ms(used))),
    );

    // Not of the peer: its engine gives memory back when it likes, and what a
    // session takes of it can be less than nothing.
    for harness in ["scripted", "claude-code"] {
        let mut host = stage.served()?;
        let (rests, _) = rest(&host.process)?;
        let grown = Grown::measure(&stage, &mut host, harness, rests)?;
        report.goal(
            format!("each idle session of {harness}, RSS"),
            Value(grown.own, "MB"),
            3.0,
            Peer::Nothing,
        );
        report.add(
            format!("each idle session of {harness}, its child processes, PSS"),
            Value(grown.children, "MB"),
            Peer::Nothing,
        );
    }
    Ok(())
}

/// Lets a process come to rest: its memory then, and the processor time that it
/// used meanwhile.
fn rest(process: &Running) -> Result<(Memory, Duration)> {
    let before = cpu_of(process.pid())?;
    sleep(REST);
    let used = cpu_of(process.pid())?.saturating_sub(before);
    Ok((memory_of(process.pid())?, used))
}

/// What each session added.
struct Grown {
    /// By RSS: PSS falls when a supervisor maps the same program, and would
    /// hide what the session takes.
    own: f64,
    children: f64,
}

impl Grown {
    fn measure(
        stage: &Stage<'_>,
        served: &mut Served,
        harness: &str,
        rests: Memory,
    ) -> Result<Self> {
        for _ in 0..SESSIONS {
            let session = served.client.open(&stage.work(), harness)?;
            served.client.prompt(&session, "hello", |_, _| {})?;
        }
        let (now, _) = rest(&served.process)?;
        let children: f64 = descendants(served.process.pid())
            .into_iter()
            .filter_map(|child| memory_of(child).ok())
            .map(|memory| memory.pss)
            .sum();
        let each = |all: f64| all / f64::from(SESSIONS);
        Ok(Self {
            own: each(now.rss - rests.rss),
            children: each(children),
        })
    }
}
