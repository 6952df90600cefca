//! Terminals for people, as supervised children of the host.

use std::{ffi::OsString, io, path::PathBuf, time::Duration};

use hostler_runtime::children::{ChildSpec, Exit as ChildExit, Helper, Signal, Supervision};
use hostler_terminal::{BoxFuture, Exit, Program, Spawned, Spawner};
use tokio::{sync::oneshot, time::timeout};

use crate::terminals::passed_environment;

/// What a program in a terminal may expect of it.
const TERM: (&str, &str) = ("TERM", "xterm-256color");

/// The shell of a user who has named none.
const SHELL: &str = "/bin/sh";

/// How long a program that was hung up may take to end before it is killed.
const HANGUP: Duration = Duration::from_secs(1);

/// Runs programs on terminals under the supervisor of the host's children, so
/// that none outlives the host.
#[derive(Debug)]
pub struct SupervisedShells {
    helper: Helper,
}

impl SupervisedShells {
    /// `helper` is a binary with the subcommand `child`: the host's own.
    #[must_use]
    pub fn new(helper: Helper) -> Self {
        Self { helper }
    }
}

/// The program of a new terminal: `command`, or the user's shell.
pub(crate) fn program(command: Vec<String>, cwd: PathBuf) -> Program {
    let argv = if command.is_empty() {
        vec![std::env::var_os("SHELL").unwrap_or_else(|| SHELL.into())]
    } else {
        command.into_iter().map(OsString::from).collect()
    };
    let term = (TERM.0.into(), TERM.1.into());
    Program {
        argv,
        env: passed_environment().chain([term]).collect(),
        cwd,
    }
}

impl Spawner for SupervisedShells {
    fn spawn(&self, program: Program, tty: PathBuf) -> BoxFuture<'static, io::Result<Spawned>> {
        let helper = self.helper.clone();
        Box::pin(async move {
            let mut argv = program.argv.into_iter();
            let spec = ChildSpec {
                program: argv.next().unwrap_or_default().into(),
                args: argv.collect(),
                env: program.env,
                cwd: program.cwd,
            };
            let supervision = Supervision::on_terminal(&helper, &spec, &tty).await?;
            let (end, ended) = oneshot::channel();
            let exit = Box::pin(watch(supervision, ended));
            Ok(Spawned { exit, end })
        })
    }
}

/// Until the program has ended. Being told to end it, or losing who would tell,
/// ends it with all that it started.
async fn watch(mut supervision: Supervision, mut ended: oneshot::Receiver<()>) -> Exit {
    let exit = tokio::select! {
        exit = supervision.exited() => Some(exit),
        _ = &mut ended => None,
    };
    let exit = match exit {
        Some(exit) => exit,
        None => end(supervision).await,
    };
    exit.map_or_else(Exit::default, |exit| Exit {
        code: exit.code,
        signal: exit.signal,
    })
}

/// A shell that is hung up writes its history and tells its jobs.
async fn end(mut supervision: Supervision) -> Option<ChildExit> {
    supervision.signal(Signal::HangUp).await;
    if let Ok(exit) = timeout(HANGUP, supervision.exited()).await {
        return exit;
    }
    supervision.signal(Signal::Kill).await;
    supervision.exited().await
}
