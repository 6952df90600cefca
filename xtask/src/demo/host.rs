//! The host of the demo: a `hostler serve`, and the commands that talk to it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::orphans;
use crate::cargo::{shown, succeed};

/// A host that compiles its plugins for the first time on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A model that thinks; a person at the terminal may take as long as they like.
const TURN: Duration = Duration::from_secs(300);

/// The host first asks its children to end, and then makes them.
const STOP: Duration = Duration::from_secs(20);

/// Between two looks whether a process has ended.
const LOOK: Duration = Duration::from_millis(20);

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
        let mut child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&config_file)
            .arg("--state-dir")
            .arg(&state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("{} could not be started", program.display()))?;
        let lines = lines(child.stdout.take());
        let host = Self {
            program: program.to_owned(),
            config: config_file,
            state,
            log,
            child,
        };
        match ready(&lines) {
            Some(line) => println!("{line}"),
            None => bail!("the host did not become ready; it said:\n{}", host.log()),
        }
        Ok(host)
    }

    /// Runs a command that reads the same configuration, and shows what it prints.
    pub(crate) fn run(&self, args: &[&str]) -> Result<()> {
        let mut command = self.command(args);
        println!("> {}", shown(Command::new(&self.program).args(args)));
        succeed(&mut command)
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

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .arg("--config")
            .arg(&self.config)
            .arg("--state-dir")
            .arg(&self.state)
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
        let left = orphans::none_left();
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
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // After a failure, which is reported already.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.end();
            let _ = orphans::none_left();
        }
    }
}

/// The lines of a process; reading goes on until its end, so that it never waits
/// for a reader.
fn lines(output: Option<impl std::io::Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in output
            .into_iter()
            .flat_map(|output| BufReader::new(output).lines())
        {
            let Ok(line) = line else { break };
            // Nobody listens any more once the host is ready.
            let _ = sender.send(line);
        }
    });
    receiver
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

/// How the process ended; one that takes longer is killed, and that is none.
fn within(limit: Duration, child: &mut Child) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(LOOK);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
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

    #[test]
    fn a_process_that_takes_too_long_is_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(within(Duration::ZERO, &mut child).unwrap(), None);
        assert!(child.try_wait().unwrap().is_some());
    }
}
