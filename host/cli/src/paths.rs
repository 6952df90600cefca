//! Where things are, by the XDG base directories.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// The user's base directories; `None` where there is no home either.
#[derive(Debug, Clone)]
pub(crate) struct Bases {
    pub(crate) home: Option<PathBuf>,
    config: Option<PathBuf>,
    state: Option<PathBuf>,
    cache: Option<PathBuf>,
}

/// The folders of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Storage {
    pub(crate) state: PathBuf,
    /// Compiled plugins.
    pub(crate) cache: PathBuf,
}

impl Storage {
    /// The key that vouches for compiled plugins.
    pub(crate) fn cache_key(&self) -> PathBuf {
        self.state.join("cache-key")
    }
}

impl Bases {
    /// As the environment says.
    pub(crate) fn from_env() -> Self {
        Self::new(env::home_dir(), |name| env::var_os(name))
    }

    fn new(home: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let home = home.filter(|home| home.is_absolute());
        let base = |name: &str, below_home: &str| {
            // The specification: a relative path is to be ignored.
            let set = variable(name).map(PathBuf::from);
            set.filter(|path| path.is_absolute())
                .or_else(|| Some(home.as_ref()?.join(below_home)))
                .map(|base| base.join("hostler"))
        };
        Self {
            config: base("XDG_CONFIG_HOME", ".config"),
            state: base("XDG_STATE_HOME", ".local/state"),
            cache: base("XDG_CACHE_HOME", ".cache"),
            home,
        }
    }

    /// Where the config, the admin token and what pairings brought lie.
    pub(crate) fn config_dir(&self) -> Result<PathBuf> {
        let dir = self.config.clone();
        dir.context("there is no home directory: set HOME, or XDG_CONFIG_HOME")
    }

    /// The config file that is read if it exists.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        Some(self.config.as_ref()?.join("hostler.toml"))
    }

    /// `given` is `--state-dir`. A host with a state directory of its own keeps
    /// its cache there too: the cache's key is in the state directory, and two
    /// hosts with different keys would only spoil each other's entries.
    pub(crate) fn storage(&self, given: Option<&Path>) -> Result<Storage> {
        const HINT: &str = "there is no home directory: set HOME, or use --state-dir";
        if let Some(given) = given {
            let state = std::path::absolute(given)
                .with_context(|| format!("the state directory {}", given.display()))?;
            let cache = state.join("cache");
            return Ok(Storage { state, cache });
        }
        Ok(Storage {
            state: self.state.clone().context(HINT)?,
            cache: self.cache.clone().context(HINT)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(home: Option<&str>, set: &[(&str, &str)]) -> Bases {
        Bases::new(home.map(PathBuf::from), |name| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn without_variables_everything_is_below_home() {
        let bases = bases(Some("/home/u"), &[]);
        let config = bases.config_file().unwrap();
        assert_eq!(config, Path::new("/home/u/.config/hostler/hostler.toml"));
        let storage = bases.storage(None).unwrap();
        assert_eq!(storage.state, Path::new("/home/u/.local/state/hostler"));
        assert_eq!(storage.cache, Path::new("/home/u/.cache/hostler"));
    }

    #[test]
    fn an_xdg_variable_counts_if_it_is_absolute() {
        let set = [("XDG_STATE_HOME", "/s"), ("XDG_CACHE_HOME", "relative")];
        let storage = bases(Some("/home/u"), &set).storage(None).unwrap();
        assert_eq!(storage.state, Path::new("/s/hostler"));
        assert_eq!(storage.cache, Path::new("/home/u/.cache/hostler"));
    }

    #[test]
    fn a_state_directory_of_its_own_holds_the_cache_too() {
        let storage = bases(None, &[]).storage(Some(Path::new("/d"))).unwrap();
        assert_eq!(storage.state, Path::new("/d"));
        assert_eq!(storage.cache, Path::new("/d/cache"));
        assert_eq!(storage.cache_key(), Path::new("/d/cache-key"));
    }

    #[test]
    fn without_a_home_the_message_says_what_to_set() {
        let error = bases(None, &[]).storage(None).unwrap_err().to_string();
        assert!(
            error.contains("HOME") && error.contains("--state-dir"),
            "{error}"
        );
        assert_eq!(bases(None, &[]).config_file(), None);
    }
}
