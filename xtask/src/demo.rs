//! `cargo xtask demo`: one turn from end to end, and one in whose middle the host
//! is killed, each step in plain words. All of it happens in a temporary folder,
//! and nothing is left running.
//!
//! - [`host`]: the host and the commands that talk to it. [`acp`]: a client that
//!   stays. [`process`]: what both know of child processes.
//! - [`harness`]: who does the work, and what it is told.
//! - [`survival`]: the host is killed and comes back. [`replay`]: nothing is lost.
//! - [`orphans`]: that nothing is left.

mod acp;
mod harness;
mod host;
mod orphans;
mod process;
mod replay;
mod survival;

use std::{
    fs,
    io::{IsTerminal, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use self::{harness::Harness, host::Host};
use crate::{cargo::programs, plugins};

/// What the agent is to write, and where.
const FILE: &str = "hello.txt";
const TEXT: &str = "Hello from Hostler.";

pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    let (hostler, agent) = steps.next("Building the host and its plugins", build)?;
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    // Without symlinks, as the host sees it.
    let root = folder.path().canonicalize()?;
    let workspace = root.join("workspace");
    let mut host = steps.next("Starting a host in a temporary folder", || {
        fs::create_dir(&workspace)?;
        fs::write(workspace.join("note.txt"), "Nothing here yet.\n")?;
        Host::start(&hostler, &root, &config(&workspace, &agent)?)
    })?;
    let shown = show(&mut steps, &mut host, &workspace);
    if shown.is_err() {
        eprintln!("\nThe host's log ends so:\n{}", host.log());
    }
    shown?;
    steps.next("Stopping the host", || host.stop())?;
    folder.close().context("the temporary folder is left")?;
    println!("\nThat was all, and nothing of it is left.");
    Ok(())
}

/// What there is to see once the host runs.
fn show(steps: &mut Steps, host: &mut Host, workspace: &Path) -> Result<()> {
    let harness = steps.next(
        "Looking which plugins there are, and which is ready",
        || {
            host.run(&["plugin", "list"])?;
            let harness = harness::pick(&host.json(&["plugin", "list", "--json"])?)?;
            println!("\n{}", harness.reason());
            Ok(harness)
        },
    )?;
    steps.next("What this plugin may do, and nothing else", || {
        host.run(&["plugin", "inspect", harness.id()])
    })?;
    steps.next(
        "One turn: the agent is to write a file, and has to ask",
        || turn(host, harness, workspace),
    )?;
    steps.next("Looking at the file", || file(&workspace.join(FILE)))?;
    survival::show(steps, host, harness, workspace)
}

/// Where the host and the scripted agent are.
fn build() -> Result<(PathBuf, PathBuf)> {
    plugins::run(&[])?;
    let mut built = programs(&["hostler-cli", "scripted-agent"])?;
    let mut take = |name: &str| {
        built
            .remove(name)
            .with_context(|| format!("cargo did not say where it built {name}"))
    };
    Ok((take("hostler")?, take("scripted-agent")?))
}

/// `hostler.toml` for a host with the scripted agent beside its own plugins.
fn config(workspace: &Path, agent: &Path) -> Result<String> {
    let config = json!({
        "workspace": {"roots": [workspace]},
        "session": {"harness": harness::SCRIPTED},
        "plugins": {harness::SCRIPTED: {
            "component": "acp-agent",
            "config": {"command": [agent]},
            "grants": {
                "files": "read-write",
                "terminal": true,
                "process": [{"program": agent, "args": [[]], "env": ["HOME", "PATH"]}],
            },
        }},
    });
    toml::to_string(&config).context("the configuration is not TOML")
}

fn turn(host: &Host, harness: Harness, workspace: &Path) -> Result<()> {
    let prompt = harness.prompt(FILE, TEXT);
    println!("The prompt: {prompt}\n");
    let person = stdin().is_terminal();
    if !person {
        println!(
            "No terminal here to ask on, so what the agent asks is answered \"allow once\".\n"
        );
    }
    host.prompt(&prompt, harness.id(), workspace, person)
}

fn file(file: &Path) -> Result<()> {
    let content = fs::read_to_string(file).with_context(|| {
        format!(
            "there is no {}: the agent did not write it, or was not allowed to",
            file.display()
        )
    })?;
    println!("{}:\n  {}", file.display(), content.trim_end());
    ensure!(
        content.contains(TEXT),
        "this is not what the agent was asked to write: {TEXT}"
    );
    Ok(())
}

/// Counts and names the steps; an error tells in which one it was.
#[derive(Default)]
struct Steps(u32);

impl Steps {
    fn next<T>(&mut self, title: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        self.0 += 1;
        println!("\n{}. {title}\n", self.0);
        step().with_context(|| format!("step {} failed ({title})", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_grants_the_one_program_without_arguments() {
        let text = config(Path::new("/w/a \"b\""), Path::new("/t/scripted-agent")).unwrap();
        let config: toml::Table = text.parse().unwrap();
        assert_eq!(config["workspace"]["roots"][0].as_str(), Some("/w/a \"b\""));
        let process = &config["plugins"]["scripted"]["grants"]["process"][0];
        assert_eq!(process["program"].as_str(), Some("/t/scripted-agent"));
        assert_eq!(process["args"].to_string(), "[[]]");
    }

    #[test]
    fn a_failure_names_its_step() {
        let mut steps = Steps::default();
        steps.next("First", || Ok(())).unwrap();
        let failed = steps.next::<()>("Second", || anyhow::bail!("no power"));
        let error = format!("{:#}", failed.unwrap_err());
        assert_eq!(error, "step 2 failed (Second): no power");
    }

    #[test]
    fn another_text_than_asked_for_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert!(file(&path).unwrap_err().to_string().contains("not allowed"));
        fs::write(&path, "Something else.").unwrap();
        assert!(file(&path).is_err());
        fs::write(&path, format!("{TEXT}\n")).unwrap();
        file(&path).unwrap();
    }
}
