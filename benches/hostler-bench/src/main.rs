//! `cargo run --release -p hostler-bench -- all`: measures the built host as a
//! whole, from outside, and its peer `claude-agent-acp` in the same run.
//!
//! `main` builds what is measured and prints the table. Each file of `measure`
//! is one promise of `docs/performance.md`. They share a [`stage`] with an agent
//! and the processes in front of it, the [`client`] that talks to either, and
//! [`process`], which asks the kernel what a process used.
//!
//! Deliberately absent: a verdict for CI. Times depend on the machine and on
//! what else it does; this is for people who look at the figures.

mod client;
mod machine;
mod measure;
mod process;
mod report;
mod stage;
mod viewers;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use report::Report;

/// Measure a host as a whole, beside its peer.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure
    #[arg(required = true)]
    what: Vec<What>,
    /// The peer, version 0.100.0 [default: claude-agent-acp of tests/tools or on the PATH]
    #[arg(long, value_name = "PROGRAM")]
    peer: Option<PathBuf>,
    /// The real Claude Code [default: claude of tests/tools or on the PATH]
    #[arg(long, value_name = "PROGRAM")]
    claude: Option<PathBuf>,
    /// Measure what was built before, as it is
    #[arg(long)]
    no_build: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Everything
    All,
    /// From an agent's write to a client's read
    Latency,
    /// Processor time of 3000 pieces of text
    Cpu,
    /// Memory at rest and per idle session
    Memory,
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

/// Measures one promise.
type Measure = fn(&Programs, &mut Report) -> Result<()>;

/// The programs that are measured.
#[derive(Debug)]
struct Programs {
    /// Where this program and what it builds are.
    folder: PathBuf,
    peer: Option<PathBuf>,
    claude: Option<PathBuf>,
}

impl Programs {
    fn built(&self, name: &str) -> PathBuf {
        self.folder.join(name)
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
    let program = env::current_exe().context("cannot find the path of this program")?;
    let folder = program.parent().unwrap_or(Path::new(".")).to_owned();
    let found = |given: Option<PathBuf>, name| {
        let path = given.or_else(|| hostler_test_support::program(name))?;
        let path = std::path::absolute(&path).unwrap_or(path);
        path.is_file().then_some(path)
    };
    let programs = Programs {
        folder,
        peer: found(arguments.peer, "claude-agent-acp"),
        claude: found(arguments.claude, "claude"),
    };
    let wanted = |what| arguments.what.contains(&What::All) || arguments.what.contains(&what);
    let mut report = Report::default();
    let measures: [(What, Measure); 13] = [
        (What::Latency, measure::latency),
        (What::Cpu, measure::cpu),
        (What::Memory, measure::memory),
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
    for (what, measure) in measures {
        if wanted(what) {
            eprintln!("measuring {what:?}");
            measure(&programs, &mut report).with_context(|| format!("measuring {what:?}"))?;
        }
    }
    println!("{}\n\n{report}", machine::facts());
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
    for component in ["plugins/claude-code", "plugins/acp-agent"] {
        ensure!(
            hostler_test_support::component(component).is_file(),
            "the component {component} is not built (run: cargo xtask plugins)"
        );
    }
    Ok(())
}
