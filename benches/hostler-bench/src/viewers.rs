//! Many viewers in a process of their own: the program `viewers`.

use std::{
    io::{BufRead as _, BufReader},
    process::{ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::process::Running;

#[derive(Debug)]
pub(crate) struct Viewers {
    _process: Running,
    stdout: BufReader<ChildStdout>,
}

/// What viewers saw of a turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// When the last of them had it, on the clock of [`hostler_bench::monotonic`].
    pub(crate) at: Duration,
    /// By all of them together.
    pub(crate) frames: f64,
}

impl Viewers {
    /// Until all are connected. `words`: as `viewers` takes them.
    pub(crate) fn start(command: &mut Command, words: &[&str]) -> Result<Self> {
        let child = command.args(words).stdout(Stdio::piped()).spawn();
        let mut process = Running(child.context("cannot start the viewers")?);
        let stdout = BufReader::new(process.0.stdout.take().context("no pipe")?);
        let mut viewers = Self {
            _process: process,
            stdout,
        };
        let ready = viewers.line()?;
        ensure!(ready.trim() == "ready", "the viewers said {ready:?}");
        Ok(viewers)
    }

    /// Waits until all have seen the end of a turn.
    pub(crate) fn seen(&mut self) -> Result<Seen> {
        let seen: Value = serde_json::from_str(&self.line()?)?;
        Ok(Seen {
            at: Duration::from_nanos(seen["at"].as_u64().context("no time")?),
            frames: seen["frames"].as_f64().context("no number")?,
        })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line)?;
        ensure!(read > 0, "the viewers ended");
        Ok(line)
    }
}
