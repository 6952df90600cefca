//! The program that is started for a target.

use std::collections::BTreeSet;
use std::time::Duration;

use hostler_sdk::device::{Error, Result};
use hostler_sdk::process::Command;
use hostler_sdk::{Error as Refusal, service};

use crate::settings::Target;

/// What a driver prints when it can be used, and before the number of its port.
const READY: &str = "started successfully on port ";

/// How long a driver may take to be ready.
const START: Duration = Duration::from_secs(30);

/// How long a driver may take to say its version.
const VERSION: Duration = Duration::from_secs(5);

/// Whether there is anything that could be opened: an endpoint, or one driver
/// that is installed.
///
/// # Errors
/// There is not.
pub(crate) fn check(targets: &[Target]) -> Result<()> {
    let drivers: Option<BTreeSet<&str>> = targets.iter().map(|it| it.driver.as_deref()).collect();
    let mut missing = Ok(());
    for driver in drivers.unwrap_or_default() {
        match Command::new(driver).arg("--version").run(VERSION) {
            Err(Refusal::NotFound(why)) => missing = Err(not_installed(&why)),
            // Grants of the operator's own may not have this; `open` will tell.
            _ => return Ok(()),
        }
    }
    missing
}

/// Starts it for this target, unless it runs already; the number of its port.
pub(crate) fn start(driver: &str, target: &Target) -> Result<u16> {
    let command = Command::new(driver).arg("--port=0");
    let line = service::start(&target.name, &command, READY, START);
    let line = line.map_err(|refusal| match refusal {
        Refusal::NotFound(why) => not_installed(&why),
        other => other.into(),
    })?;
    line.split_once(READY)
        .map(|(_, rest)| rest.trim().trim_end_matches('.'))
        .and_then(|port| port.parse().ok())
        .ok_or_else(|| Error::other(format!("{driver} printed no port: {line:?}")))
}

fn not_installed(why: &str) -> Error {
    Error::other(format!(
        "{why}: install it (on Debian: apt install chromium-driver), or give the target the `url` \
         of an endpoint in place of `driver`"
    ))
}
