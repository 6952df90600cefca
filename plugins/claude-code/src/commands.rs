//! Slash commands: what a prompt may begin with.

use hostler_sdk::{Result, acp, client, text::one_line};
use serde::Deserialize;

/// Begins another conversation in the place of this one; a client has a way of
/// its own for that.
const CLEAR: &str = "clear";

/// A command as Claude Code lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Command {
    name: String,
    #[serde(default)]
    description: String,
    argument_hint: Option<String>,
}

/// The commands that the clients know of.
#[derive(Debug, Default)]
pub(crate) struct Commands(Vec<Command>);

impl Commands {
    /// These are the commands now. What has not changed is no news.
    pub(crate) fn tell(&mut self, mut commands: Vec<Command>) -> Result {
        commands.retain(Command::is_for_people);
        if self.0 == commands {
            return Ok(());
        }
        self.0 = commands;
        let shown = self.0.iter().map(Command::shown).collect();
        let update = acp::AvailableCommandsUpdate::new(shown);
        client::update(&acp::SessionUpdate::AvailableCommandsUpdate(update))
    }
}

impl Command {
    /// Names with `__` in front are Claude Code's own.
    fn is_for_people(&self) -> bool {
        self.name != CLEAR && !self.name.starts_with("__")
    }

    /// Descriptions are cut: some are instructions to the model, a page long.
    fn shown(&self) -> acp::AvailableCommand {
        let hint = self.argument_hint.as_ref().filter(|hint| !hint.is_empty());
        let input = hint.map(|hint| {
            let input = acp::UnstructuredCommandInput::new(hint.as_str());
            acp::AvailableCommandInput::Unstructured(input)
        });
        acp::AvailableCommand::new(self.name.as_str(), one_line(&self.description)).input(input)
    }
}
