//! Starts a supervisor and talks to it.

use std::{
    ffi::OsString,
    fmt,
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use command_fds::{CommandFdExt, FdMapping};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

use super::control::{CONTROL_FD, Exit, HIDE, LOCK_FD, Report, Signal, TTY};

/// What to start: nothing is inherited from the host but what stands here.
#[derive(Clone, PartialEq, Eq)]
pub struct ChildSpec {
    /// Absolute.
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    pub cwd: PathBuf,
}

/// Of the environment the names alone: a value may be a secret.
impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("ChildSpec")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &variables)
            .field("cwd", &self.cwd)
            .finish()
    }
}

/// How supervisors are started.
#[derive(Debug, Clone)]
pub struct Helper {
    /// A binary whose `child` runs [`child_main`](crate::child_main).
    pub program: PathBuf,
    /// An open file that every supervisor holds too, for as long as it lives: a
    /// lock on it proves, after a crash of the host, whether children are left.
    pub lock: Option<Arc<File>>,
    /// Directories that programs see empty. Only where [`hiding`] says that it
    /// can be done: elsewhere no program starts.
    ///
    /// [`hiding`]: super::hiding
    pub hidden: Vec<PathBuf>,
}

impl Helper {
    /// One that hides nothing and holds nothing.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            lock: None,
            hidden: Vec::new(),
        }
    }
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
    /// Starts `helper child … -- PROGRAM ARGS…` and waits until the program runs.
    ///
    /// # Errors
    /// The helper or the program could not be started; the message names it.
    pub async fn start(helper: &Helper, spec: &ChildSpec) -> io::Result<Self> {
        let (mut child, supervision) = launch(helper, spec, None).await?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the child has no pipes"));
        };
        Ok(Self {
            stdin,
            stdout,
            stderr,
            supervision,
        })
    }
}

/// Starts the supervisor, with pipes or on a terminal.
async fn launch(
    helper: &Helper,
    spec: &ChildSpec,
    tty: Option<&Path>,
) -> io::Result<(Child, Supervision)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let ours = UnixStream::from_std(ours)?;
    let mut command = Command::new(&helper.program);
    command.arg0("hostler").arg("child");
    for hidden in &helper.hidden {
        command.arg(HIDE).arg(hidden);
    }
    if let Some(tty) = tty {
        command.arg(TTY).arg(tty);
    }
    let stdio = || {
        if tty.is_some() {
            Stdio::null()
        } else {
            Stdio::piped()
        }
    };
    command
        .arg("--")
        .arg(&spec.program)
        .args(&spec.args)
        .env_clear()
        .envs(spec.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&spec.cwd)
        .stdin(stdio())
        .stdout(stdio())
        .stderr(stdio());
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
    let child = command.spawn().map_err(|error| {
        let cwd = spec.cwd.display();
        io::Error::new(
            error.kind(),
            format!("{} in {cwd}: {error}", helper.program.display()),
        )
    })?;
    // The command holds the other end of the socket; while it lives here
    // the supervisor's end would not be seen to close.
    drop(command);
    let (reports, signals) = ours.into_split();
    let mut supervision = Supervision {
        reports: BufReader::new(reports).lines(),
        signals,
    };
    match supervision.report().await? {
        Some(Report::Started(_)) => Ok((child, supervision)),
        Some(Report::StartFailed(message)) => Err(io::Error::other(message)),
        Some(Report::Exited(_)) | None => Err(io::Error::other(
            "the supervisor ended before the program started",
        )),
    }
}

impl Supervision {
    /// Starts a program that has the terminal device `tty` as its controlling
    /// terminal and as its standard streams, and leads a process session of its
    /// own. Dropped, the program ends: HUP, TERM, KILL, with its descendants.
    ///
    /// # Errors
    /// The helper or the program could not be started, or `tty` cannot be used;
    /// the message names it.
    pub async fn on_terminal(helper: &Helper, spec: &ChildSpec, tty: &Path) -> io::Result<Self> {
        let (_, supervision) = launch(helper, spec, Some(tty)).await?;
        Ok(supervision)
    }

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

    /// Ends the program as [`end`](Self::end) does, and does not wait for it. No
    /// signal reaches it any more.
    pub async fn let_go(&mut self) {
        let _ = self.signals.shutdown().await;
    }

    /// Ends the program and returns when it is gone with its descendants: within
    /// a few seconds, because the supervisor kills what does not go. How it ended
    /// is as in [`exited`](Self::exited).
    pub async fn end(self) -> Option<Exit> {
        let Self {
            mut reports,
            signals,
        } = self;
        drop(signals);
        let mut exit = None;
        while let Ok(Some(line)) = reports.next_line().await {
            if let Ok(Report::Exited(told)) = serde_json::from_str(&line) {
                exit = Some(told);
            }
        }
        exit
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
