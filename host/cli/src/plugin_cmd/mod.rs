//! `hostler plugin …`: the plugins as a host would load them, without one.

pub(crate) mod inspect;
pub(crate) mod list;

use hostler_runtime::{Ended, LoadError, Plugin, Runtime, Status, World};

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
    /// A harness whose agent was looked for.
    Probed(Plugin, Status),
    /// A plugin of another world, which has no agent: it says what it is.
    Described(Plugin),
    /// It loads, and its first call broke: why.
    Failed(Plugin, String),
    Unusable(LoadError),
}

pub(crate) async fn look(runtime: &Runtime, entry: &PluginEntry) -> Found {
    let plugin = match runtime.load(entry.spec.clone()).await {
        Ok(plugin) => plugin,
        Err(error) => return Found::Unusable(error),
    };
    let failed = |plugin, ended: Ended| Found::Failed(plugin, ended.to_string());
    match &plugin {
        Plugin::Harness(harness) => match harness.probe().await {
            Ok(status) => Found::Probed(plugin, status),
            Err(ended) => failed(plugin, ended),
        },
        Plugin::Provider(_) | Plugin::Policy(_) => match plugin.describe().await.map(drop) {
            Ok(()) => Found::Described(plugin),
            Err(ended) => failed(plugin, ended),
        },
    }
}

impl Found {
    /// What was loaded, if it was.
    pub(crate) fn plugin(&self) -> Option<&Plugin> {
        match self {
            Self::Probed(plugin, _) | Self::Described(plugin) | Self::Failed(plugin, _) => {
                Some(plugin)
            }
            Self::Unusable(_) => None,
        }
    }

    /// What kind of plugin it is, if it could be loaded.
    pub(crate) fn world(&self) -> Option<World> {
        self.plugin().map(Plugin::world)
    }

    /// One of a fixed set of words, for tables and programs.
    pub(crate) fn state(&self) -> &'static str {
        match self {
            Self::Probed(_, status) => status.readiness.word(),
            Self::Described(_) => "ready",
            Self::Failed(..) => "broken",
            Self::Unusable(_) => "unusable",
        }
    }

    /// The agent's version.
    pub(crate) fn version(&self) -> Option<&str> {
        match self {
            Self::Probed(_, status) => status.version.as_deref(),
            Self::Described(_) | Self::Failed(..) | Self::Unusable(_) => None,
        }
    }

    /// One sentence.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Probed(_, status) => status.detail.clone(),
            Self::Described(plugin) => format!("it loads, as a {}", plugin.world()),
            Self::Failed(_, why) => why.clone(),
            Self::Unusable(error) => error.to_string(),
        }
    }

    /// The command that mends it.
    pub(crate) fn fix(&self) -> Option<&str> {
        match self {
            Self::Probed(_, status) => status.fix.as_deref(),
            Self::Described(_) | Self::Failed(..) | Self::Unusable(_) => None,
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
