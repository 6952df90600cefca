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
    for (harness, peer) in [
        ("scripted", Peer::Nothing),
        ("claude-code", Peer::of(peer.as_ref().map(|it| it.pss))),
    ] {
        let mut host = stage.served()?;
        let rests = rests_with_client(&host)?;
        let grown = Grown::measure(&stage, &mut host, harness, rests)?;
        report.goal(
            format!("each idle session of {harness}, PSS"),
            Value(grown.pss, "MB"),
            3.0,
            peer,
        );
        // Shared pages count less for everyone when children map them too.
        report.add(
            format!("each idle session of {harness}, heap and stacks"),
            Value(grown.anonymous, "MB"),
            Peer::Nothing,
        );
        report.add(
            format!("its child processes of {harness}, PSS"),
            Value(grown.children, "MB"),
            Peer::Nothing,
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
    pss: f64,
    anonymous: f64,
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
            pss: each(now.pss - rests.pss),
            anonymous: each(now.anonymous - rests.anonymous),
            children: each(children),
        })
    }
}
