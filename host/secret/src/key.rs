use std::{
    fmt,
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};
use zeroize::Zeroizing;

use crate::{SecretError, SecretName, SecretValue};

/// The name of the key's file. It lies beside the config and not with the
/// sealed values: a copy of the state directory opens nothing.
pub const KEY_FILE: &str = "secret-key";

/// Of AES-256.
const KEY_BYTES: usize = 32;
/// The file: 44 characters of base64 and a line end, and one byte more to see
/// that it is too long.
const MAX_FILE_BYTES: u64 = 48;
/// Only the user reads and writes the file.
const FILE_MODE: u32 = 0o600;
/// Only the user looks into the config directory.
const DIR_MODE: u32 = 0o700;
/// Bits of a mode that let others in.
const OTHERS: u32 = 0o077;
/// The first byte of what is sealed: AES-256-GCM, a random nonce, then the text
/// and its tag; the name is authenticated with it.
const VERSION: u8 = 1;

/// Seals values for the disk. The name goes into the seal, so that a row cannot
/// stand in for another one.
pub struct SealKey {
    key: LessSafeKey,
    path: PathBuf,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SealKey");
        shown.field("path", &self.path).finish_non_exhaustive()
    }
}

impl SealKey {
    /// Reads the key of `config_dir`.
    ///
    /// # Errors
    /// There is none, others can read it, or it is no key.
    pub fn load(config_dir: &Path) -> Result<Self, SecretError> {
        let path = config_dir.join(KEY_FILE);
        let missing = || SecretError::Key {
            path: path.clone(),
            reason: "the key is missing; without it the stored secrets cannot be opened. Put it \
                     back, or set them again with `hostler secret set NAME`, which makes a new one"
                .into(),
        };
        read(&path)?.ok_or_else(missing)
    }

    /// Reads the key of `config_dir`, or makes the directory (0700) and the key
    /// (0600). Of two that do so at once both end up with the same key.
    ///
    /// # Errors
    /// As [`SealKey::load`], or the file cannot be written.
    pub fn load_or_create(config_dir: &Path) -> Result<Self, SecretError> {
        let path = config_dir.join(KEY_FILE);
        if let Some(found) = read(&path)? {
            return Ok(found);
        }
        DirBuilder::new()
            .recursive(true)
            .mode(DIR_MODE)
            .create(config_dir)
            .map_err(failed("create", config_dir))?;
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        random(bytes.as_mut_slice())?;
        let mut file = tempfile::Builder::new()
            .prefix(".secret-key-")
            .permissions(Permissions::from_mode(FILE_MODE))
            .tempfile_in(config_dir)
            .map_err(failed("create a file in", config_dir))?;
        let text = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        writeln!(file, "{}", text.as_str()).map_err(failed("write", &path))?;
        file.as_file().sync_all().map_err(failed("write", &path))?;
        match file.persist_noclobber(&path) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => {
                Err(failed("write", &path)(error.error))
            }
            _ => Self::load(config_dir),
        }
    }

    /// The value as it may be written to a disk.
    ///
    /// # Errors
    /// The operating system gave no random bytes.
    pub fn seal(&self, name: &SecretName, value: &SecretValue) -> Result<Vec<u8>, SecretError> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let mut text = value.expose().as_bytes().to_vec();
        let aad = Aad::from(name.as_str());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text)
            .map_err(|_| SecretError::Random)?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// The value again.
    ///
    /// # Errors
    /// It was sealed with another key or for another name, or was changed.
    pub fn open(&self, name: &SecretName, sealed: &[u8]) -> Result<SecretValue, SecretError> {
        let opened = || {
            let (nonce, text) = sealed
                .strip_prefix(&[VERSION])?
                .split_first_chunk::<NONCE_LEN>()?;
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let mut text = Zeroizing::new(text.to_vec());
            let aad = Aad::from(name.as_str());
            let plain = self.key.open_in_place(nonce, aad, &mut text).ok()?;
            Some(plain.to_vec())
        };
        let plain = opened().ok_or_else(|| SecretError::Sealed {
            name: name.to_string(),
            path: self.path.clone(),
        })?;
        SecretValue::new(name.as_str(), plain)
    }
}

fn read(path: &Path) -> Result<Option<SealKey>, SecretError> {
    // Before opening: a FIFO would make the open wait, and a link could lead
    // to a file of someone else's choice.
    let unusable = |reason: String| SecretError::Key {
        path: path.to_owned(),
        reason,
    };
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.file_type().is_file() => {}
        Ok(_) => return Err(unusable("it is not a plain file; remove it".into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    }
    let file = File::open(path).map_err(failed("read", path))?;
    let mode = file.metadata().map_err(failed("read", path))?.permissions();
    let mode = mode.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(unusable(format!(
            "others may read the key (its mode is {mode:03o}); run `chmod 600` on it, and if \
             somebody may have read it, change the secrets where they come from"
        )));
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut text)
        .map_err(failed("read", path))?;
    let bytes = STANDARD.decode(text.trim_ascii()).map(Zeroizing::new);
    let key = bytes
        .ok()
        .and_then(|bytes| UnboundKey::new(&AES_256_GCM, &bytes).ok())
        .ok_or_else(|| {
            unusable(
                "it holds no key. Put the right file back, or remove it and set the secrets \
                 again with `hostler secret set NAME`"
                    .into(),
            )
        })?;
    Ok(Some(SealKey {
        key: LessSafeKey::new(key),
        path: path.to_owned(),
    }))
}

fn random(bytes: &mut [u8]) -> Result<(), SecretError> {
    SystemRandom::new()
        .fill(bytes)
        .map_err(|_| SecretError::Random)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SecretError {
    let path = path.to_owned();
    move |reason| SecretError::Io {
        action,
        path,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> (SecretName, SecretValue) {
        let value = SecretValue::new("A", b"correct horse".to_vec()).unwrap();
        ("A".parse().unwrap(), value)
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_for_the_same_name_only() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("a/b");
        let (name, value) = secret();
        let key = SealKey::load_or_create(&config).unwrap();
        let sealed = key.seal(&name, &value).unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"correct"));
        assert_ne!(sealed, key.seal(&name, &value).unwrap(), "a fresh nonce");
        let again = SealKey::load_or_create(&config).unwrap();
        assert_eq!(again.open(&name, &sealed).unwrap(), value);
        assert!(key.open(&"B".parse().unwrap(), &sealed).is_err());
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(key.open(&name, &changed).is_err(), "byte {position}");
        }
        for len in 0..sealed.len() {
            assert!(key.open(&name, &sealed[..len]).is_err(), "{len} bytes");
        }
        let other = SealKey::load_or_create(dir.path()).unwrap();
        let message = other.open(&name, &sealed).unwrap_err().to_string();
        assert!(message.contains("hostler secret set A"), "{message}");
    }

    #[test]
    fn the_key_is_the_users_alone() {
        let dir = tempfile::tempdir().unwrap();
        SealKey::load_or_create(dir.path()).unwrap();
        let path = dir.path().join(KEY_FILE);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let message = SealKey::load(dir.path()).unwrap_err().to_string();
        assert!(message.contains("mode is 640"), "{message}");
    }

    #[test]
    fn hosts_that_start_at_once_agree_on_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let (name, value) = secret();
        let keys: Vec<SealKey> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| SealKey::load_or_create(dir.path()).unwrap()))
                .collect();
            let joined = threads.into_iter().map(|thread| thread.join().unwrap());
            joined.collect()
        });
        let sealed = keys[0].seal(&name, &value).unwrap();
        assert!(keys.iter().all(|key| key.open(&name, &sealed).is_ok()));
    }

    #[test]
    fn what_is_no_key_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        assert!(
            SealKey::load(dir.path())
                .unwrap_err()
                .to_string()
                .contains("missing")
        );
        for bytes in [&b""[..], b"abc", &[b'A'; 200]] {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let message = SealKey::load_or_create(dir.path()).unwrap_err().to_string();
            assert!(message.contains("holds no key"), "{message}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(SealKey::load_or_create(dir.path()).is_err());
    }
}
