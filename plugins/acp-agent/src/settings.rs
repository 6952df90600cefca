//! `[plugins.ID.config]` of this plugin:
//!
//! ```toml
//! command = ["my-agent", "--acp"]       # the program and its arguments
//! title = "My Agent"                    # for people; optional
//! env = { MY_AGENT_LOG = "warn" }       # optional; the grant must list the names
//! probe = ["my-agent", "--version"]     # how to see that it is there; optional
//! prompt = { image = true, audio = false, embedded_context = true }  # optional
//! ```

use std::{collections::BTreeMap, time::Duration};

use hostler_sdk::process::{Child, Command};
use hostler_sdk::{Description, Error, PromptCapabilities, Result, Status, config};
use serde::Deserialize;

/// How long the program of `probe` may take: a version is printed at once, but
/// an interpreter on a busy machine starts slowly.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a program's output stands in a status.
const MAX_LINE: usize = 200;

/// The operator's settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    command: Vec<String>,
    title: Option<String>,
    env: BTreeMap<String, String>,
    probe: Vec<String>,
    prompt: PromptSettings,
}

/// What the agent understands in a prompt. Clients must be told before the agent
/// runs and could be asked.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PromptSettings {
    image: bool,
    audio: bool,
    embedded_context: bool,
}

impl Settings {
    pub(crate) fn load() -> Result<Self> {
        config::get()
    }

    /// What to call the agent in messages: its program.
    pub(crate) fn name(&self) -> &str {
        self.command.first().map_or("the agent", String::as_str)
    }

    pub(crate) fn description(&self) -> Description {
        let PromptSettings {
            image,
            audio,
            embedded_context,
        } = self.prompt;
        Description {
            title: self.title.clone().unwrap_or("ACP agent".to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            prompt: PromptCapabilities {
                image,
                audio,
                embedded_context,
            },
            fork: false,
        }
    }

    /// Starts the agent.
    pub(crate) fn spawn(&self) -> Result<Child> {
        let Some(mut command) = command_line(&self.command) else {
            return Err(Error::Invalid(format!("{NO_COMMAND}; {SET_COMMAND}")));
        };
        for (name, value) in &self.env {
            command = command.env(name, value);
        }
        command.spawn()
    }
}

const NO_COMMAND: &str = "[plugins.ID.config] of this plugin has no `command`";
const SET_COMMAND: &str =
    r#"set it to the agent's program and arguments: command = ["my-agent", "--acp"]"#;

/// An agent that is not known cannot be asked whether it works without starting
/// a conversation: without `probe` nothing is checked, and the status says so.
pub(crate) fn probe() -> Status {
    let settings = match Settings::load() {
        Ok(settings) => settings,
        Err(error) => return Status::broken(error.to_string()),
    };
    if settings.command.is_empty() {
        return Status::broken(NO_COMMAND).fix(SET_COMMAND);
    }
    let Some(command) = command_line(&settings.probe) else {
        return Status::ready(format!(
            "{} was not checked: no `probe` in [plugins.ID.config]",
            settings.name()
        ));
    };
    match command.run(PROBE_TIMEOUT) {
        Ok(output) if output.exit.success() => {
            let line = first_line(&output.stdout);
            let status = Status::ready(format!("{} answers", settings.probe.join(" ")));
            if line.is_empty() {
                status
            } else {
                status.version(line)
            }
        }
        Ok(output) => Status::broken(format!(
            "{} failed ({}): {}",
            settings.probe.join(" "),
            output.exit,
            first_line(&output.stderr)
        )),
        Err(Error::NotFound(why)) => Status::missing(why),
        Err(error) => Status::broken(error.to_string()),
    }
}

fn command_line(words: &[String]) -> Option<Command> {
    let (program, args) = words.split_first()?;
    Some(Command::new(program).args(args))
}

fn first_line(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.unwrap_or_default()
        .trim()
        .chars()
        .take(MAX_LINE)
        .collect()
}
