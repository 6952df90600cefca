//! `hostler plugin …`: the plugins as a host would load them, without one.

pub(crate) mod inspect;
pub(crate) mod list;

use hostler_runtime::{LoadError, Plugin, Readiness, Runtime, Status};

use crate::{
    args::PluginSource,
    bundle::BUNDLE,
    config::{Config, PluginEntry},
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
    serve, vault,
};

/// The config and the runtime that a host would have.
fn prepare(source: &PluginSource) -> Result<(Config, Runtime), Failure> {
    let bases = Bases::from_env();
    let storage = bases
        .storage(source.state.path.as_deref())
        .or_exit(Exit::Usage)?;
    let config =
        Config::load(source.config.file.as_deref(), &bases, BUNDLE).or_exit(Exit::Usage)?;
    let vault = vault::without_host(&storage.state, &bases, config.secrets.clone())?;
    let runtime = serve::runtime(&storage, serve::helper(None)?, vault)?;
    Ok((config, runtime))
}

/// What came of one plugin.
#[derive(Debug)]
pub(crate) enum Found {
    Probed(Plugin, Status),
    /// It loads, and its probe broke: why.
    Unprobed(Plugin, String),
    Unusable(LoadError),
}

pub(crate) async fn look(runtime: &Runtime, entry: &PluginEntry) -> Found {
    let plugin = match runtime.load(entry.spec.clone()).await {
        Ok(plugin) => plugin,
        Err(error) => return Found::Unusable(error),
    };
    match plugin.probe().await {
        Ok(status) => Found::Probed(plugin, status),
        Err(ended) => Found::Unprobed(plugin, ended.to_string()),
    }
}

impl Found {
    /// One of a fixed set of words, for tables and programs.
    pub(crate) fn state(&self) -> &'static str {
        match self {
            Self::Probed(_, status) => match status.readiness {
                Readiness::Ready => "ready",
                Readiness::Missing => "missing",
                Readiness::NotLoggedIn => "not-logged-in",
                Readiness::Broken => "broken",
            },
            Self::Unprobed(..) => "broken",
            Self::Unusable(_) => "unusable",
        }
    }

    /// The agent's version.
    pub(crate) fn version(&self) -> Option<&str> {
        match self {
            Self::Probed(_, status) => status.version.as_deref(),
            Self::Unprobed(..) | Self::Unusable(_) => None,
        }
    }

    /// One sentence.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Probed(_, status) => status.detail.clone(),
            Self::Unprobed(_, why) => why.clone(),
            Self::Unusable(error) => error.to_string(),
        }
    }

    /// The command that mends it.
    pub(crate) fn fix(&self) -> Option<&str> {
        match self {
            Self::Probed(_, status) => status.fix.as_deref(),
            Self::Unprobed(..) | Self::Unusable(_) => None,
        }
    }
}

/// Prints what a command found; nobody reading it is no error.
pub(crate) fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end());
    let _ = out.flush();
}
