//! `cargo xtask demo`: one turn from end to end, each step in plain words. All
//! of it happens in a temporary folder, and nothing is left running.

mod harness;
mod host;
mod orphans;

use std::{
    fs,
    io::{IsTerminal, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::{harness::Harness, host::Host};
use crate::{
    cargo::{programs, succeed},
    plugins,
};

/// What the agent is to write, and where.
const FILE: &str = "hello.txt";
const TEXT: &str = "Hello from inside the sandbox.";

pub(crate) fn run() -> Result<()> {
    let mut steps = Steps(0);
    let (hostler, agent) = steps.next("Building the host and its plugins", build)?;
    let place = Place::new()?;
    let host = steps.next("Starting a host in a temporary folder", || {
        fs::write(place.config(), config(&place.workspace(), &agent)?)
            .context("its configuration cannot be written")?;
        Host::start(&hostler, place.0.path())
    })?;
    let harness = steps.next("Looking which plugins there are, and who is ready", || {
        succeed(host.command(&["plugin", "list"]).stdin_null())?;
        let list = host.json(&["plugin", "list", "--json"])?;
        let harness = harness::pick(&list)?;
        println!("\n{}", harness.reason());
        Ok(harness)
    })?;
    steps.next("What that plugin may do, and nothing else", || {
        succeed(host.command(&["plugin", "inspect", harness.id()]).stdin_null())
    })?;
    steps.next("One turn: the agent is asked to write a file", || {
        turn(&host, &harness, &place.workspace())
    })?;
    steps.next("The file that it wrote", || {
        show(&place.workspace().join(FILE))
    })?;
    steps.next("Stopping the host", || host.stop())?;
    println!("\nThat was all of it. Everything was in a temporary folder, which is gone now.");
    Ok(())
}
