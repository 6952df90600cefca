//! Commands that an agent runs by `terminal/*`, in the session's folders.
//!
//! They are no terminals for people: there is no PTY and no input. Output is
//! kept in a ring; what is over its bound is lost from the beginning, which is
//! what ACP asks for.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use crate::{
    commands::{CommandLine, CommandRunner},
    files::{Folders, parse},
    router::lock,
};
use hostler_wire::{Fault, codes};
use serde::Deserialize;
use serde_json::json;

mod ring;
mod supervised;
mod terminal;

pub use supervised::SupervisedCommands;
pub(crate) use supervised::environment;

use terminal::{Terminal, status};

/// Terminals of one agent that are not released. Agents run a few at a time.
const TERMINALS: usize = 16;

/// The most output that is kept of one command, and what is kept when the agent
/// does not say: more than a model can read.
const OUTPUT: usize = 1024 * 1024;

/// What runs the commands.
const SHELL: &str = "/bin/sh";

/// The terminals of one agent. Cheap to clone; dropping the last clone ends all
/// their commands.
#[derive(Debug, Clone)]
pub(crate) struct Terminals {
    folders: Arc<Folders>,
    runner: Arc<dyn CommandRunner>,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    /// `None` while the command is being started: its place is taken.
    terminals: BTreeMap<String, Option<Terminal>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<Variable>,
    cwd: Option<PathBuf>,
    output_byte_limit: Option<u64>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    terminal_id: String,
}

impl Terminals {
    pub(crate) fn new(folders: Arc<Folders>, runner: Arc<dyn CommandRunner>) -> Self {
        Self {
            folders,
            runner,
            table: Arc::default(),
        }
    }

    /// `terminal/create`.
    pub(crate) async fn create(&self, params: &str) -> Result<String, Fault> {
        let create: Create = parse(params)?;
        let limit = create.output_byte_limit.map_or(OUTPUT, |limit| {
            usize::try_from(limit).unwrap_or(OUTPUT).min(OUTPUT)
        });
        let line = self.line(create).await?;
        let place = self.reserve()?;
        let started = self.runner.start(line).await;
        let running = started.map_err(|error| {
            Fault::new(
                codes::INTERNAL,
                format!("the command could not be started: {error}"),
            )
        })?;
        let id = place.fill(Terminal::new(running, limit));
        Ok(json!({ "terminalId": id }).to_string())
    }

    async fn line(&self, create: Create) -> Result<CommandLine, Fault> {
        let cwd = match create.cwd {
            None => self.folders.root().to_owned(),
            Some(cwd) => self.check_cwd(cwd).await?,
        };
        // Agents write a whole command line into `command`, or a program and
        // its arguments. The shell finds both.
        let args = if create.args.is_empty() {
            vec!["-c".into(), create.command.into()]
        } else {
            let head = ["-c", r#"exec "$0" "$@""#].map(Into::into);
            let tail = std::iter::once(create.command)
                .chain(create.args)
                .map(Into::into);
            head.into_iter().chain(tail).collect()
        };
        let variables = create.env.into_iter();
        Ok(CommandLine {
            program: SHELL.into(),
            args,
            env: variables
                .map(|variable| (variable.name.into(), variable.value.into()))
                .collect(),
            cwd,
        })
    }

    async fn check_cwd(&self, cwd: PathBuf) -> Result<PathBuf, Fault> {
        let folders = self.folders.clone();
        let asked = cwd.clone();
        let inside =
            tokio::task::spawn_blocking(move || cwd.is_absolute() && folders.contain(&cwd)).await;
        if matches!(inside, Ok(true)) {
            return Ok(asked);
        }
        let message = format!(
            "`cwd` {} is not a folder in the session's root {}",
            asked.display(),
            self.folders.root().display()
        );
        Err(Fault::new(codes::PATH_OUTSIDE_ROOT, message))
    }

    fn reserve(&self) -> Result<Place, Fault> {
        let mut table = lock(&self.table);
        if table.terminals.len() >= TERMINALS {
            let message = format!(
                "there are {TERMINALS} terminals in this session already; release one first"
            );
            return Err(Fault::new(codes::TOO_MANY, message));
        }
        table.last += 1;
        let id = format!("term-{}", table.last);
        table.terminals.insert(id.clone(), None);
        Ok(Place {
            table: self.table.clone(),
            id,
        })
    }

    /// `terminal/output`.
    pub(crate) fn output(&self, params: &str) -> Result<String, Fault> {
        self.with(params, |terminal| {
            let (output, truncated) = lock(&terminal.output).text();
            let ended = *terminal.end.borrow();
            json!({
                "output": output,
                "truncated": truncated,
                "exitStatus": ended.map(status),
            })
            .to_string()
        })
    }

    /// `terminal/wait_for_exit`.
    pub(crate) async fn wait_for_exit(&self, params: &str) -> Result<String, Fault> {
        let mut end = self.with(params, |terminal| terminal.end.clone())?;
        let ended = end.wait_for(Option::is_some).await.map(|ended| *ended);
        match ended {
            Ok(ended) => Ok(status(ended.flatten()).to_string()),
            Err(_) => Err(Fault::new(
                codes::CANCELLED,
                "the terminal was released before its command ended",
            )),
        }
    }

    /// `terminal/kill`: the command ends, the terminal stays.
    pub(crate) fn kill(&self, params: &str) -> Result<String, Fault> {
        self.with(params, |terminal| {
            if let Some(kill) = terminal.kill.take() {
                // A command that has ended already is as good.
                let _ = kill.send(());
            }
            "{}".to_owned()
        })
    }

    /// `terminal/release`: the command ends and the terminal is forgotten.
    pub(crate) fn release(&self, params: &str) -> Result<String, Fault> {
        self.with(params, |_| ())?;
        let Named { terminal_id } = parse(params)?;
        lock(&self.table).terminals.remove(&terminal_id);
        Ok("{}".to_owned())
    }

    fn with<T>(&self, params: &str, act: impl FnOnce(&mut Terminal) -> T) -> Result<T, Fault> {
        let Named { terminal_id } = parse(params)?;
        match lock(&self.table).terminals.get_mut(&terminal_id) {
            Some(Some(terminal)) => Ok(act(terminal)),
            Some(None) | None => Err(Fault::new(
                codes::BAD_PARAMS,
                format!("there is no terminal {terminal_id:?}; it may have been released"),
            )),
        }
    }
}

/// A terminal whose command is being started. Dropped, the place is free again.
struct Place {
    table: Arc<Mutex<Table>>,
    id: String,
}

impl Place {
    fn fill(self, terminal: Terminal) -> String {
        if let Some(place) = lock(&self.table).terminals.get_mut(&self.id) {
            *place = Some(terminal);
        }
        self.id.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        if matches!(table.terminals.get(&self.id), Some(None)) {
            table.terminals.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests;
