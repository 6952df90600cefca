//! People's terminals as supervised children of the host.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use hostler_runtime::children::{ChildSpec, Helper, Supervision};
use hostler_terminal::{BoxFuture, Exit, Program, Spawned, Spawner};
use tokio::sync::oneshot;

use crate::terminals::environment;

/// What terminals of people understand: all that are in use today.
const TERM: &str = "xterm-256color";

/// When the host's user has no shell.
const SHELL: &str = "/bin/sh";

/// Starts every program under the supervisor of the host's children, so that none
/// outlives the host.
#[derive(Debug)]
pub struct SupervisedShells {
    helper: Helper,
}

impl SupervisedShells {
    /// `helper` is a binary with the subcommand `child`: the host's own. What it
    /// hides, people do not see either.
    #[must_use]
    pub fn new(helper: Helper) -> Self {
        Self { helper }
    }
}

/// What runs in a person's terminal: `command`, a program on the host's PATH or
/// an absolute path, with its arguments; or else the user's own shell. `cwd` is
/// absolute and checked. The environment is what every command of a session gets,
/// without credentials of the host.
#[must_use]
pub fn shell_program(command: Option<Vec<OsString>>, cwd: PathBuf) -> Program {
    let shell = || {
        let shell = std::env::var_os("SHELL").filter(|shell| Path::new(shell).is_absolute());
        vec![shell.unwrap_or_else(|| SHELL.into())]
    };
    Program {
        argv: command.unwrap_or_else(shell),
        env: environment(TERM),
        cwd,
    }
}

impl Spawner for SupervisedShells {
    fn spawn(&self, program: Program, tty: PathBuf) -> BoxFuture<'static, io::Result<Spawned>> {
        let helper = self.helper.clone();
        Box::pin(async move {
            let mut argv = program.argv.into_iter();
            let name = argv.next().ok_or(io::ErrorKind::InvalidInput)?;
            let spec = ChildSpec {
                program: name.into(),
                args: argv.collect(),
                env: program.env,
                cwd: program.cwd,
            };
            let supervision = Supervision::on_terminal(&helper, &spec, &tty).await?;
            let (end, ended) = oneshot::channel();
            let exit = Box::pin(until_exit(supervision, ended));
            Ok(Spawned { exit, end })
        })
    }
}

/// Dropped, it ends the program, too.
async fn until_exit(mut supervision: Supervision, ended: oneshot::Receiver<()>) -> Exit {
    let exit = tokio::select! {
        exit = supervision.exited() => exit,
        _ = ended => supervision.end().await,
    };
    exit.map_or_else(Exit::default, |exit| Exit {
        code: exit.code,
        signal: exit.signal,
    })
}
