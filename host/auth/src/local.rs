use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::token::{MAX_TOKEN_CHARS, Token, TokenError};

/// The name of the token's file in the state directory.
pub const TOKEN_FILE: &str = "token";

/// The name of the admin token's file. It lies beside the config and not in the
/// state directory: what finds the one there, as an agent on this machine may,
/// shall not find this one with it.
pub const ADMIN_TOKEN_FILE: &str = "admin-token";

/// Only the user reads and writes the file.
const FILE_MODE: u32 = 0o600;
/// Only the user looks into the state directory.
const DIR_MODE: u32 = 0o700;
/// Bits of a mode that let others in.
const OTHERS: u32 = 0o077;

/// The token that `hostler serve` writes for programs of the same user.
#[derive(Debug)]
pub struct LocalToken {
    /// The secret.
    pub token: Token,
    /// Where it stands.
    pub path: PathBuf,
    /// How it came to be.
    pub source: Source,
}

/// How a local token came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Made now.
    Created,
    /// Read from its file.
    Loaded,
    /// Read from its file, which others could read until now; it was set to
    /// 0600. Tell the operator: someone may have the token, and deleting the
    /// file makes a new one at the next start.
    Repaired {
        /// The mode it had.
        mode: u32,
    },
}

/// Why there is no local token.
#[derive(Debug, thiserror::Error)]
pub enum LocalTokenError {
    /// What stands in the file is no token.
    #[error("{path}: {reason}. Delete the file, and `hostler serve` makes a new one")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: TokenError,
    },
    /// There is something, but no plain file.
    #[error(
        "{path} is {found} and not a plain file. Remove it, and `hostler serve` makes a new one"
    )]
    NotAFile {
        /// What should be the file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// No token file, where one was to be read only.
    #[error(
        "{path} does not exist. `hostler serve` makes it: is the host running, with this state directory?"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// No random bytes.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The file system refused.
    #[error("cannot {action} {path}: {reason}")]
    Io {
        /// A verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
}

impl LocalToken {
    /// Reads the token of `state_dir`, or makes the directory (0700) and the
    /// token (0600). The file appears whole or not at all, and of two hosts
    /// that start at once both end up with the same token.
    pub fn load_or_create(state_dir: &Path) -> Result<LocalToken, LocalTokenError> {
        load_or_create(state_dir, TOKEN_FILE)
    }

    /// The same for the admin token of `config_dir`.
    pub fn load_or_create_admin(config_dir: &Path) -> Result<LocalToken, LocalTokenError> {
        load_or_create(config_dir, ADMIN_TOKEN_FILE)
    }

    /// Reads the token of `state_dir`, for clients of a host that runs.
    pub fn load(state_dir: &Path) -> Result<LocalToken, LocalTokenError> {
        load(state_dir, TOKEN_FILE)
    }

    /// Reads the admin token of `config_dir`, for clients of a host that runs.
    pub fn load_admin(config_dir: &Path) -> Result<LocalToken, LocalTokenError> {
        load(config_dir, ADMIN_TOKEN_FILE)
    }
}

fn load_or_create(dir: &Path, name: &str) -> Result<LocalToken, LocalTokenError> {
    let path = dir.join(name);
    if let Some(found) = read(&path)? {
        return Ok(found);
    }
    DirBuilder::new()
        .recursive(true)
        .mode(DIR_MODE)
        .create(dir)
        .map_err(failed("create", dir))?;
    let token = Token::random()?;
    if write_new(dir, &path, &token)? {
        return Ok(LocalToken {
            token,
            path,
            source: Source::Created,
        });
    }
    load(dir, name)
}

fn load(dir: &Path, name: &str) -> Result<LocalToken, LocalTokenError> {
    let path = dir.join(name);
    read(&path)?.ok_or(LocalTokenError::Missing { path })
}

fn read(path: &Path) -> Result<Option<LocalToken>, LocalTokenError> {
    // Before opening: a FIFO would make the open wait, and a link could lead
    // to a file of someone else's choice.
    let kind = match fs::symlink_metadata(path) {
        Ok(meta) => meta.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    if !kind.is_file() {
        return Err(LocalTokenError::NotAFile {
            path: path.to_owned(),
            found: if kind.is_dir() {
                "a directory"
            } else if kind.is_symlink() {
                "a symbolic link"
            } else {
                "a special file"
            },
        });
    }
    let file = File::open(path).map_err(failed("read", path))?;
    let mode = file.metadata().map_err(failed("read", path))?.permissions();
    let mode = mode.mode() & 0o777;
    let source = if mode & OTHERS == 0 {
        Source::Loaded
    } else {
        file.set_permissions(Permissions::from_mode(FILE_MODE))
            .map_err(failed("set mode 0600 of", path))?;
        Source::Repaired { mode }
    };
    // Room for a line end, and one byte more to see that it is too long.
    let mut bytes = Vec::new();
    file.take(MAX_TOKEN_CHARS as u64 + 3)
        .read_to_end(&mut bytes)
        .map_err(failed("read", path))?;
    let text = String::from_utf8_lossy(&bytes);
    let token = Token::parse(text.trim_ascii()).map_err(|reason| LocalTokenError::Unusable {
        path: path.to_owned(),
        reason,
    })?;
    Ok(Some(LocalToken {
        token,
        path: path.to_owned(),
        source,
    }))
}

/// False if someone else was quicker.
fn write_new(dir: &Path, path: &Path, token: &Token) -> Result<bool, LocalTokenError> {
    let mut file = tempfile::Builder::new()
        .prefix(".token-")
        .permissions(Permissions::from_mode(FILE_MODE))
        .tempfile_in(dir)
        .map_err(failed("create a file in", dir))?;
    writeln!(file, "{}", token.expose()).map_err(failed("write", path))?;
    file.as_file().sync_all().map_err(failed("write", path))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed("write", path)(error.error)),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LocalTokenError {
    let path = path.to_owned();
    move |reason| LocalTokenError::Io {
        action,
        path,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::MIN_TOKEN_CHARS;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_first_start_makes_a_private_token_and_the_next_one_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("a/b");
        let made = LocalToken::load_or_create(&state).unwrap();
        assert_eq!(made.source, Source::Created);
        assert_eq!(mode(&made.path), 0o600);
        assert_eq!(mode(&state), 0o700);
        let read = LocalToken::load_or_create(&state).unwrap();
        assert_eq!(read.source, Source::Loaded);
        assert_eq!(read.token.expose(), made.token.expose());
        let names: Vec<_> = fs::read_dir(&state).unwrap().collect();
        assert_eq!(names.len(), 1, "no temporary file is left: {names:?}");
    }

    #[test]
    fn hosts_that_start_at_once_agree_on_one_token() {
        let dir = tempfile::tempdir().unwrap();
        let tokens: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| LocalToken::load_or_create(dir.path()).unwrap()))
                .collect();
            let joined = threads.into_iter().map(|thread| thread.join().unwrap());
            joined
                .map(|found| found.token.expose().to_owned())
                .collect()
        });
        assert!(tokens.iter().all(|token| *token == tokens[0]));
    }

    #[test]
    fn a_token_that_others_could_read_is_closed_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let made = LocalToken::load_or_create(dir.path()).unwrap();
        fs::set_permissions(&made.path, Permissions::from_mode(0o644)).unwrap();
        let read = LocalToken::load(dir.path()).unwrap();
        assert_eq!(read.source, Source::Repaired { mode: 0o644 });
        assert_eq!(mode(&made.path), 0o600);
        assert_eq!(LocalToken::load(dir.path()).unwrap().source, Source::Loaded);
    }

    #[test]
    fn a_broken_token_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TOKEN_FILE);
        let cases = [
            (Vec::new(), "0 characters"),
            (b"abc\n".to_vec(), "3 characters"),
            (vec![b'a'; 300], "longer than"),
            (vec![0xff; 50], "a character other than"),
        ];
        for (bytes, reason) in cases {
            fs::write(&path, &bytes).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let error = LocalToken::load_or_create(dir.path()).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(reason), "{message}");
            assert!(message.contains(&*path.to_string_lossy()), "{message}");
            assert!(message.contains("Delete the file"), "{message}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn a_token_of_the_operators_own_is_taken_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let own = "o".repeat(MIN_TOKEN_CHARS + 20);
        fs::write(dir.path().join(TOKEN_FILE), format!("{own}\r\n")).unwrap();
        let found = LocalToken::load_or_create(dir.path()).unwrap();
        assert_eq!(found.token.expose(), own);
    }

    #[test]
    fn only_a_plain_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TOKEN_FILE);
        let other = dir.path().join("other");
        fs::write(&other, "o".repeat(MIN_TOKEN_CHARS)).unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        let message = LocalToken::load(dir.path()).unwrap_err().to_string();
        assert!(message.contains("a symbolic link"), "{message}");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let message = LocalToken::load_or_create(dir.path())
            .unwrap_err()
            .to_string();
        assert!(message.contains("a directory"), "{message}");
    }

    #[test]
    fn the_admin_token_is_another_one_in_a_file_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let local = LocalToken::load_or_create(dir.path()).unwrap();
        let admin = LocalToken::load_or_create_admin(dir.path()).unwrap();
        assert_ne!(local.token.expose(), admin.token.expose());
        assert_eq!(mode(&admin.path), 0o600);
        let read = LocalToken::load_admin(dir.path()).unwrap();
        assert_eq!(read.token.expose(), admin.token.expose());
    }

    #[test]
    fn a_client_does_not_make_a_token() {
        let dir = tempfile::tempdir().unwrap();
        let message = LocalToken::load(dir.path()).unwrap_err().to_string();
        assert!(message.contains("does not exist"), "{message}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
