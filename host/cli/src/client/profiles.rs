//! The hosts that `hostler connect` has made the ones that commands mean:
//! `profiles.json` beside the config. No secret stands in it: a token stays in
//! its variable, with its pairing, or in a file of its own (0600) in `tokens`.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use hostler_auth::Token;
use serde::{Deserialize, Serialize};

use super::{address::Address, dial::Target, known_hosts::KnownHosts, own_file, place::TOKEN};
use crate::exit::{Exit, Failure, OrExit as _};

const FILE: &str = "profiles.json";
const LOCK: &str = "profiles.lock";
const TOKENS: &str = "tokens";

/// Which profile a shell means, if not the last that was connected.
pub(crate) const VARIABLE: &str = "HOSTLER_PROFILE";

/// Characters of a name: it is a file's name too.
const MAX_NAME: usize = 64;

/// All of them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Profiles {
    /// The one that commands mean; members that a newer version adds are lost
    /// when this one writes.
    #[serde(default)]
    current: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// One host, and who the caller is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// Without path and fragment.
    pub(crate) url: String,
    /// The certificate that it must have (SHA-256), if the address said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
    pub(crate) token: TokenFrom,
}

/// Where the token of a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TokenFrom {
    /// In a file of its own.
    File,
    /// In the variable [`TOKEN`].
    Variable,
    /// Where the pairing put it.
    Pairing,
}

impl Profile {
    /// The way to the host, with its token from where it is.
    pub(crate) fn target(&self, name: &str, config_dir: &Path) -> Result<Target, Failure> {
        let token = match self.token {
            TokenFrom::File => {
                let path = token_file(config_dir, name);
                let token = own_file::read(&path).or_exit(Exit::Usage)?;
                let again = format!(
                    "the token of profile {name} is gone ({}): connect again, with --token-file",
                    path.display()
                );
                Some(token.ok_or_else(|| Failure::new(Exit::Usage, again))?)
            }
            TokenFrom::Variable => Some(env::var(TOKEN).map_err(|_| {
                let message = format!(
                    "profile {name} takes its token from the variable {TOKEN}, which is not set in \
                     this shell"
                );
                Failure::new(Exit::Usage, message)
            })?),
            TokenFrom::Pairing => None,
        };
        let known = KnownHosts::load(config_dir)?;
        let mut url = self.url.clone();
        if let Some(certificate) = &self.certificate {
            url.push_str("#cert=");
            url.push_str(certificate);
        }
        let token = token.as_deref().map(str::trim);
        let mut target = Target::parse(&url, token, &known)?;
        target.name = format!("{} (profile {name})", target.name);
        Ok(target)
    }
}

impl Profiles {
    pub(crate) fn load(config_dir: &Path) -> Result<Self> {
        let path = config_dir.join(FILE);
        let Some(text) = own_file::read(&path)? else {
            return Ok(Self::default());
        };
        serde_json::from_str(&text).with_context(|| {
            format!(
                "{} is damaged; delete it, and connect again",
                path.display()
            )
        })
    }

    /// Changes the file; of two that change it at the same time both count.
    pub(crate) fn change<T>(config_dir: &Path, how: impl FnOnce(&mut Self) -> T) -> Result<T> {
        let _lock = own_file::lock(config_dir, LOCK)?;
        let mut profiles = Self::load(config_dir)?;
        let outcome = how(&mut profiles);
        let mut text = serde_json::to_vec_pretty(&profiles).context("the profiles as JSON")?;
        text.push(b'\n');
        own_file::write(config_dir, FILE, &text)?;
        Ok(outcome)
    }

    /// The profile of this name, or the one that commands mean.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Option<(&str, &Profile)>, Failure> {
        let Some(name) = name.or(self.current.as_deref()) else {
            return Ok(None);
        };
        match self.profiles.get_key_value(name) {
            Some((name, profile)) => Ok(Some((name, profile))),
            None => {
                let known: Vec<_> = self.profiles.keys().map(String::as_str).collect();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let message = format!("there is no profile {name:?}; there are: {known}");
                Err(Failure::new(Exit::Usage, message))
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// Makes it the one that commands mean.
    pub(crate) fn insert(&mut self, name: String, profile: Profile) {
        self.current = Some(name.clone());
        self.profiles.insert(name, profile);
    }

    /// Forgets one. If it was the one that commands mean, they mean this
    /// machine again: another host must be chosen, not come upon.
    pub(crate) fn remove(&mut self, name: &str) {
        self.profiles.remove(name);
        if self.current.as_deref() == Some(name) {
            self.current = None;
        }
    }
}

/// The profile that this shell asks for.
pub(crate) fn wished() -> Option<String> {
    env::var(VARIABLE).ok().filter(|name| !name.is_empty())
}

/// The name of a profile that nobody named.
pub(crate) fn name_of(url: &Address) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = url.authority().replace(|c| !fits(c), "-");
    let name = name.trim_matches(['-', '.']);
    name.chars().take(MAX_NAME).collect()
}

/// Whether a person may call a profile so.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.') {
        return Ok(());
    }
    let message = format!(
        "{name:?} is no name of a profile: it has 1 to {MAX_NAME} letters, digits, `-`, `_` and \
         `.`, and begins with no dot"
    );
    Err(Failure::new(Exit::Usage, message))
}

/// Keeps the token of a profile in a file of its own.
pub(crate) fn keep_token(config_dir: &Path, name: &str, token: &Token) -> Result<()> {
    let line = format!("{}\n", token.expose());
    own_file::write(&config_dir.join(TOKENS), name, line.as_bytes())
}

/// Where the token of a profile is, if it has a file of its own.
pub(crate) fn token_file(config_dir: &Path, name: &str) -> PathBuf {
    config_dir.join(TOKENS).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(url: &str) -> Profile {
        Profile {
            url: url.into(),
            certificate: None,
            token: TokenFrom::File,
        }
    }

    #[test]
    fn the_last_that_was_connected_is_meant_and_forgotten_without_another_taking_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        assert!(Profiles::load(dir).unwrap().find(None).unwrap().is_none());
        for name in ["a", "b"] {
            let insert = |all: &mut Profiles| all.insert(name.into(), profile("https://h"));
            Profiles::change(dir, insert).unwrap();
        }
        let all = Profiles::load(dir).unwrap();
        assert_eq!(all.find(None).unwrap().unwrap().0, "b");
        assert_eq!(all.find(Some("a")).unwrap().unwrap().0, "a");
        let failure = all.find(Some("c")).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.error.to_string().ends_with("there are: a, b"));
        Profiles::change(dir, |all| all.remove("b")).unwrap();
        let all = Profiles::load(dir).unwrap();
        assert!(all.find(None).unwrap().is_none());
        assert!(all.get("a").is_some());
    }

    #[test]
    fn the_token_stands_in_a_file_of_its_own_and_not_in_the_profile() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let token = Token::random().unwrap();
        keep_token(dir, "a", &token).unwrap();
        let one = profile("http://127.0.0.1:1");
        Profiles::change(dir, |all| all.insert("a".into(), one.clone())).unwrap();
        let text = std::fs::read_to_string(dir.join(FILE)).unwrap();
        assert!(!text.contains(token.expose()), "{text}");
        let target = one.target("a", dir).unwrap();
        assert_eq!(target.token.expose(), token.expose());
        own_file::remove(&token_file(dir, "a")).unwrap();
        let failure = one.target("a", dir).unwrap_err();
        assert!(failure.error.to_string().contains("connect again"));
    }

    #[test]
    fn a_name_is_fit_for_a_file() {
        for (url, name) in [
            ("https://Box.example.com:7117", "box.example.com-7117"),
            ("http://[::1]:80", "1"),
            ("https://h", "h"),
        ] {
            let found = name_of(&Address::parse(url).unwrap());
            assert_eq!(found, name);
            check_name(&found).unwrap();
        }
        for bad in ["", "..", ".x", "a/b", "a b", &"x".repeat(65)] {
            assert_eq!(check_name(bad).unwrap_err().exit, Exit::Usage, "{bad}");
        }
    }
}
