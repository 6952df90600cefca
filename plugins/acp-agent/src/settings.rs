//! `[plugins.ID.config]` of this plugin:
//!
//! ```toml
//! command = ["my-agent", "--acp"]       # the program and its arguments
//! title = "My Agent"                    # for people; optional
//! start_seconds = 120                   # until its session has begun; optional
//! env = { MY_AGENT_LOG = "warn" }       # optional; the grant must list the names
//! probe = ["my-agent", "--version"]     # how to see that it is there, if not by ACP; optional
//! prompt = { image = true, audio = false, embedded_context = true }  # optional
//! ```

use std::{collections::BTreeMap, num::NonZeroU16, time::Duration};

use hostler_sdk::process::{Child, Command};
use hostler_sdk::{Description, Error, PromptCapabilities, Result, config};
use serde::Deserialize;

use crate::timers;

/// The operator's settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    command: Vec<String>,
    title: Option<String>,
    start_seconds: Option<NonZeroU16>,
    env: BTreeMap<String, String>,
    probe: Vec<String>,
    prompt: PromptSettings,
}

/// What the agent understands in a prompt, as long as it was not asked: clients want
/// to be told before it runs.
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

    /// What to call the agent in messages: its title, or its program.
    pub(crate) fn name(&self) -> &str {
        let program = self.command.first();
        let name = self.title.as_ref().or(program);
        name.map_or("the agent", String::as_str)
    }

    /// How long it may take until its session has begun.
    pub(crate) fn start_limit(&self) -> Duration {
        let seconds = self.start_seconds.unwrap_or(timers::HANDSHAKE);
        Duration::from_secs(seconds.get().into())
    }

    /// A program that says that the agent is there, and its arguments.
    pub(crate) fn probe(&self) -> &[String] {
        &self.probe
    }

    /// The agent's program and its arguments.
    pub(crate) fn command(&self) -> &[String] {
        &self.command
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
            // Whether the agent can, it says when it runs.
            fork: true,
        }
    }

    /// Starts the agent.
    pub(crate) fn spawn(&self) -> Result<Child> {
        match self.agent() {
            Some(command) => command.spawn(),
            None => Err(Error::Invalid(format!("{NO_COMMAND}; {SET_COMMAND}"))),
        }
    }

    /// The agent's command line with its variables.
    pub(crate) fn agent(&self) -> Option<Command> {
        let command = command_line(&self.command)?;
        let variables = self.env.iter();
        Some(variables.fold(command, |command, (name, value)| command.env(name, value)))
    }
}

pub(crate) const NO_COMMAND: &str = "[plugins.ID.config] of this plugin has no `command`";
pub(crate) const SET_COMMAND: &str =
    r#"set it to the agent's program and arguments: command = ["my-agent", "--acp"]"#;

pub(crate) fn command_line(words: &[String]) -> Option<Command> {
    let (program, args) = words.split_first()?;
    Some(Command::new(program).args(args))
}
