//! What runs in a terminal, and who starts it.

use std::{ffi::OsString, fmt, future::Future, io, path::PathBuf, pin::Pin};

use tokio::sync::oneshot;

/// A future that may go to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program, as an absolute path or as the spawner looks it up, and its
    /// arguments.
    pub argv: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Absolute, and checked by the caller.
    pub cwd: PathBuf,
}

/// How a program ended: one of the two is set, or none where that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exit {
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
}

/// Starts programs. The host's runs them under its supervisor.
pub trait Spawner: Send + Sync + fmt::Debug {
    /// Starts `program` as the leader of a new process session that has the
    /// terminal device `tty` as its controlling terminal and as its standard
    /// input, output and error.
    ///
    /// # Errors
    /// It could not be started; the message says why.
    fn spawn(&self, program: Program, tty: PathBuf) -> BoxFuture<'static, io::Result<Spawned>>;
}

/// A program that runs.
pub struct Spawned {
    /// How it ended, once it has, with all its descendants. It must come soon
    /// after [`end`](Self::end) was used.
    pub exit: BoxFuture<'static, Exit>,
    /// Ends the program with its whole process session, when something is sent
    /// or when it is dropped.
    pub end: oneshot::Sender<()>,
}

impl fmt::Debug for Spawned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawned").finish_non_exhaustive()
    }
}
