//! What the host answers to the agent by itself: files and commands inside the
//! session's root, as far as the operator granted it. A client's own files and
//! terminals are never asked for.

use std::{collections::HashMap, fmt, future::Future, sync::Arc};

use hostler_runtime::{Failure, FileAccess};
use hostler_wire::{Fault, codes, methods};
use tokio::task::{AbortHandle, JoinSet};

use crate::{
    commands::CommandRunner,
    error::failure,
    files::{self, Folders},
    terminals::Terminals,
    unit::Unit,
};

/// Requests of one agent that the host works on at the same time. Most are a
/// file; waits for a command's end stay.
const AT_ONCE: usize = 64;

/// The agent's requests that are being worked on.
pub(crate) struct Requests {
    folders: Arc<Folders>,
    runner: Arc<dyn CommandRunner>,
    terminals: Terminals,
    work: JoinSet<(u64, Outcome)>,
    running: HashMap<u64, AbortHandle>,
}

pub(super) type Outcome = Result<String, Failure>;

impl Requests {
    pub(crate) fn new(folders: Arc<Folders>, runner: Arc<dyn CommandRunner>) -> Self {
        Self {
            terminals: Terminals::new(folders.clone(), runner.clone()),
            folders,
            runner,
            work: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    /// The next one that is done; pending for ever when there is none. May be
    /// dropped and called again at any time.
    pub(super) async fn next(&mut self) -> (u64, Outcome) {
        loop {
            match self.work.join_next_with_id().await {
                Some(Ok((task, (ask, outcome)))) => {
                    // It may have been stopped when it was done already.
                    if self
                        .running
                        .get(&ask)
                        .is_some_and(|running| running.id() == task)
                    {
                        self.running.remove(&ask);
                        return (ask, outcome);
                    }
                }
                // Stopped; nobody waits for it.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    fn start(
        &mut self,
        ask: u64,
        work: impl Future<Output = Result<String, Fault>> + Send + 'static,
    ) {
        let handle = self
            .work
            .spawn(async move { (ask, work.await.map_err(|fault| failure(&fault))) });
        self.running.insert(ask, handle);
    }

    /// Its answer is not wanted any more.
    pub(super) fn stop(&mut self, ask: u64) {
        if let Some(handle) = self.running.remove(&ask) {
            handle.abort();
        }
    }

    /// The agent is gone, and with it its commands.
    pub(super) fn stop_all(&mut self) {
        *self = Self::new(self.folders.clone(), self.runner.clone());
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests")
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

impl Unit {
    pub(super) fn agent_request(&mut self, ask: u64, method: &str, params: String) {
        if let Err(fault) = self.admit(method) {
            return self.answer_agent(ask, Err(failure(&fault)));
        }
        let folders = self.requests.folders.clone();
        let terminals = self.requests.terminals.clone();
        let requests = &mut self.requests;
        match method {
            methods::FS_READ_TEXT_FILE => requests.start(ask, files::read(folders, params)),
            methods::FS_WRITE_TEXT_FILE => requests.start(ask, files::write(folders, params)),
            methods::TERMINAL_CREATE => {
                requests.start(ask, async move { terminals.create(&params).await });
            }
            methods::TERMINAL_OUTPUT => {
                requests.start(ask, async move { terminals.output(&params) });
            }
            methods::TERMINAL_WAIT_FOR_EXIT => {
                requests.start(ask, async move { terminals.wait_for_exit(&params).await });
            }
            methods::TERMINAL_KILL => requests.start(ask, async move { terminals.kill(&params) }),
            methods::TERMINAL_RELEASE => {
                requests.start(ask, async move { terminals.release(&params) });
            }
            // `admit` knows the same methods.
            _ => {}
        }
    }

    /// Whether a request may be worked on.
    fn admit(&mut self, method: &str) -> Result<(), Fault> {
        let rights = self
            .stage
            .live()
            .map(|instance| instance.rights)
            .unwrap_or_default();
        match method {
            methods::FS_READ_TEXT_FILE if rights.files.is_none() => {
                return Err(self.denied(method, "files = \"read\""));
            }
            methods::FS_WRITE_TEXT_FILE if rights.files != Some(FileAccess::ReadWrite) => {
                return Err(self.denied(method, "files = \"read-write\""));
            }
            methods::TERMINAL_CREATE
            | methods::TERMINAL_OUTPUT
            | methods::TERMINAL_WAIT_FOR_EXIT
            | methods::TERMINAL_KILL
            | methods::TERMINAL_RELEASE
                if !rights.terminal =>
            {
                return Err(self.denied(method, "terminal = true"));
            }
            methods::FS_READ_TEXT_FILE
            | methods::FS_WRITE_TEXT_FILE
            | methods::TERMINAL_CREATE
            | methods::TERMINAL_OUTPUT
            | methods::TERMINAL_WAIT_FOR_EXIT
            | methods::TERMINAL_KILL
            | methods::TERMINAL_RELEASE => {}
            _ => {
                let message = format!("the host does not answer {method:?}");
                return Err(Fault::new(codes::UNKNOWN_METHOD, message));
            }
        }
        if self.requests.running.len() >= AT_ONCE {
            let message = format!(
                "the host works on {AT_ONCE} requests of this session already; wait for answers"
            );
            return Err(Fault::new(codes::TOO_MANY, message));
        }
        Ok(())
    }

    fn denied(&self, method: &str, line: &str) -> Fault {
        let plugin = &self.origin.harness;
        let message = format!(
            "{method} is not granted to plugin {plugin}; to allow it, add to hostler.toml: \
             [plugins.{plugin}.grants] {line}"
        );
        tracing::warn!(session = %self.id, "{message}");
        Fault::new(codes::PLUGIN_DENIED, message)
    }

    /// Sends the answer to one of the agent's requests.
    pub(super) fn answer_agent(&mut self, ask: u64, outcome: Outcome) {
        let full = match self.stage.live() {
            Some(instance) => instance.answer(ask, outcome).is_err(),
            None => false,
        };
        if full {
            self.instance_stuck();
        }
    }
}
