//! The output of a command as a value.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{io::AsyncReadExt as _, process::Command};

use crate::{SecretError, SecretValue, value::MAX_VALUE_BYTES};

/// How long a command may take: some ask a person to unlock something.
const TIME: Duration = Duration::from_secs(60);

/// Runs `words` and takes what they print.
pub(crate) async fn run(name: &str, words: &[String]) -> Result<SecretValue, SecretError> {
    let program = words.first().map_or("", String::as_str);
    let failed = |reason: String| SecretError::Command {
        name: name.to_owned(),
        program: program.to_owned(),
        reason,
    };
    let mut child = Command::new(program)
        .args(words.iter().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // What it says there may contain the secret.
        .stderr(Stdio::null())
        // So that what it starts ends with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    // Dropped before the child, so while the number is still its own.
    let mut group = Group::of(child.id());
    let stdout = child.stdout.take();
    let work = async {
        let mut bytes = Vec::with_capacity(1024);
        if let Some(stdout) = stdout {
            // One byte more to see that it is too long, and room for a line end.
            let mut head = stdout.take(MAX_VALUE_BYTES as u64 + 3);
            head.read_to_end(&mut bytes).await?;
        }
        Ok::<_, std::io::Error>((bytes, child.wait().await?))
    };
    let (mut bytes, status) = tokio::time::timeout(TIME, work)
        .await
        .map_err(|_| failed(format!("did not end within {} s", TIME.as_secs())))?
        .map_err(|error| failed(format!("cannot be read: {error}")))?;
    // One that ended well may leave something that is meant to go on: an agent.
    if status.success() {
        group.0 = None;
    }
    // One that prints too much was cut off, and so it failed.
    if !status.success() && bytes.len() <= MAX_VALUE_BYTES + 2 {
        return Err(failed(format!(
            "failed ({status}); run it by hand to see why"
        )));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    SecretValue::new(name, bytes)
}

/// A command and all that it started. Whatever is left is killed on drop.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: Option<u32>) -> Self {
        let leader = leader.and_then(|id| i32::try_from(id).ok());
        Self(leader.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_command_started_is_killed_when_nobody_waits_for_it_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("alive");
        // The grandchild holds the pipe open for as long as it lives.
        let script = format!(
            "mkfifo {0}; (exec 3>{0}; echo here >&3; exec sleep 600) & sleep 600",
            fifo.display()
        );
        let words = ["/bin/sh", "-c", &script].map(str::to_owned);
        let running = tokio::spawn(async move { run("A", &words).await });
        while !fifo.exists() {
            tokio::task::yield_now().await;
        }
        let reading = tokio::task::spawn_blocking(move || {
            use std::io::{BufRead as _, Read as _};
            let mut pipe = std::io::BufReader::new(std::fs::File::open(fifo).unwrap());
            let mut line = String::new();
            pipe.read_line(&mut line).unwrap();
            running.abort();
            let mut rest = Vec::new();
            pipe.read_to_end(&mut rest).unwrap();
            (line, rest)
        });
        let (line, rest) = tokio::time::timeout(Duration::from_secs(30), reading)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((line.as_str(), rest.len()), ("here\n", 0));
    }
}
