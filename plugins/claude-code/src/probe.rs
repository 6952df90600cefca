//! Is Claude Code there, and does somebody pay for it?

use std::time::Duration;

use hostler_sdk::{
    Error, Readiness, Result, Status,
    process::{Command, Output},
};
use serde::Deserialize;

use crate::{outcome::LOG_IN, start::INSTALL};

/// How long each of the two questions may take. They usually take 0.01 s and
/// 0.3 s.
const LIMIT: Duration = Duration::from_secs(10);

/// Says what `program` is good for. A login is looked for, not tried out.
///
/// # Errors
/// `Denied` when the operator does not let the plugin run it.
pub(crate) fn probe(program: &str) -> Result<Status> {
    let version = match Command::new(program).arg("--version").run(LIMIT) {
        Ok(output) => version(&output),
        Err(error @ Error::Denied(_)) => return Err(error),
        Err(Error::Limit(limit)) => return Ok(broken(None, format!("{program}: {limit}"))),
        Err(error) => {
            return Ok(Status {
                readiness: Readiness::Missing,
                version: None,
                detail: format!("{program} could not be run: {error}"),
                fix: Some(INSTALL.into()),
            });
        }
    };
    let version = match version {
        Ok(version) => version,
        Err(said) => {
            return Ok(broken(
                None,
                format!("`{program} --version` failed: {said}"),
            ));
        }
    };
    let login = Command::new(program)
        .args(["auth", "status", "--json"])
        .run(LIMIT);
    Ok(match login.map(|output| login_of(&output)) {
        Ok(Ok(login)) => status(program, version, &login),
        Ok(Err(said)) => broken(
            Some(version),
            format!("`{program} auth status --json` said: {said}"),
        ),
        Err(error) => broken(Some(version), format!("`{program} auth status`: {error}")),
    })
}

/// What `auth status --json` prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    logged_in: bool,
    auth_method: Option<String>,
}

fn status(program: &str, version: String, login: &Login) -> Status {
    if login.logged_in {
        let method = login.auth_method.as_deref().unwrap_or("unknown");
        return Status {
            readiness: Readiness::Ready,
            detail: format!("Claude Code {version}, logged in ({method})"),
            version: Some(version),
            fix: None,
        };
    }
    Status {
        readiness: Readiness::NotLoggedIn,
        detail: format!("Claude Code {version} is not logged in: {LOG_IN}"),
        version: Some(version),
        fix: Some(format!("{program} auth login")),
    }
}

fn broken(version: Option<String>, detail: String) -> Status {
    Status {
        readiness: Readiness::Broken,
        version,
        detail,
        fix: Some(INSTALL.into()),
    }
}

/// The first word of `2.1.328 (Claude Code)`.
fn version(output: &Output) -> Result<String, String> {
    let version = output.stdout.split_whitespace().next();
    match version.filter(|_| output.exit.success()) {
        Some(version) => Ok(version.to_owned()),
        None => Err(said(output)),
    }
}

/// Exit code 1 means that nobody is logged in: what was printed says more.
fn login_of(output: &Output) -> Result<Login, String> {
    serde_json::from_str(&output.stdout).map_err(|_| said(output))
}

fn said(output: &Output) -> String {
    let words = [&output.stderr, &output.stdout].map(|text| text.trim());
    match words.into_iter().find(|text| !text.is_empty()) {
        Some(words) => format!("{words} ({})", output.exit),
        None => output.exit.to_string(),
    }
}
