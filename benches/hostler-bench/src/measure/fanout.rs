//! One session with a thousand viewers, beside the least that can be done: a
//! broadcast of the same bytes by the same WebSocket library, in turns.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{ChildStdin, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use hostler_bench::monotonic;

use super::percentile;
use crate::{
    Programs,
    client::Client,
    process::{Running, cpu as cpu_of},
    report::{Peer, Report, Value},
    stage::{Host, Stage},
    viewers::{Seen, Viewers},
};

const VIEWERS: usize = 1000;

/// Pieces of a turn, as fast as an agent without a model writes them.
const PIECES: usize = 2000;

const ROUNDS: usize = 5;

/// Of the frames per second that the bare broadcast sends.
const GOAL: f64 = 0.8;

pub(crate) fn fanout(programs: &Programs, report: &mut Report) -> Result<()> {
    for kind in ["plain", "positioned"] {
        compare(programs, kind, report).with_context(|| format!("{kind} viewers"))?;
    }
    Ok(())
}

fn compare(programs: &Programs, kind: &str, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    let recorded = stage.work().join("frames");
    let mut session = Session::start(programs, &stage, kind, &recorded)?;
    // Fills caches, and is what the other sends.
    session.turn()?;
    let mut bare = Bare::start(programs, &recorded)?;
    bare.turn()?;
    let (mut hosted, mut plain) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        hosted.add(session.turn()?);
        plain.add(bare.turn()?);
    }
    let mut row = |name: &str, rounds: &Rounds| {
        let figure = format!("frames to {VIEWERS} {kind} viewers, {name}");
        let speed = Value(rounds.speed() / 1e3, "k/s");
        report.add(figure, speed, Peer::Nothing);
        let figure = format!("processor time of each, {name}");
        report.add(figure, Value(rounds.cpu() * 1e6, "µs"), Peer::Nothing);
    };
    row("a session", &hosted);
    row("bare broadcast", &plain);
    report.at_least(
        format!("a session to bare broadcast, {kind} viewers"),
        Value(hosted.speed() / plain.speed(), "x"),
        GOAL,
        Peer::Nothing,
    );
    Ok(())
}

/// Of all rounds, the frames per second of the viewers together, and the seconds
/// of processor time of whoever sends for each.
#[derive(Debug, Default)]
struct Rounds {
    speeds: Vec<f64>,
    cpu: Duration,
    frames: f64,
}

struct Round {
    took: Duration,
    cpu: Duration,
    frames: f64,
}

impl Rounds {
    fn add(&mut self, round: Round) {
        self.speeds.push(round.frames / round.took.as_secs_f64());
        self.cpu += round.cpu;
        self.frames += round.frames;
    }

    fn speed(&self) -> f64 {
        percentile(&self.speeds, 0.5)
    }

    fn cpu(&self) -> f64 {
        self.cpu.as_secs_f64() / self.frames
    }
}

/// Its fields end in order: who views must not see the end.
struct Session {
    viewers: Viewers,
    host: Host,
    client: Client,
    id: String,
}

impl Session {
    fn start(programs: &Programs, stage: &Stage<'_>, kind: &str, recorded: &Path) -> Result<Self> {
        let host = stage.host()?;
        let mut client = host.client(false)?;
        let id = client.open(&stage.work(), "scripted")?;
        let mut command = Command::new(programs.built("viewers"));
        command
            .current_dir(stage.work())
            .env("HOSTLER_BENCH_RECORD", recorded);
        let count = VIEWERS.to_string();
        let words = [&host.address, &*host.token()?, &*count, kind, &*id];
        let viewers = Viewers::start(&mut command, &words)?;
        Ok(Self {
            host,
            client,
            id,
            viewers,
        })
    }

    fn turn(&mut self) -> Result<Round> {
        let pid = self.host.process.pid();
        let (begin, cpu) = (monotonic(), cpu_of(pid)?);
        let prompt = format!("count {PIECES} 0");
        self.client.prompt(&self.id, &prompt, |_, _| {})?;
        round(begin, cpu, self.viewers.seen()?, pid)
    }
}

struct Bare {
    viewers: Viewers,
    process: Running,
    go: ChildStdin,
}

impl Bare {
    fn start(programs: &Programs, frames: &Path) -> Result<Self> {
        let mut command = Command::new(programs.built("broadcast"));
        command
            .arg(frames)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let child = command.spawn().context("cannot start the broadcast")?;
        let mut process = Running(child);
        let (go, stdout) = (process.0.stdin.take(), process.0.stdout.take());
        let mut address = String::new();
        BufReader::new(stdout.context("no pipe")?).read_line(&mut address)?;
        let mut command = Command::new(programs.built("viewers"));
        let count = VIEWERS.to_string();
        let viewers = Viewers::start(&mut command, &[address.trim(), "none", &count, "bare"])?;
        Ok(Self {
            process,
            go: go.context("no pipe")?,
            viewers,
        })
    }

    fn turn(&mut self) -> Result<Round> {
        let pid = self.process.pid();
        let (begin, cpu) = (monotonic(), cpu_of(pid)?);
        self.go.write_all(b"\n")?;
        round(begin, cpu, self.viewers.seen()?, pid)
    }
}

fn round(begin: Duration, cpu: Duration, seen: Seen, pid: u32) -> Result<Round> {
    ensure!(
        seen.frames >= (PIECES * VIEWERS) as f64,
        "only {} frames came",
        seen.frames
    );
    Ok(Round {
        took: seen.at.saturating_sub(begin),
        cpu: cpu_of(pid)?.saturating_sub(cpu),
        frames: seen.frames,
    })
}
