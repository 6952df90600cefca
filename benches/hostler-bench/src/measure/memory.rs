//! Memory of a process that has nothing to do.

use std::{thread::sleep, time::Duration};

use anyhow::Result;

use super::ms;
use crate::{
    Programs,
    harness::HARNESSES,
    process::{Memory, Running, cpu as cpu_of, descendants, memory as memory_of, program},
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
    let host_rests = rest(&host.process)?.0;
    let host_used = rest(&host.process)?.1;
    drop(host);
    for harness in &HARNESSES {
        let peer = stage.peer(harness).and_then(|peer| {
            let memory = rest(&peer.process)?.0;
            Ok((memory, rest(&peer.process)?.1))
        });
        let beside = harness.peer;
        report.goal(
            format!("memory at rest, PSS, beside {beside}"),
            Value(host_rests.pss, "MB"),
            40.0,
            Peer::of(&peer, |(memory, _)| memory.pss),
        );
        report.add(
            format!(
                "processor time of {} s at rest, beside {beside}",
                REST.as_secs()
            ),
            Value(ms(host_used), "ms"),
            Peer::of(&peer, |(_, used)| ms(*used)),
        );
    }

    sessions(
        report,
        "scripted",
        &Grown::measure(&stage, stage.served()?, "scripted")?,
        None,
    );
    for harness in &HARNESSES {
        let measure = |served| Grown::measure(&stage, served, harness.plugin);
        let host = measure(stage.served()?)?;
        let peer = stage.peer(harness).and_then(measure);
        sessions(report, harness.plugin, &host, Some(&peer));
    }
    Ok(())
}

fn sessions(report: &mut Report, harness: &str, host: &Grown, peer: Option<&Result<Grown>>) {
    let peers = |figure: fn(&Grown) -> f64| match peer {
        Some(peer) => Peer::of(peer, figure),
        None => Peer::Nothing,
    };
    report.goal(
        format!("each idle session of {harness} without its agent"),
        Value(host.own, "MB"),
        3.0,
        peers(|grown| grown.own),
    );
    report.add(
        format!("each idle session of {harness}, its child processes, PSS"),
        Value(host.children, "MB"),
        peers(|grown| grown.children),
    );
    report.add(
        format!("with {SESSIONS} such sessions, RSS"),
        Value(host.whole, "MB"),
        peers(|grown| grown.whole),
    );
}

/// Lets a process come to rest: its memory then, and the processor time that it
/// used meanwhile.
fn rest(process: &Running) -> Result<(Memory, Duration)> {
    let before = cpu_of(process.pid())?;
    sleep(REST);
    let used = cpu_of(process.pid())?.saturating_sub(before);
    Ok((memory_of(process.pid())?, used))
}

/// What sessions added.
#[derive(Debug)]
struct Grown {
    /// Each, to the process and to children of the same program. Of the process by
    /// RSS: its PSS falls when a supervisor maps the same program, and would hide
    /// what the session takes.
    own: f64,
    /// Each, all children.
    children: f64,
    /// What the process has with all of them, RSS.
    whole: f64,
}

impl Grown {
    fn measure(stage: &Stage<'_>, mut served: Served, harness: &str) -> Result<Self> {
        let (before, _) = rest(&served.process)?;
        for _ in 0..SESSIONS {
            let session = served.client.open(&stage.work(), harness)?;
            served.client.prompt(&session, "hello", |_, _| {})?;
        }
        let (now, _) = rest(&served.process)?;
        let pid = served.process.pid();
        let own = program(pid)?;
        let (mut supervisors, mut children) = (0.0, 0.0);
        for child in descendants(pid) {
            // One that has ended meanwhile takes nothing.
            let Ok(memory) = memory_of(child) else {
                continue;
            };
            children += memory.pss;
            if program(child).is_ok_and(|program| program == own) {
                supervisors += memory.pss;
            }
        }
        let each = |all: f64| all / f64::from(SESSIONS);
        Ok(Self {
            own: each(now.rss - before.rss + supervisors),
            children: each(children),
            whole: now.rss,
        })
    }
}
