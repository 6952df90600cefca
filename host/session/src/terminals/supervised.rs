//! Commands as supervised children of the host.

use std::{ffi::OsString, io};

use bytes::Bytes;
use hostler_runtime::children::{ChildSpec, Exit, Helper, Signal, Supervised};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{mpsc, oneshot},
};

use crate::{
    commands::{CommandLine, CommandRunner, RunningCommand},
    launcher::BoxFuture,
};

/// What a command gets of the host's own environment: where programs and the
/// user's settings are, and how to write. No credentials of the host.
const PASSED: [&str; 10] = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
];

/// Chunks of output that wait to be put into the ring.
const CHUNKS: usize = 16;

/// Bytes of one chunk: a pipe's usual size.
const CHUNK: usize = 64 * 1024;

/// Runs every command under the supervisor of the host's children, so that none
/// outlives the host.
#[derive(Debug)]
pub struct SupervisedCommands {
    helper: Helper,
    env: Vec<(OsString, OsString)>,
}

impl SupervisedCommands {
    /// `helper` is a binary with the subcommand `child`: the host's own.
    #[must_use]
    pub fn new(helper: Helper) -> Self {
        Self {
            helper,
            env: environment("dumb"),
        }
    }
}

/// What every command of a session gets; `term` is its kind of terminal.
pub(crate) fn environment(term: &str) -> Vec<(OsString, OsString)> {
    let passed = |name| Some((OsString::from(name), std::env::var_os(name)?));
    let term = (OsString::from("TERM"), OsString::from(term));
    let passed = PASSED.into_iter().filter_map(passed);
    passed.chain([term]).collect()
}

impl CommandRunner for SupervisedCommands {
    fn start(&self, line: CommandLine) -> BoxFuture<'static, io::Result<RunningCommand>> {
        let helper = self.helper.clone();
        let spec = ChildSpec {
            program: line.program.into(),
            args: line.args,
            // Later ones count.
            env: self.env.iter().cloned().chain(line.env).collect(),
            cwd: line.cwd,
        };
        Box::pin(async move {
            let child = Supervised::start(&helper, &spec).await?;
            let (chunks, output) = mpsc::channel(CHUNKS);
            let (ended, exit) = oneshot::channel();
            let (kill, killed) = oneshot::channel();
            tokio::spawn(watch(child, chunks, ended, killed));
            Ok(RunningCommand { output, exit, kill })
        })
    }
}

/// Until the command has ended. A kill, or the loss of who would kill, ends it;
/// so does dropping the supervision with this task.
async fn watch(
    child: Supervised,
    chunks: mpsc::Sender<Bytes>,
    ended: oneshot::Sender<Exit>,
    mut killed: oneshot::Receiver<()>,
) {
    let Supervised {
        stdin,
        stdout,
        stderr,
        mut supervision,
    } = child;
    // There is no input.
    drop(stdin);
    let reading =
        tokio::spawn(
            async move { tokio::join!(copy(stdout, chunks.clone()), copy(stderr, chunks)) },
        );
    let exit = tokio::select! {
        exit = supervision.exited() => exit,
        _ = &mut killed => {
            supervision.signal(Signal::Kill).await;
            supervision.exited().await
        }
    };
    // A descendant that was left may hold the pipes; the supervisor has ended
    // all of them.
    let _ = reading.await;
    if let Some(exit) = exit {
        let _ = ended.send(exit);
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, to: mpsc::Sender<Bytes>) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(read) = from.read(&mut buffer).await {
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() || to.send(Bytes::copy_from_slice(chunk)).await.is_err() {
            return;
        }
    }
}
