//! Memory of a process that has nothing to do.

use std::{thread::sleep, time::Duration};

use anyhow::Result;

use crate::{
    Programs,
    process::{Memory, descendants, memory as memory_of},
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
    sleep(REST);
    let host_rests = memory_of(host.process.pid())?;
    drop(host);
    let mut peer = stage.peer()?;
    sleep(REST);
    let peer_rests = peer
        .as_ref()
        .map(|peer| memory_of(peer.process.pid()))
        .transpose()?;
    report.goal(
        "memory at rest, PSS",
        Value(host_rests.pss, "MB"),
        40.0,
        Peer::of(peer_rests.map(|memory| memory.pss)),
    );

    let peer = match (&mut peer, peer_rests) {
        (Some(peer), Some(rests)) => Some(Grown::measure(&stage, peer, "claude-code", rests)?),
        _ => None,
    };
    for (harness, peer) in [("scripted", None), ("claude-code", Some(peer.as_ref()))] {
        let mut host = stage.served()?;
        let rests = rests_with_client(&host)?;
        let grown = Grown::measure(&stage, &mut host, harness, rests)?;
        let peers = |of: fn(&Grown) -> f64| peer.map_or(Peer::Nothing, |it| Peer::of(it.map(of)));
        report.goal(
            format!("each idle session of {harness}, RSS"),
            Value(grown.own, "MB"),
            3.0,
            peers(|peer| peer.own),
        );
        report.add(
            format!("each idle session of {harness}, its child processes, PSS"),
            Value(grown.children, "MB"),
            peers(|peer| peer.children),
        );
    }
    Ok(())
}

fn rests_with_client(served: &Served) -> Result<Memory> {
    sleep(REST);
    memory_of(served.process.pid())
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
        sleep(REST);
        let pid = served.process.pid();
        let now = memory_of(pid)?;
        let children: f64 = descendants(pid)
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
