//! Which host is meant by a command line, and the way to it.

use std::{env, fs, path::PathBuf};

use anyhow::Context as _;

use super::{
    connection::Connection,
    dial::Target,
    known_hosts::KnownHosts,
    profiles::{self, Profiles},
};
use crate::{
    args::HostArgs,
    exit::{Exit, Failure, OrExit as _},
    link::dial::{Dial, Reach},
    paths::Bases,
};

/// The variable that a token for another machine can stand in.
pub(crate) const TOKEN: &str = "HOSTLER_TOKEN";

/// The host of a state directory of this machine, or one at an address.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Where it listens, and its token, are looked up for each connection: one
    /// that was started again has others.
    Local(PathBuf),
    Remote(Target),
}

impl Place {
    pub(crate) fn of(args: &HostArgs) -> Result<Self, Failure> {
        let bases = Bases::from_env();
        let Some(url) = &args.url else {
            // A state directory that is named is one of this machine.
            if !args.local
                && args.state.path.is_none()
                && let Some(target) = connected(&bases)?
            {
                return Ok(Self::Remote(target));
            }
            let storage = bases
                .storage(args.state.path.as_deref())
                .or_exit(Exit::Usage)?;
            return Ok(Self::Local(storage.state));
        };
        let token = match &args.token_file {
            Some(file) => Some(
                fs::read_to_string(file)
                    .with_context(|| format!("cannot read the token in {}", file.display()))
                    .or_exit(Exit::Usage)?,
            ),
            None => env::var(TOKEN).ok(),
        };
        // One that has a token needs no home.
        let known = match bases.config_dir() {
            Ok(config_dir) => KnownHosts::load(&config_dir)?,
            Err(_) => KnownHosts::default(),
        };
        let token = token.as_deref().map(str::trim);
        Target::parse(url, token, &known).map(Self::Remote)
    }

    /// Where it is now, and the token for it.
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        match self {
            Self::Local(state) => Target::local(state),
            Self::Remote(target) => Ok(target.clone()),
        }
    }

    /// A connection to it. `harness` chooses the plugin of the sessions made
    /// here.
    pub(crate) async fn dial(&self, harness: Option<&str>) -> Result<Connection, Failure> {
        match self {
            Self::Local(state) => Connection::open(state, harness).await,
            Self::Remote(target) => Connection::to(target, harness).await,
        }
    }
}

/// The host of the profile that this shell means.
fn connected(bases: &Bases) -> Result<Option<Target>, Failure> {
    // Without a home there are no profiles.
    let Ok(config_dir) = bases.config_dir() else {
        return Ok(None);
    };
    let profiles = Profiles::load(&config_dir)?;
    match profiles.find(profiles::wished().as_deref())? {
        Some((name, profile)) => profile.target(name, &config_dir).map(Some),
        None => Ok(None),
    }
}

impl Dial for Place {
    async fn dial(&self) -> Result<Connection, Failure> {
        Self::dial(self, None).await
    }

    fn reach(&self) -> Reach {
        match self {
            Self::Local(_) => Reach::Machine,
            Self::Remote(_) => Reach::Network,
        }
    }
}
