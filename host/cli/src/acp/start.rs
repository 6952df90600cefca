//! The host of a state directory, started if there is none.

use std::{
    fs::{self, File, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{
    client::connection::Connection,
    exit::{Exit, Failure, OrExit as _},
    host_file::{self, HostFile, Presence},
    log_file, serve,
};

/// Held by whoever starts a host, until it is ready or has failed: of two that
/// come at once one starts it, and the other finds it.
const START_LOCK: &str = "start.lock";

/// How often to look while waiting for another process.
const LOOK: Duration = Duration::from_millis(20);

/// A host, there or not.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) state: PathBuf,
    /// The state directory was named on the command line.
    pub(crate) state_is_named: bool,
    pub(crate) config: Option<PathBuf>,
    /// For one that is started here.
    pub(crate) idle_seconds: u64,
}

impl Host {
    /// Connects to the host, and starts it before if need be.
    pub(crate) async fn connect(
        &self,
        harness: Option<&str>,
        patience: Duration,
    ) -> Result<Connection, Failure> {
        let open = || Connection::open(&self.state, harness);
        match open().await {
            Err(failure) if failure.exit == Exit::NoHost => {}
            found => return found,
        }
        let end = Instant::now() + patience;
        host_file::make_directory(&self.state)?;
        let mut lock = lock(&self.state, end).await?;
        let mut starting: Option<JoinHandle<Result<bool>>> = None;
        loop {
            // Whatever host it is by now.
            let failure = match open().await {
                Err(failure) if failure.exit == Exit::NoHost => failure,
                found => {
                    if found.is_ok() && starting.is_some() {
                        self.remember(&mut lock);
                    }
                    return found;
                }
            };
            if let Some(start) = starting.take_if(|start| start.is_finished())
                && !start.await.context("waiting for the host broke")??
            {
                return Err(self.not_started());
            }
            if Instant::now() > end {
                let message = format!(
                    "there was no host within {} seconds; its log is {}",
                    patience.as_secs(),
                    log_file::path(&self.state).display()
                );
                return Err(failure.error.context(message)).or_exit(Exit::NoHost);
            }
            // One that is just stopping is waited for.
            if starting.is_none() && host_file::presence(&self.state)? == Presence::Absent {
                starting = Some(tokio::spawn(ready(self.start()?)));
            }
            sleep(LOOK).await;
        }
    }

    /// Notes down that the host that runs now was started by a bridge.
    fn remember(&self, lock: &mut File) {
        let written = || -> Result<()> {
            let host = HostFile::read(&self.state)?.context("it does not say where it is")?;
            lock.set_len(0)?;
            lock.write_all(host.pid.to_string().as_bytes())?;
            Ok(())
        }();
        // Then nobody but its operator starts it again.
        if let Err(error) = written {
            tracing::warn!("cannot note down which host was started: {error:#}");
        }
    }

    /// Whether the host that runs now was started by a bridge.
    pub(crate) fn is_background(&self) -> bool {
        let noted = fs::read_to_string(self.state.join(START_LOCK)).ok();
        let noted: Option<u32> = noted.and_then(|noted| noted.parse().ok());
        let host = HostFile::read(&self.state).ok().flatten();
        noted.is_some() && noted == host.map(|host| host.pid)
    }

    /// Starts the one that starts the host.
    fn start(&self) -> Result<Child> {
        let log = log_file::begin(&self.state)
            .with_context(|| format!("cannot write {}", log_file::path(&self.state).display()))?;
        let program = serve::program()?;
        let mut command = Command::new(&program);
        command
            .args(["detach", "serve", "--detached", "--idle-exit"])
            .arg(self.idle_seconds.to_string());
        if self.state_is_named {
            command.arg("--state-dir").arg(&self.state);
        }
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        tracing::info!("no host is running; starting one");
        command
            // The project's folder may have to go while the host lives.
            .current_dir(&self.state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {} serve", program.display()))
    }

    fn not_started(&self) -> Failure {
        let why = log_file::last_words(&self.state)
            .unwrap_or_else(|| "it ended without a word".to_owned());
        let error = anyhow!("{why}").context(format!(
            "no host was running, and none could be started (its log is {})",
            log_file::path(&self.state).display()
        ));
        let exit = Exit::NoHost;
        Failure { exit, error }
    }
}

/// Whether the host says that it is ready, rather than ending.
async fn ready(mut starter: Child) -> Result<bool> {
    starter.wait().await?;
    let mut line = Vec::new();
    if let Some(stdout) = &mut starter.stdout {
        // The host has it now. It writes one line, so some of it will do.
        stdout.read_buf(&mut line).await?;
    }
    Ok(!line.is_empty())
}

/// Waits for the start lock.
async fn lock(state: &Path, end: Instant) -> Result<File, Failure> {
    let path = state.join(START_LOCK);
    let failed = || format!("cannot lock {}", path.display());
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(failed)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(LOOK).await,
            Err(TryLockError::WouldBlock) => {
                let message = format!(
                    "another program starts a host for {} and does not get on; see {}",
                    state.display(),
                    log_file::path(state).display()
                );
                return Err(Failure::new(Exit::NoHost, message));
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(failed)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_two_that_start_a_host_one_waits_and_says_so_when_it_takes_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path(), Instant::now()).await.unwrap();
        let failure = lock(folder.path(), Instant::now()).await.unwrap_err();
        assert_eq!(failure.exit, Exit::NoHost);
        assert!(failure.error.to_string().contains("serve.log"));
        drop(first);
        lock(folder.path(), Instant::now()).await.unwrap();
    }

    #[test]
    fn why_a_host_did_not_start_is_told_in_its_own_words() {
        let folder = tempfile::tempdir().unwrap();
        let log = "hostler: a.toml:2: unknown field `port`\n";
        fs::write(log_file::path(folder.path()), log).unwrap();
        let host = Host {
            state: folder.path().to_owned(),
            state_is_named: true,
            config: None,
            idle_seconds: 1,
        };
        let failure = host.not_started();
        assert_eq!(failure.exit, Exit::NoHost);
        let message = format!("{:#}", failure.error);
        assert!(
            message.ends_with(": a.toml:2: unknown field `port`"),
            "{message}"
        );
    }
}
