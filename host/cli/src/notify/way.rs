//! How one notification gets to people.

use std::{fmt, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail};
use hyper::Method;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

use crate::client::{address::Address, http, stream};

/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Gets a POST with the JSON.
    Webhook(Address),
    /// Gets the JSON on its standard input.
    Command(Vec<String>),
}

/// Without paths and arguments, in which secrets may be.
impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Webhook(address) => write!(f, "the webhook at {}", address.base()),
            Way::Command(words) => {
                let program = words.first().map_or("", String::as_str);
                write!(f, "the command `{program}`")
            }
        }
    }
}

impl Way {
    pub(super) async fn send(&self, body: &str) -> Result<()> {
        match self {
            Way::Webhook(address) => match timeout(PATIENCE, post(address, body)).await {
                Ok(sent) => sent,
                Err(_) => bail!("no answer within {} seconds", PATIENCE.as_secs()),
            },
            Way::Command(words) => run(words, body, PATIENCE).await,
        }
    }
}

async fn post(address: &Address, body: &str) -> Result<()> {
    let stream = stream::open(address, None).await?;
    let answer = http::exchange(
        stream,
        address,
        Method::POST,
        &address.path,
        None,
        body.to_owned(),
    );
    let (status, _) = answer.await?;
    if !status.is_success() {
        bail!("it answered {status}");
    }
    Ok(())
}

/// Runs a program; what is left of it after `patience` is killed, with all that
/// it started in its process group.
async fn run(words: &[String], body: &str, patience: Duration) -> Result<()> {
    let (program, args) = words.split_first().context("no program is named")?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("it cannot be started")?;
    let group = child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let _group = Group(group);
    let stdin = child.stdin.take();
    let talk = async {
        if let Some(mut stdin) = stdin {
            // One that does not read it is as good.
            let _ = stdin.write_all(body.as_bytes()).await;
            let _ = stdin.write_all(b"\n").await;
        }
        child.wait().await
    };
    match timeout(patience, talk).await {
        Ok(status) => {
            let status = status.context("waiting for it failed")?;
            if !status.success() {
                bail!("it ended with {status}");
            }
            Ok(())
        }
        Err(_) => bail!(
            "it took longer than {} seconds and was killed",
            patience.as_secs()
        ),
    }
}

/// What is left of a process group ends with this.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Nothing is left: as it should be.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pids");
        let script = format!(
            "sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait",
            file.display()
        );
        let hangs = words(&["sh", "-c", &script]);
        // Until it has started what it starts.
        let error = tokio::select! {
            outcome = run(&hangs, "{}", PATIENCE) => panic!("it ended: {outcome:?}"),
            () = async {
                while !file.exists() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            } => run(&words(&["sleep", "600"]), "{}", Duration::ZERO).await.unwrap_err(),
        };
        assert!(error.to_string().contains("was killed"), "{error}");
        let pid: i32 = std::fs::read_to_string(&file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let stat = format!("/proc/{pid}/stat");
        // Killed, and perhaps not yet waited for by anybody.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn what_a_program_came_to_is_told() {
        run(&words(&["true"]), "{}", PATIENCE).await.unwrap();
        let error = run(&words(&["sh", "-c", "exit 7"]), "{}", PATIENCE).await;
        assert!(error.unwrap_err().to_string().contains("7"));
        let error = run(&words(&["/does/not/exist"]), "{}", PATIENCE).await;
        assert!(error.unwrap_err().to_string().contains("cannot be started"));
    }

    #[test]
    fn secrets_in_an_address_or_an_argument_are_not_shown() {
        let webhook = Address::parse("https://hooks.example.com/T/hush?key=hush").unwrap();
        let command = Way::Command(words(&["notify", "--token=hush"]));
        for way in [Way::Webhook(webhook), command] {
            assert!(!way.to_string().contains("hush"), "{way}");
        }
    }
}
