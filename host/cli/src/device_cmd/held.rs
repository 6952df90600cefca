//! The leases that this user's commands hold, between one command and the next:
//! a file for each (0600), because a lease's id is the right to its device.
//!
//! A lease is found again by the host, by the token, and by the name of the
//! session. So commands with another token or another name never use it, and
//! shells with the same of all three share it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use hostler_auth::Token;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::client::own_file;

/// Where the files are, in the state directory of the user.
const FOLDER: &str = "held";

/// Bytes of a hash that tell one thing from another: 2^64 of them would have to
/// meet.
const HASH_BYTES: usize = 16;

/// One lease.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// Where.
    pub(crate) host: String,
    /// A hash of the token: who.
    who: String,
    /// The name of the session.
    pub(crate) session: String,
    /// Its id.
    pub(crate) lease: String,
    /// The key of its device.
    pub(crate) device: String,
    /// It is a reader's.
    #[serde(default)]
    pub(crate) reader: bool,
}

/// The leases of one token at one host.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    folder: PathBuf,
    host: String,
    who: String,
}

impl Memory {
    /// `host` is the same as long as it is the same host.
    pub(crate) fn new(state: &Path, host: String, token: &Token) -> Self {
        Self {
            folder: state.join(FOLDER),
            host,
            who: hash(&[token.expose()]),
        }
    }

    /// The lease of a session.
    pub(crate) fn get(&self, session: &str) -> Result<Option<Held>> {
        read(&self.folder.join(self.file(session)))
    }

    pub(crate) fn put(&self, session: &str, lease: &str, device: &str, reader: bool) -> Result<()> {
        let held = Held {
            host: self.host.clone(),
            who: self.who.clone(),
            session: session.to_owned(),
            lease: lease.to_owned(),
            device: device.to_owned(),
            reader,
        };
        let text = serde_json::to_vec(&held).context("a lease as JSON")?;
        own_file::write(&self.folder, &self.file(session), &text)
    }

    /// Forgets a lease of a session, unless it has another one by now.
    pub(crate) fn forget(&self, session: &str, lease: &str) -> Result<()> {
        let path = self.folder.join(self.file(session));
        match read(&path)? {
            Some(held) if held.lease == lease => own_file::remove(&path),
            _ => Ok(()),
        }
    }

    /// All of this token at this host.
    pub(crate) fn all(&self) -> Result<Vec<Held>> {
        let mut all = Vec::new();
        if !self.folder.is_dir() {
            return Ok(all);
        }
        let failed = || format!("cannot read {}", self.folder.display());
        for entry in fs::read_dir(&self.folder).with_context(failed)? {
            let path = entry.with_context(failed)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            if let Some(held) = read(&path)?
                && held.host == self.host
                && held.who == self.who
            {
                all.push(held);
            }
        }
        all.sort_by(|one, other| one.session.cmp(&other.session));
        Ok(all)
    }

    /// The right to open a device for a session, unless another command is just
    /// doing so.
    pub(crate) fn opening(&self, session: &str) -> Result<Option<File>> {
        let name = format!("{}.lock", self.file(session));
        own_file::try_lock(&self.folder, &name)
    }

    fn file(&self, session: &str) -> String {
        format!("{}.json", hash(&[&self.host, &self.who, session]))
    }
}

/// One that cannot be read was written by a version that is not this one.
fn read(path: &Path) -> Result<Option<Held>> {
    let Some(text) = own_file::read(path)? else {
        return Ok(None);
    };
    serde_json::from_str(&text).map(Some).with_context(|| {
        format!(
            "{} is damaged; delete it: the lease in it ends by itself",
            path.display()
        )
    })
}

fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let bytes = hasher.finalize();
    bytes
        .iter()
        .take(HASH_BYTES)
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// Without the lease's id.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} at {})", self.device, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn token() -> Token {
        Token::random().unwrap()
    }

    #[test]
    fn a_lease_is_remembered_for_its_host_token_and_session_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, other) = (token(), token());
        let memory = Memory::new(folder.path(), "https://h".into(), &mine);
        memory
            .put("default", "a".repeat(32).as_str(), "chromium:x", false)
            .unwrap();
        let held = memory.get("default").unwrap().unwrap();
        assert_eq!(held.lease, "a".repeat(32));
        assert!(!format!("{held:?}").contains("aaaa"));
        assert_eq!(memory.get("other").unwrap(), None);
        for memory in [
            Memory::new(folder.path(), "https://h".into(), &other),
            Memory::new(folder.path(), "https://i".into(), &mine),
        ] {
            assert_eq!(memory.get("default").unwrap(), None);
            assert_eq!(memory.all().unwrap(), []);
        }
        assert_eq!(memory.all().unwrap(), [held]);
    }

    #[test]
    fn the_file_is_the_users_alone_and_has_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let mine = token();
        let memory = Memory::new(folder.path(), "https://h".into(), &mine);
        memory.put("s", "b", "chromium:x", false).unwrap();
        let entries: Vec<_> = fs::read_dir(folder.path().join(FOLDER)).unwrap().collect();
        assert_eq!(entries.len(), 1);
        let path = entries[0].as_ref().unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!fs::read_to_string(path).unwrap().contains(mine.expose()));
    }

    #[test]
    fn a_lease_that_was_taken_meanwhile_is_not_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::new(folder.path(), "https://h".into(), &token());
        memory.put("s", "new", "chromium:x", false).unwrap();
        memory.forget("s", "old").unwrap();
        assert!(memory.get("s").unwrap().is_some());
        memory.forget("s", "new").unwrap();
        memory.forget("s", "new").unwrap();
        assert_eq!(memory.get("s").unwrap(), None);
    }

    #[test]
    fn two_commands_do_not_open_a_device_for_one_session_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::new(folder.path(), "https://h".into(), &token());
        let first = memory.opening("s").unwrap();
        assert!(first.is_some());
        assert!(memory.opening("s").unwrap().is_none());
        assert!(memory.opening("t").unwrap().is_some());
        drop(first);
        assert!(memory.opening("s").unwrap().is_some());
    }
}
