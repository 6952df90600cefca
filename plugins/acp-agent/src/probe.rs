//! Is the agent there, and how does one log in to it? It is asked as a client
//! would: `initialize`, and no conversation; once for both.

use std::{cell::RefCell, time::Duration};

use hostler_sdk::{AuthMethod, Choices, Error, Failure, Result, Status, text::one_line};
use serde_json::json;

use crate::about::{About, PROTOCOL};
use crate::message::{Incoming, Outgoing, parse};
use crate::settings::{NO_COMMAND, SET_COMMAND, Settings, command_line};

/// How long the program of `probe` may take: a version is printed at once, but
/// an interpreter on a busy machine starts slowly.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an agent may take to say what it is: large ones need seconds, and
/// whoever looks at a list of agents waits for it.
const HELLO_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of a program's output stands in a status.
const MAX_LINE: usize = 200;

thread_local! {
    /// What a probe has heard, for the offer that follows it on this instance: an
    /// agent may take seconds to start.
    static HEARD: RefCell<Option<Result<About, Status>>> = const { RefCell::new(None) };
}

pub(crate) fn probe() -> Status {
    let settings = match Settings::load() {
        Ok(settings) => settings,
        Err(error) => return Status::broken(error.to_string()),
    };
    if settings.command().is_empty() {
        return Status::broken(NO_COMMAND).fix(SET_COMMAND);
    }
    match command_line(settings.probe()) {
        Some(_) => by_command(&settings),
        None => {
            let heard = hello(&settings);
            let status = match &heard {
                Ok(about) => found(&settings, about),
                Err(status) => status.clone(),
            };
            HEARD.set(Some(heard));
            status
        }
    }
}

/// The ways to log in and what prompts may hold, as the agent says. One that does not answer has none
/// to offer; `probe` says what is wrong with it. An agent with a `probe` of its own
/// is not started: that is what people set it for.
pub(crate) fn offer() -> Result<Choices> {
    let settings = Settings::load()?;
    if !settings.probe().is_empty() {
        return Ok(Choices::default());
    }
    let heard = HEARD.take().unwrap_or_else(|| hello(&settings));
    let prompt = heard.as_ref().ok().map(|about| about.can.prompts());
    let about = heard.unwrap_or_default();
    let methods = about
        .login
        .methods()
        .map(|(id, name, description)| AuthMethod {
            id,
            name,
            description,
        });
    Ok(Choices {
        auth_methods: methods.collect(),
        prompt,
        ..Choices::default()
    })
}

fn found(settings: &Settings, about: &About) -> Status {
    let info = about.info();
    let name = info.title.or(info.name);
    let name = name.as_deref().unwrap_or_else(|| settings.name());
    let status = Status::ready(format!("{} answers; a login was not tried", one_line(name)));
    match info.version {
        Some(version) => status.version(one_line(&version)),
        None => status,
    }
}

/// What the agent says of itself, or why it does not.
fn hello(settings: &Settings) -> Result<About, Status> {
    let Some(command) = settings.agent() else {
        return Err(Status::broken(NO_COMMAND).fix(SET_COMMAND));
    };
    let params = json!({
        "protocolVersion": PROTOCOL,
        "clientCapabilities": {"auth": {"terminal": true}},
        "clientInfo": {"name": "hostler", "version": env!("CARGO_PKG_VERSION")},
    });
    let hello = serde_json::to_string(&Outgoing::request(1, "initialize", params));
    let hello = hello.map_err(|error| Status::broken(error.to_string()))?;
    let name = settings.name();
    let output = match command.talk(&format!("{hello}\n"), 1, HELLO_TIMEOUT) {
        Ok(output) => output,
        Err(Error::NotFound(why)) => return Err(Status::missing(why)),
        Err(error) => return Err(Status::broken(error.to_string())),
    };
    let answer = output.stdout.lines().find_map(|line| match parse(line)? {
        Incoming::Response { outcome, .. } => Some(outcome),
        _ => None,
    });
    let silent = || {
        let words = match first_line(&output.stderr) {
            words if words.is_empty() => first_line(&output.stdout),
            words => words,
        };
        let exit = output.exit;
        Failure::internal(format!(
            "{name} did not answer as an ACP agent ({exit}): {words}"
        ))
    };
    answer
        .unwrap_or_else(|| Err(silent()))
        .and_then(|result| About::read(name, result))
        .map_err(|failure| Status::broken(failure.message))
}

fn by_command(settings: &Settings) -> Status {
    let line = settings.probe().join(" ");
    let Some(command) = command_line(settings.probe()) else {
        return Status::broken(NO_COMMAND);
    };
    match command.run(PROBE_TIMEOUT) {
        Ok(output) if output.exit.success() => {
            let version = first_line(&output.stdout);
            let status = Status::ready(format!("{line} answers"));
            if version.is_empty() {
                status
            } else {
                status.version(version)
            }
        }
        Ok(output) => Status::broken(format!(
            "{line} failed ({}): {}",
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
