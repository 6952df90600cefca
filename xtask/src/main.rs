//! Tasks of this repository: `cargo xtask NAME`.
//!
//! `plugins` builds components with the toolchain that `guest` finds and `setup`
//! can install; `test` runs every test, with the programs that `tools` installs;
//! `demo` shows one turn from end to end; `tables` writes the parts of the documentation
//! that a run makes.

mod cargo;
mod demo;
mod guest;
mod plugins;
mod setup;
mod skips;
mod tables;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser};

/// Tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Build every plugin and every test guest to a component under dist/
    Plugins {
        #[command(flatten)]
        setup: Setup,
        /// Only these, by the names of their folders
        names: Vec<String>,
    },
    /// Start a host, and have an agent write a file, through a sandboxed plugin
    Demo {
        #[command(flatten)]
        setup: Setup,
    },
    /// Run all harnesses, and write the tables of docs/harnesses.md
    Tables {
        #[command(flatten)]
        setup: Setup,
    },
    /// Run every test, doc tests too, and say which were skipped
    Test {
        #[command(flatten)]
        setup: Setup,
        /// Kill and fuzz ten times as often
        #[arg(long)]
        long: bool,
        /// Passed to the test runner, such as a part of a test's name
        #[arg(last = true)]
        filter: Vec<String>,
    },
}

#[derive(Args)]
struct Setup {
    /// First install what is missing, and say each step
    #[arg(long)]
    setup: bool,
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let (Task::Plugins { setup, .. }
    | Task::Demo { setup }
    | Task::Tables { setup }
    | Task::Test { setup, .. }) = &task;
    if setup.setup {
        setup::guest_toolchain()?;
    }
    match task {
        Task::Plugins { names, .. } => plugins::run(&names),
        Task::Demo { .. } => demo::run(),
        Task::Tables { setup } => {
            if setup.setup {
                tools::install()?;
            }
            tables::run()
        }
        Task::Test {
            setup,
            long,
            filter,
        } => {
            if setup.setup {
                tools::install()?;
            }
            test::run(&filter, long)
        }
    }
}
