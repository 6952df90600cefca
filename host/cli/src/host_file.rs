//! The state directory's lock, and `host.json`, which tells programs of the same
//! user where the host is.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, Write as _},
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

const LOCK_FILE: &str = "lock";
const HOST_FILE: &str = "host.json";

/// How often a host tries to lock, and the pause between: whoever asks whether
/// there is a host has the lock for a moment.
const TRIES: u32 = 25;
const PAUSE: Duration = Duration::from_millis(20);

/// `host.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostFile {
    pub(crate) pid: u32,
    pub(crate) addr: SocketAddr,
    pub(crate) version: String,
    /// Of a host that speaks TLS: the SHA-256 of its certificate, by which
    /// programs of this machine know it whatever it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
}

impl HostFile {
    /// How programs of this machine address it.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.certificate.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.addr)
    }

    /// `None`: no host has said where it is. Members that a newer host adds are
    /// ignored.
    pub(crate) fn read(state: &Path) -> Result<Option<Self>> {
        let path = state.join(HOST_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let file = serde_json::from_str(&text).with_context(|| {
            format!(
                "{} is damaged; a host that starts writes it again",
                path.display()
            )
        })?;
        Ok(Some(file))
    }
}

/// What is known of the host of a state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    /// There is none.
    Absent,
    /// There is one that is just starting or stopping.
    Unannounced,
    /// There is one, and it says where.
    Running(HostFile),
}

/// Looks for the host of `state`. Only its lock proves that it lives: one that
/// was killed leaves `host.json` behind, with an address that may be another
/// program's by now, which must not get the token.
pub(crate) fn presence(state: &Path) -> Result<Presence> {
    let path = state.join(LOCK_FILE);
    let failed = |error| Err(error).with_context(|| format!("cannot look at {}", path.display()));
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Presence::Absent),
        Err(error) => return failed(error),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Presence::Absent),
        Err(TryLockError::WouldBlock) => Ok(match HostFile::read(state)? {
            Some(host) => Presence::Running(host),
            None => Presence::Unannounced,
        }),
        Err(TryLockError::Error(error)) => failed(error),
    }
}

/// Makes a state directory, for its user alone, if there is none.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot create the state directory {}", path.display()))
}

/// The state directory, held by this process until it is dropped.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    /// Locked; closing it unlocks.
    _lock: File,
}

impl StateDir {
    /// Makes the directory if need be and locks it. Another host that has it is
    /// named in the error.
    pub(crate) fn hold(path: &Path) -> Result<Self> {
        make_directory(path)?;
        let lock_path = path.join(LOCK_FILE);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .with_context(|| format!("cannot open {}", lock_path.display()))?;
        let mut tried = lock.try_lock();
        for _ in 1..TRIES {
            if !matches!(tried, Err(TryLockError::WouldBlock)) {
                break;
            }
            thread::sleep(PAUSE);
            tried = lock.try_lock();
        }
        match tried {
            Ok(()) => {
                // What a host that was killed left behind.
                Self::withdraw(path);
                Ok(Self {
                    path: path.to_owned(),
                    _lock: lock,
                })
            }
            Err(TryLockError::WouldBlock) => bail!(taken(path)),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", lock_path.display()))
            }
        }
    }

    /// Writes `host.json`, whole or not at all. It is removed when the directory
    /// is let go.
    pub(crate) fn announce(&self, host: &HostFile) -> Result<()> {
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new()
                .prefix(".host-")
                .tempfile_in(&self.path)?;
            serde_json::to_writer(&mut file, host)?;
            file.write_all(b"\n")?;
            file.persist(self.path.join(HOST_FILE))?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {HOST_FILE} in {}", self.path.display()))
    }

    /// Removes `host.json`; also for an end that drops nothing.
    pub(crate) fn withdraw(path: &Path) {
        // Gone already, or not removable: clients find out when they connect.
        let _ = fs::remove_file(path.join(HOST_FILE));
    }
}

impl Drop for StateDir {
    fn drop(&mut self) {
        Self::withdraw(&self.path);
    }
}

fn taken(path: &Path) -> String {
    let holder = match HostFile::read(path) {
        Ok(Some(host)) => format!("process {}, on {}", host.pid, host.url()),
        _ => "it is just starting or stopping".to_owned(),
    };
    format!(
        "another host uses the state directory {} ({holder}); stop it, or start this one with \
         another --state-dir",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> HostFile {
        HostFile {
            pid: 4711,
            addr: "127.0.0.1:7117".parse().unwrap(),
            version: "1.2.3".into(),
            certificate: None,
        }
    }

    #[test]
    fn a_second_host_is_told_who_has_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::hold(folder.path()).unwrap();
        let error = StateDir::hold(folder.path()).unwrap_err().to_string();
        assert!(error.contains("just starting"), "{error}");
        state.announce(&host()).unwrap();
        let error = StateDir::hold(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("process 4711, on http://127.0.0.1:7117"),
            "{error}"
        );
        assert!(error.contains("--state-dir"), "{error}");
    }

    #[test]
    fn host_json_is_there_while_the_directory_is_held_and_then_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/state");
        let state = StateDir::hold(&path).unwrap();
        assert_eq!(HostFile::read(&path).unwrap(), None);
        state.announce(&host()).unwrap();
        assert_eq!(HostFile::read(&path).unwrap(), Some(host()));
        drop(state);
        assert_eq!(HostFile::read(&path).unwrap(), None);
    }

    #[test]
    fn only_a_host_that_lives_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        assert_eq!(presence(&path).unwrap(), Presence::Absent);
        let state = StateDir::hold(&path).unwrap();
        assert_eq!(presence(&path).unwrap(), Presence::Unannounced);
        state.announce(&host()).unwrap();
        assert_eq!(presence(&path).unwrap(), Presence::Running(host()));
        drop(state);
        // As one leaves it that was killed.
        let left = serde_json::to_string(&host()).unwrap();
        fs::write(path.join(HOST_FILE), left).unwrap();
        assert_eq!(presence(&path).unwrap(), Presence::Absent);
    }

    #[test]
    fn a_host_does_not_give_up_because_someone_looks_for_one() {
        let folder = tempfile::tempdir().unwrap();
        drop(StateDir::hold(folder.path()).unwrap());
        let looking = File::open(folder.path().join(LOCK_FILE)).unwrap();
        looking.lock_shared().unwrap();
        let (looks, looked) = std::sync::mpsc::channel();
        let other = thread::spawn(move || {
            looked.recv().unwrap();
            drop(looking);
        });
        looks.send(()).unwrap();
        StateDir::hold(folder.path()).unwrap();
        other.join().unwrap();
    }

    #[test]
    fn what_a_killed_host_left_behind_is_removed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let left = serde_json::to_string(&host()).unwrap();
        fs::write(folder.path().join(HOST_FILE), left).unwrap();
        let _state = StateDir::hold(folder.path()).unwrap();
        assert_eq!(HostFile::read(folder.path()).unwrap(), None);
    }

    #[test]
    fn a_damaged_host_json_is_an_error_and_a_newer_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(HOST_FILE);
        fs::write(&file, "{\"pid\":").unwrap();
        let error = HostFile::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("host.json is damaged"), "{error}");
        let newer = r#"{"pid":4711,"addr":"127.0.0.1:7117","version":"1.2.3","tls":true}"#;
        fs::write(&file, newer).unwrap();
        assert_eq!(HostFile::read(folder.path()).unwrap(), Some(host()));
    }
}
