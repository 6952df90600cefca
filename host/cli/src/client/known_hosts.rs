//! The hosts that this machine was paired with: `connections.json` beside the
//! config, for its user alone.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result};
use hostler_auth::{Fingerprint, Token};
use serde::{Deserialize, Serialize};

use super::own_file;

const FILE: &str = "connections.json";

/// By the base of their address.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts(BTreeMap<String, KnownHost>);

/// What a pairing brought.
#[derive(Debug, Clone)]
pub(crate) struct KnownHost {
    pub(crate) token: Token,
    pub(crate) certificate: Option<Fingerprint>,
}

/// As it stands in the file. Members that a newer version adds are lost when this
/// one writes.
#[derive(Serialize, Deserialize)]
struct Stored {
    token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl KnownHosts {
    /// Those of a folder; none if there is no file.
    pub(crate) fn load(config_dir: &Path) -> Result<Self> {
        let path = config_dir.join(FILE);
        let Some(text) = own_file::read(&path)? else {
            return Ok(Self::default());
        };
        let damaged = || format!("{} is damaged; delete it, and pair again", path.display());
        let stored: BTreeMap<String, Stored> = serde_json::from_str(&text).with_context(damaged)?;
        let mut known = BTreeMap::new();
        for (base, stored) in stored {
            let certificate = stored.certificate.as_deref().map(str::parse).transpose();
            let host = KnownHost {
                token: Token::parse(&stored.token).with_context(damaged)?,
                certificate: certificate.with_context(damaged)?,
            };
            known.insert(base, host);
        }
        Ok(Self(known))
    }

    pub(crate) fn get(&self, base: &str) -> Option<&KnownHost> {
        self.0.get(base)
    }

    /// In place of what is known of that host.
    pub(crate) fn insert(&mut self, base: String, host: KnownHost) {
        self.0.insert(base, host);
    }

    /// Writes the file, whole or not at all, for its user alone.
    pub(crate) fn save(&self, config_dir: &Path) -> Result<()> {
        let stored: BTreeMap<_, _> = self
            .0
            .iter()
            .map(|(base, host)| {
                let stored = Stored {
                    token: host.token.expose().to_owned(),
                    certificate: host.certificate.map(|print| print.to_string()),
                };
                (base, stored)
            })
            .collect();
        let mut text = serde_json::to_vec_pretty(&stored).context("the hosts as JSON")?;
        text.push(b'\n');
        own_file::write(config_dir, FILE, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn host() -> KnownHost {
        KnownHost {
            token: Token::random().unwrap(),
            certificate: Some(Fingerprint::of(b"x")),
        }
    }

    #[test]
    fn what_a_pairing_brought_is_found_again_and_is_the_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("a/hostler");
        let mut known = KnownHosts::load(&config).unwrap();
        let (first, other) = (host(), host());
        known.insert("https://a".into(), host());
        known.insert("https://a".into(), first.clone());
        known.save(&config).unwrap();
        let mut known = KnownHosts::load(&config).unwrap();
        let plain = KnownHost {
            certificate: None,
            ..other
        };
        known.insert("https://b".into(), plain);
        known.save(&config).unwrap();
        let known = KnownHosts::load(&config).unwrap();
        let found = known.get("https://a").unwrap();
        assert_eq!(found.token.expose(), first.token.expose());
        assert_eq!(found.certificate, first.certificate);
        assert!(known.get("https://b").unwrap().certificate.is_none());
        assert!(known.get("https://c").is_none());
        let meta = fs::metadata(config.join(FILE)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&config).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for text in ["{", r#"{"https://a":{"token":"short"}}"#] {
            fs::write(&path, text).unwrap();
            let error = format!("{:#}", KnownHosts::load(folder.path()).unwrap_err());
            assert!(error.contains("connections.json is damaged"), "{error}");
            assert!(!error.contains("\"short\""), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
