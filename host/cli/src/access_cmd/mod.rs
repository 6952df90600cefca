//! `hostler token`, `hostler pair`, `hostler audit`: who may come in, and what
//! they did. All of it is asked of the host that runs.

pub(crate) mod audit;
pub(crate) mod pair;
pub(crate) mod token;

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    args::StateDir,
    client::{dial::Target, text::one_line},
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
};

/// A token as the host tells it; see its REST interface.
#[derive(Debug, Deserialize)]
struct TokenView {
    id: String,
    principal: String,
    scopes: Vec<String>,
    label: String,
    created: String,
    expires: Option<String>,
    revoked: Option<String>,
    used: Option<String>,
    /// Only when it was just made.
    token: Option<String>,
}

/// The host that runs, with the admin token.
fn host(state: &StateDir) -> Result<Target, Failure> {
    let bases = Bases::from_env();
    let storage = bases.storage(state.path.as_deref()).or_exit(Exit::Usage)?;
    let config_dir = bases.config_dir().or_exit(Exit::Usage)?;
    Target::local_admin(&storage.state, &config_dir)
}

/// Longest time that is not one, in characters.
const TIME: usize = 40;

/// Of a time as the host tells it: in this machine's zone would need a data base
/// of zones, so it is UTC, to the minute.
pub(crate) fn short(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => one_line(time, TIME),
    }
}
