//! `cargo run --release -p hostler-bench -- all`: measures the built host as a
//! whole, from outside, and its peers in the same run.
//!
//! `main` builds what is measured and prints the table. Each file of `measure`
//! is one promise of `docs/performance.md`. They share a [`stage`] with agents
//! and the processes in front of them, the [`client`] that talks to either,
//! [`bare`], which talks to an agent alone, and [`process`], which asks the kernel
//! what a process used. [`harness`] is all that differs between agents.
//!
//! Deliberately absent: a verdict for CI. Times depend on the machine and on
//! what else it does; this is for people who look at the figures.

mod bare;
mod client;
mod harness;
mod machine;
mod measure;
mod process;
mod report;
mod stage;
mod viewers;

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use harness::HARNESSES;
use report::Report;

/// Measure a host as a whole, beside its peers.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure
    #[arg(required = true)]
    what: Vec<What>,
    /// Where the peers claude-agent-acp and codex-acp are, such as
    /// node_modules/.bin [default: tests/tools or the PATH]
    #[arg(long, value_name = "FOLDER")]
    peers: Option<PathBuf>,
    /// The real Claude Code [default: claude of tests/tools or on the PATH]
    #[arg(long, value_name = "PROGRAM")]
    claude: Option<PathBuf>,
    /// The real Codex [default: codex of tests/tools or on the PATH]
    #[arg(long, value_name = "PROGRAM")]
    codex: Option<PathBuf>,
    /// Measure what was built before, as it is
    #[arg(long)]
    no_build: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Everything
    All,
    /// What an adapter costs: latency, cpu, prompt, memory and close
    Adapters,
    /// From an agent's write to a client's read
    Latency,
    /// Processor time of 3000 pieces of text
    Cpu,
    /// From a prompt to the first text, beside the agent alone
    Prompt,
    /// Memory at rest and per idle session
    Memory,
    /// From the end of a session to that of its processes
    Close,
    /// Time until a host is ready
    Start,
    /// A call of a plugin, beside a bare call of wasmtime
    Call,
    /// Reading an envelope and finding its session
    Route,
    /// A session with 1000 viewers, beside a bare broadcast
    Fanout,
    /// 1000 sessions and 1000 connections that do nothing
    Idle,
    /// Appending to the journal
    Journal,
    /// Attaching after 10 000 missed frames
    Attach,
    /// A large file through a terminal
    Terminal,
    /// Leases over HTTP, beside agent-device's own daemon
    Leases,
    /// A command of a browser, beside the bare WebDriver request
    Device,
}

impl What {
    fn includes(self, what: Self) -> bool {
        const OF_ADAPTERS: [What; 5] = [
            What::Latency,
            What::Cpu,
            What::Prompt,
            What::Memory,
            What::Close,
        ];
        match self {
            Self::All => true,
            Self::Adapters => OF_ADAPTERS.contains(&what),
            one => one == what,
        }
    }
}

/// Measures one promise.
type Measure = fn(&Programs, &mut Report) -> Result<()>;

/// The programs that are measured.
#[derive(Debug)]
struct Programs {
    /// Where this program and what it builds are.
    folder: PathBuf,
    /// Agents and peers, by name.
    found: BTreeMap<&'static str, PathBuf>,
}

impl Programs {
    fn find(arguments: &Arguments) -> Result<Self> {
        let program = env::current_exe().context("cannot find the path of this program")?;
        let mut found = BTreeMap::new();
        for harness in &HARNESSES {
            let agent = match harness.program {
                "claude" => arguments.claude.clone(),
                _ => arguments.codex.clone(),
            };
            let peer = arguments.peers.as_ref().map(|it| it.join(harness.peer));
            for (name, given) in [(harness.program, agent), (harness.peer, peer)] {
                let path = given.or_else(|| hostler_test_support::program(name));
                let path = path.map(std::path::absolute).transpose()?;
                found.extend(path.filter(|it| it.is_file()).map(|it| (name, it)));
            }
        }
        Ok(Self {
            folder: program.parent().unwrap_or(Path::new(".")).to_owned(),
            found,
        })
    }

    /// One of this workspace.
    fn built(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An agent or a peer.
    fn found(&self, name: &str) -> Result<&Path> {
        let found = self.found.get(name);
        let found = found.with_context(|| format!("{name} is not installed"))?;
        Ok(found)
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(
        !cfg!(debug_assertions),
        "a debug build is many times slower than what people run: cargo run --release -p \
         hostler-bench -- all"
    );
    if !arguments.no_build {
        build()?;
    }
    process::raise_files()?;
    let programs = Programs::find(&arguments)?;
    let mut report = Report::default();
    let measures: [(What, Measure); 15] = [
        (What::Latency, measure::latency),
        (What::Cpu, measure::cpu),
        (What::Prompt, measure::prompt),
        (What::Memory, measure::memory),
        (What::Close, measure::close),
        (What::Start, measure::start),
        (What::Call, measure::call),
        (What::Route, measure::route),
        (What::Fanout, measure::fanout),
        (What::Idle, measure::idle),
        (What::Journal, measure::journal),
        (What::Attach, measure::attach),
        (What::Terminal, measure::terminal),
        (What::Leases, measure::leases),
        (What::Device, measure::device),
    ];
    let mut failed = Vec::new();
    for (what, measure) in measures {
        if !arguments.what.iter().any(|wanted| wanted.includes(what)) {
            continue;
        }
        eprintln!("measuring {what:?}");
        if let Err(error) = measure(&programs, &mut report) {
            eprintln!("{what:?} could not be measured: {error:#}");
            report.missing(format!("{what:?}"), &error);
            failed.push(what);
        }
    }
    println!("{}\n\n{report}", machine::facts());
    ensure!(failed.is_empty(), "not measured: {failed:?}");
    Ok(())
}

/// Builds what is measured, so that the figures are those of the tree.
fn build() -> Result<()> {
    let packages = [
        "hostler-cli",
        "scripted-agent",
        "model-server",
        "hostler-bench",
    ];
    let status = Command::new(measure::cargo())
        .args(["build", "--release", "--bins"])
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("what is to be measured does not build");
    }
    for component in ["plugins/claude-code", "plugins/codex", "plugins/acp-agent"] {
        ensure!(
            hostler_test_support::component(component).is_file(),
            "the component {component} is not built (run: cargo xtask plugins)"
        );
    }
    Ok(())
}
