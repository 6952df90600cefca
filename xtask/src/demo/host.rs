//! The host of the demo: a `hostler serve`, and the commands that talk to it.

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{
    orphans,
    process::{lines, within},
};
use crate::cargo::{shown, succeed};

/// A host that compiles its plugins for the first time on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A model that thinks; a person at the terminal may take as long as they like.
const TURN: Duration = Duration::from_secs(300);

/// The host first asks its children to end, and then makes them.
const STOP: Duration = Duration::from_secs(20);

/// What the host prints when it can be used.
const READY: &str = " ready on ";

/// Lines of the log that are worth showing after a failure.
const LOG_TAIL: usize = 30;

/// A running host. It is stopped when dropped.
pub(crate) struct Host {
    program: PathBuf,
    config: PathBuf,
    state: PathBuf,
    log: PathBuf,
    child: Child,
}

impl Host {
    /// Starts it on a free port, with all that it writes in `folder`.
    pub(crate) fn start(program: &Path, folder: &Path, config: &str) -> Result<Self> {
        let in_folder = |name: &str| folder.join(name);
        let (config_file, state, log) = (
            in_folder("hostler.toml"),
            in_folder("state"),
            in_folder("host.log"),
        );
        fs::write(&config_file, config).context("the configuration cannot be written")?;
        orphans::adopt()?;
        let child = serve(program, &config_file, &state, &log)?;
        Ok(Self {
            program: program.to_owned(),
            config: config_file,
            state,
            log,
            child,
        })
    }

    /// Starts another one where one has ended.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        self.child = serve(&self.program, &self.config, &self.state, &self.log)?;
        Ok(())
    }

    /// Ends it as a power cut would, with SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        println!("> kill -9 {}", self.child.id());
        self.child.kill().context("the host cannot be killed")?;
        let status = self.child.wait()?;
        ensure!(
            status.signal() == Some(Signal::KILL.as_raw()),
            "the host had ended before it was killed ({status})"
        );
        Ok(())
    }

    /// Runs a command that reads the same configuration, and shows what it prints.
    pub(crate) fn run(&self, args: &[&str]) -> Result<()> {
        let mut command = self.command(args);
        println!("> {}", shown(Command::new(&self.program).args(args)));
        succeed(&mut command)
    }

    /// Shows the sessions that it knows.
    pub(crate) fn list_sessions(&self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["session", "list"]);
        println!("> {}\n", shown(&command));
        succeed(command.arg("--state-dir").arg(&self.state))
    }

    /// What a command with `--json` prints.
    pub(crate) fn json(&self, args: &[&str]) -> Result<Value> {
        let output = self.command(args).stderr(Stdio::inherit()).output()?;
        let shown = args.join(" ");
        ensure!(
            output.status.success(),
            "`hostler {shown}` failed ({})",
            output.status
        );
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`hostler {shown}` did not print JSON"))
    }

    /// A command that reads the same configuration.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .arg("--config")
            .arg(&self.config)
            .arg("--state-dir")
            .arg(&self.state)
            // Nothing of the person's own installation is used or written.
            .env("XDG_CONFIG_HOME", &self.state)
            .stdin(Stdio::null());
        command
    }

    /// One turn. Without a `person` at the terminal, all that the agent asks is
    /// allowed once.
    pub(crate) fn prompt(&self, text: &str, harness: &str, cwd: &Path, person: bool) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(["prompt", text, "--harness", harness, "--cwd"])
            .arg(cwd)
            .arg("--state-dir")
            .arg(&self.state);
        let status = if person {
            command.status()?
        } else {
            let mut turn = command.arg("--yes").stdin(Stdio::null()).spawn()?;
            within(TURN, &mut turn)?.context("the turn took too long and was stopped")?
        };
        ensure!(status.success(), "`hostler prompt` failed ({status})");
        Ok(())
    }

    /// Ends it as an operator would, and looks that none of its children is left.
    pub(crate) fn stop(mut self) -> Result<()> {
        let ended = self.end();
        let left = orphans::none_left(None);
        ended.and(left)
    }

    fn end(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the host had ended before ({status})");
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = within(STOP, &mut self.child)?.context("the host did not end when told to")?;
        ensure!(status.success(), "the host ended with an error ({status})");
        println!("The host has ended.");
        Ok(())
    }

    /// The end of what it logged.
    pub(crate) fn log(&self) -> String {
        tail(&self.log)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // After a failure, which is reported already.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.end();
            let _ = orphans::none_left(None);
        }
    }
}

/// Starts a host and waits until it is ready.
fn serve(program: &Path, config: &Path, state: &Path, log: &Path) -> Result<Child> {
    let log_file = File::options().append(true).create(true).open(log)?;
    let mut child = Command::new(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(config)
        .arg("--state-dir")
        .arg(state)
        .env("XDG_CONFIG_HOME", state)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log_file)
        .spawn()
        .with_context(|| format!("{} could not be started", program.display()))?;
    match ready(&lines(child.stdout.take())) {
        Some(line) => println!("{line}"),
        None => {
            // It may be hanging, and nobody else knows of it yet.
            let _ = child.kill().and_then(|()| child.wait());
            bail!("the host did not become ready; it said:\n{}", tail(log));
        }
    }
    Ok(child)
}

/// The end of a log.
fn tail(log: &Path) -> String {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
}

/// The line that says so, or none if the process ended or took too long.
fn ready(lines: &mpsc::Receiver<String>) -> Option<String> {
    let end = Instant::now() + START;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let line = lines.recv_timeout(left).ok()?;
        if line.contains(READY) {
            return Some(line);
        }
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_found_after_others() {
        let output = "compiling plugins\nhostler 1.2.3 ready on http://127.0.0.1:1 (state /s)\n";
        let found = ready(&lines(Some(output.as_bytes())));
        assert!(found.unwrap().starts_with("hostler 1.2.3"));
    }

    #[test]
    fn a_host_that_ends_without_the_ready_line_is_not_waited_for() {
        assert_eq!(ready(&lines(Some("no port\n".as_bytes()))), None);
    }
}
