//! Compiled components on disk. Loading one runs it as native code, so an entry
//! counts only with a MAC under a key that this host keeps to itself; any other
//! entry is rebuilt.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wasmtime::Engine;

use crate::error::RuntimeError;

/// Bytes of the key and of a MAC.
const KEY_LEN: usize = 32;

/// A folder of entries `<digest>-<engine>.cwasm`: the MAC, then the code.
#[derive(Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_LEN],
    engine: u64,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Cache {
    pub(crate) fn open(
        folder: &Path,
        key_file: &Path,
        engine: &Engine,
    ) -> Result<Self, RuntimeError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| RuntimeError::Cache { path, source }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed(folder))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed(folder))?;
        let key = key(key_file).map_err(failed(key_file))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            folder: folder.to_owned(),
            key,
            engine: hasher.finish(),
        })
    }

    /// The compiled code of a component, if there is an entry that this host
    /// wrote.
    pub(crate) fn get(&self, digest: &str) -> Option<Vec<u8>> {
        let name = self.name(digest);
        let mut entry = fs::read(self.folder.join(&name)).ok()?;
        let (mac, code) = entry.split_at_checked(KEY_LEN)?;
        if self.mac(&name, code)?.verify_slice(mac).is_err() {
            tracing::warn!(entry = %name, "compiled plugin failed its check and is built again");
            return None;
        }
        entry.drain(..KEY_LEN);
        Some(entry)
    }

    /// Keeps compiled code. A failure costs only the next start's time.
    pub(crate) fn put(&self, digest: &str, code: &[u8]) {
        let name = self.name(digest);
        let Some(mac) = self.mac(&name, code) else {
            return;
        };
        let mac = mac.finalize().into_bytes();
        if let Err(error) = write_private(&self.folder.join(&name), &[&mac, code]) {
            tracing::warn!(entry = %name, %error, "compiled plugin could not be kept");
        }
    }

    fn name(&self, digest: &str) -> String {
        format!("{digest}-{:016x}.cwasm", self.engine)
    }

    /// Covers the name too: an entry moved to another name does not count.
    fn mac(&self, name: &str, code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(code);
        Some(mac)
    }
}

/// Reads the host's key, or makes it. A key that others could read or that is
/// cut short is replaced, which only empties the cache.
fn key(path: &Path) -> io::Result<[u8; KEY_LEN]> {
    if let (Ok(meta), Ok(bytes)) = (fs::metadata(path), fs::read(path))
        && meta.permissions().mode() & 0o077 == 0
        && let Ok(key) = bytes.try_into()
    {
        return Ok(key);
    }
    let mut key = [0; KEY_LEN];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    if let Some(parent) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)?;
    }
    write_private(path, &[&key])?;
    Ok(key)
}

/// Whole or not at all, and readable by the owner alone.
fn write_private(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(io::Error::other)?;
    let temporary = path.with_extension(format!("{:016x}.tmp", u64::from_le_bytes(suffix)));
    let written = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        for part in parts {
            file.write_all(part)?;
        }
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path) -> Cache {
        let engine = crate::engine::compiler().unwrap();
        Cache::open(&folder.join("cache"), &folder.join("key"), &engine).unwrap()
    }

    #[test]
    fn an_entry_comes_back_as_it_was_put_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        cache(folder.path()).put("d", b"code");
        assert_eq!(cache(folder.path()).get("d").unwrap(), b"code");
        assert_eq!(cache(folder.path()).get("e"), None);
    }

    #[test]
    fn a_changed_moved_or_truncated_entry_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        cache.put("d", b"code");
        let path = cache.folder.join(cache.name("d"));
        let good = fs::read(&path).unwrap();

        fs::write(cache.folder.join(cache.name("moved")), &good).unwrap();
        assert_eq!(cache.get("moved"), None);
        for len in 0..good.len() {
            fs::write(&path, &good[..len]).unwrap();
            assert_eq!(cache.get("d"), None, "{len} bytes");
        }
        let mut bad = good;
        *bad.last_mut().unwrap() ^= 1;
        fs::write(&path, bad).unwrap();
        assert_eq!(cache.get("d"), None);
    }

    #[test]
    fn an_entry_under_another_key_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        cache(folder.path()).put("d", b"code");
        fs::remove_file(folder.path().join("key")).unwrap();
        assert_eq!(cache(folder.path()).get("d"), None);
    }

    #[test]
    fn folder_key_and_entries_are_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        cache.put("d", b"code");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache.folder), 0o700);
        assert_eq!(mode(&folder.path().join("key")), 0o600);
        assert_eq!(mode(&cache.folder.join(cache.name("d"))), 0o600);
    }

    #[test]
    fn a_key_that_others_can_read_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let first = key(&path).unwrap();
        assert_eq!(key(&path).unwrap(), first);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(key(&path).unwrap(), first);
    }
}
