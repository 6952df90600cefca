//! Is the agent there?

use std::time::Duration;

use hostler_sdk::{Error, Status};

use crate::settings::{NO_COMMAND, SET_COMMAND, Settings, command_line};

/// How long the program of `probe` may take: a version is printed at once, but
/// an interpreter on a busy machine starts slowly.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a program's output stands in a status.
const MAX_LINE: usize = 200;

/// An agent that is not known cannot be asked whether it works without starting
/// a conversation: without `probe` nothing is checked, and the status says so.
pub(crate) fn probe() -> Status {
    let settings = match Settings::load() {
        Ok(settings) => settings,
        Err(error) => return Status::broken(error.to_string()),
    };
    if settings.command().is_empty() {
        return Status::broken(NO_COMMAND).fix(SET_COMMAND);
    }
    let Some(command) = command_line(settings.probe()) else {
        return Status::ready(format!(
            "{} was not checked: no `probe` in [plugins.ID.config]",
            settings.name()
        ));
    };
    match command.run(PROBE_TIMEOUT) {
        Ok(output) if output.exit.success() => {
            let line = first_line(&output.stdout);
            let status = Status::ready(format!("{} answers", settings.probe().join(" ")));
            if line.is_empty() {
                status
            } else {
                status.version(line)
            }
        }
        Ok(output) => Status::broken(format!(
            "{} failed ({}): {}",
            settings.probe().join(" "),
            output.exit,
            first_line(&output.stderr)
        )),
        Err(Error::NotFound(why)) => Status::missing(why),
        Err(error) => Status::broken(error.to_string()),
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.unwrap_or_default()
        .trim()
        .chars()
        .take(MAX_LINE)
        .collect()
}
