//! Starts a supervisor and talks to it.

use std::{ffi::OsString, fs::File, io, os::fd::OwnedFd, path::PathBuf, process::Stdio, sync::Arc};

use command_fds::{CommandFdExt, FdMapping};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{ChildStderr, ChildStdin, ChildStdout, Command},
};

use super::control::{CONTROL_FD, Exit, LOCK_FD, Report, Signal};

/// What to start: nothing is inherited from the host but what stands here.
#[derive(Debug, Clone)]
pub struct ChildSpec {
    /// Absolute.
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    pub cwd: PathBuf,
}

/// How supervisors are started.
#[derive(Debug, Clone)]
pub struct Helper {
    /// A binary whose `child` runs [`child_main`](crate::child_main).
    pub program: PathBuf,
    /// An open file that every supervisor holds too, for as long as it lives: a
    /// lock on it proves, after a crash of the host, whether children are left.
    pub lock: Option<Arc<File>>,
}

/// A program under its supervisor. Dropping [`Supervision`] ends the program:
/// interrupt, TERM, KILL, with its descendants.
#[derive(Debug)]
pub struct Supervised {
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
    pub supervision: Supervision,
}

/// The control socket.
#[derive(Debug)]
pub struct Supervision {
    reports: Lines<BufReader<OwnedReadHalf>>,
    signals: OwnedWriteHalf,
}

impl Supervised {
    /// Starts `helper child -- PROGRAM ARGS…` and waits until the program runs.
    ///
    /// # Errors
    /// The helper or the program could not be started; the message names it.
    pub async fn start(helper: &Helper, spec: &ChildSpec) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let ours = UnixStream::from_std(ours)?;
        let mut command = Command::new(&helper.program);
        command
            .arg0("hostler")
            .arg("child")
            .arg("--")
            .arg(&spec.program)
            .args(&spec.args)
            .env_clear()
            .envs(spec.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&spec.cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut inherited = vec![FdMapping {
            parent_fd: OwnedFd::from(theirs),
            child_fd: CONTROL_FD,
        }];
        if let Some(lock) = &helper.lock {
            inherited.push(FdMapping {
                parent_fd: lock.try_clone()?.into(),
                child_fd: LOCK_FD,
            });
        }
        command.fd_mappings(inherited).map_err(io::Error::other)?;
        let mut child = command.spawn().map_err(|error| {
            let cwd = spec.cwd.display();
            io::Error::new(
                error.kind(),
                format!("{} in {cwd}: {error}", helper.program.display()),
            )
        })?;
        // The command holds the other end of the socket; while it lives here
        // the supervisor's end would not be seen to close.
        drop(command);
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the child has no pipes"));
        };
        let (reports, signals) = ours.into_split();
        let mut supervision = Supervision {
            reports: BufReader::new(reports).lines(),
            signals,
        };
        match supervision.report().await? {
            Some(Report::Started(_)) => Ok(Self {
                stdin,
                stdout,
                stderr,
                supervision,
            }),
            Some(Report::StartFailed(message)) => Err(io::Error::other(message)),
            Some(Report::Exited(_)) | None => Err(io::Error::other(
                "the supervisor ended before the program started",
            )),
        }
    }
}

impl Supervision {
    /// Waits for the end of the program and of all its descendants. `None`: the
    /// supervisor was killed, and what became of the program is not known. Safe
    /// to drop and call again.
    pub async fn exited(&mut self) -> Option<Exit> {
        match self.report().await {
            Ok(Some(Report::Exited(exit))) => Some(exit),
            _ => None,
        }
    }

    /// Sends a signal to the program's process group; after its end nothing
    /// happens.
    pub async fn signal(&mut self, signal: Signal) {
        let _ = self.signals.write_all(&[signal.byte()]).await;
    }

    /// Ends the program and returns when it is gone with its descendants: within
    /// a few seconds, because the supervisor kills what does not go.
    pub async fn end(self) {
        let Self {
            mut reports,
            signals,
        } = self;
        drop(signals);
        while let Ok(Some(_)) = reports.next_line().await {}
    }

    async fn report(&mut self) -> io::Result<Option<Report>> {
        let Some(line) = self.reports.next_line().await? else {
            return Ok(None);
        };
        serde_json::from_str(&line)
            .map(Some)
            .map_err(io::Error::other)
    }
}
