//! What a host needs from outside: harnesses that the test plays, no commands and
//! no shells.

use std::sync::Arc;

use hostler_runtime::{
    Conversation, Description, Harness, OpenParams, PromptCapabilities, SessionOrigin,
};
use hostler_session::{
    BoxFuture, CommandLine, CommandRunner, Launcher, Rights, Running, RunningCommand, SessionError,
};
use hostler_terminal::{Program, Spawned, Spawner};
use tokio::sync::{mpsc, oneshot};

use super::{AgentStore, Instance};

#[derive(Debug)]
pub(super) struct Played {
    pub(super) instances: mpsc::UnboundedSender<Instance>,
    pub(super) rights: Rights,
    pub(super) mailbox: usize,
    pub(super) store: Arc<AgentStore>,
}

impl Launcher for Played {
    fn ids(&self) -> Vec<String> {
        vec!["echo".into()]
    }

    fn is_loading(&self, _: &str) -> bool {
        self.store.is_loading()
    }

    fn conversations<'a>(
        &'a self,
        _: &'a str,
        cwd: Option<&'a std::path::Path>,
    ) -> BoxFuture<'a, Result<Vec<Conversation>, SessionError>> {
        Box::pin(async move { Ok(self.store.read(cwd).await) })
    }

    fn describe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Description, SessionError>> {
        Box::pin(async move {
            Ok(Description {
                title: "Echo".into(),
                version: "1".into(),
                prompt: PromptCapabilities::default(),
                fork: id == "echo",
            })
        })
    }

    fn launch<'a>(
        &'a self,
        id: &'a str,
        params: OpenParams,
        origin: SessionOrigin,
    ) -> BoxFuture<'a, Result<Running, SessionError>> {
        Box::pin(async move {
            if !["echo", "alone"].contains(&id) {
                return Err(SessionError::UnknownHarness {
                    id: id.into(),
                    known: self.ids(),
                });
            }
            let (sender, commands) = mpsc::channel(self.mailbox);
            let (events, receiver) = mpsc::channel(4);
            let instance = Instance {
                params,
                origin,
                commands,
                events,
            };
            self.instances.send(instance).unwrap();
            Ok(Running {
                harness: Harness::new(sender),
                events: receiver,
                rights: self.rights,
            })
        })
    }
}

/// Runs nothing but `hang`, which never ends.
#[derive(Debug)]
pub(super) struct NoCommands;

impl CommandRunner for NoCommands {
    fn start(&self, line: CommandLine) -> BoxFuture<'static, std::io::Result<RunningCommand>> {
        Box::pin(async move {
            if line.args.last().is_none_or(|last| last != "hang") {
                return Err(std::io::Error::other("this host runs no commands"));
            }
            let (printing, output) = mpsc::channel(1);
            let (ending, exit) = oneshot::channel();
            let (kill, killed) = oneshot::channel();
            tokio::spawn(async move {
                let _ = killed.await;
                drop((printing, ending));
            });
            Ok(RunningCommand { output, exit, kill })
        })
    }
}

/// Starts no program in a terminal.
#[derive(Debug)]
pub(super) struct NoShells;

impl Spawner for NoShells {
    fn spawn(
        &self,
        _: Program,
        _: std::path::PathBuf,
    ) -> BoxFuture<'static, std::io::Result<Spawned>> {
        Box::pin(async { Err(std::io::Error::other("this host has no shells")) })
    }
}
