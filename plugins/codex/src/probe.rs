//! Is Codex there, and does somebody pay for it?

use std::time::Duration;

use hostler_sdk::{
    Error, Readiness, Result, Status,
    process::{Command, Output},
};

use crate::{outcome::LOG_IN, start::INSTALL};

/// How long each of the two questions may take. They usually take some 0.02 s,
/// and a start of Node.js.
const LIMIT: Duration = Duration::from_secs(10);

/// Says what `program` is good for. A login is looked for, not tried out.
///
/// # Errors
/// `Denied` when the operator does not let the plugin run it.
pub(crate) fn probe(program: &str) -> Result<Status> {
    let output = match Command::new(program).arg("--version").run(LIMIT) {
        Ok(output) => output,
        Err(error @ Error::Denied(_)) => return Err(error),
        Err(Error::Limit(limit)) => return Ok(broken(None, format!("{program}: {limit}"))),
        Err(error) => {
            let missing = Status::missing(format!("{program} could not be run: {error}"));
            return Ok(missing.fix(INSTALL));
        }
    };
    let Some(version) = version(&output) else {
        let said = said(&output);
        return Ok(broken(
            None,
            format!("`{program} --version` failed: {said}"),
        ));
    };
    let login = Command::new(program).args(["login", "status"]).run(LIMIT);
    Ok(match login {
        Ok(output) => login_of(program, version, &output),
        Err(error) => broken(Some(version), format!("`{program} login status`: {error}")),
    })
}

/// Exit code 0 is a login, 1 is none or a broken configuration: the words, on
/// standard error, tell which.
fn login_of(program: &str, version: String, output: &Output) -> Status {
    let words = last_words(output);
    if output.exit.success() {
        let detail = format!("Codex {version}: {words}");
        return Status::ready(detail).version(version);
    }
    if !words.contains("Not logged in") {
        let said = said(output);
        return broken(
            Some(version),
            format!("`{program} login status` said: {said}"),
        );
    }
    Status {
        readiness: Readiness::NotLoggedIn,
        detail: format!(
            "Codex {version} has no login of OpenAI: {LOG_IN}. \
             Another provider in Codex's config.toml needs none"
        ),
        version: Some(version),
        fix: Some(format!("{program} login")),
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

/// The last word of `codex-cli 0.169.0`.
fn version(output: &Output) -> Option<String> {
    let version = output.stdout.split_whitespace().last();
    version
        .filter(|_| output.exit.success())
        .map(ToOwned::to_owned)
}

/// The last line: warnings come before it.
fn last_words(output: &Output) -> String {
    let texts = [&output.stderr, &output.stdout];
    let mut lines = texts
        .into_iter()
        .filter_map(|text| text.trim().lines().last());
    lines.next().unwrap_or_default().to_owned()
}

fn said(output: &Output) -> String {
    match last_words(output) {
        words if words.is_empty() => output.exit.to_string(),
        words => format!("{words} ({})", output.exit),
    }
}
