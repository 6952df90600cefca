//! Running a command for an agent, apart from who does it.

use std::{ffi::OsString, io, path::PathBuf};

use bytes::Bytes;
use hostler_runtime::children::Exit;
use tokio::sync::{mpsc, oneshot};

use crate::launcher::BoxFuture;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// A name to be looked up on the host's PATH, or an absolute path.
    pub program: OsString,
    /// Without the program's name.
    pub args: Vec<OsString>,
    /// Added to what the runner gives every command.
    pub env: Vec<(OsString, OsString)>,
    /// Absolute, and checked.
    pub cwd: PathBuf,
}

/// A command that runs. Dropping it ends the command with its descendants.
#[derive(Debug)]
pub struct RunningCommand {
    /// Standard output and error as they come; ends with the command.
    pub output: mpsc::Receiver<Bytes>,
    /// How it ended; an error when that cannot be known.
    pub exit: oneshot::Receiver<Exit>,
    /// Ends the command when something is sent, or when it is dropped.
    pub kill: oneshot::Sender<()>,
}

/// Runs commands. The real one is
/// [`SupervisedCommands`](crate::SupervisedCommands).
pub trait CommandRunner: Send + Sync + std::fmt::Debug {
    /// Starts a command.
    ///
    /// # Errors
    /// It could not be started; the message names the program.
    fn start(&self, line: CommandLine) -> BoxFuture<'static, io::Result<RunningCommand>>;
}
