//! `hostler:host/folder`: folders that a grant names, off the async pool.

use std::{io, path::PathBuf};

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

use crate::{
    bindings::hostler::{
        host::folder::{File, Host},
        types::types::Error,
    },
    folder::{self, FolderGrant, READ, Wanted},
    state::{Role, State},
};

/// The longest path or name in an argument, in bytes: Linux's `PATH_MAX`.
const PATH: usize = 4096;

impl Host for State {
    async fn search(
        &mut self,
        folder: String,
        under: String,
        depth: u32,
        suffix: String,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<File>, Error>> {
        let (grant, place) = match self.folder("folder.search", &folder, &[&under, &suffix]) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let wanted = Wanted {
            under: under.clone(),
            depth,
            suffixes: [suffix, grant.suffix.clone()],
            limit,
        };
        let listed = self
            .off_the_pool(move || folder::search(&place, &wanted))
            .await;
        let file = |file: folder::File| File {
            path: file.path,
            size: file.size,
            modified: u64::try_from(file.modified.as_millis()).unwrap_or(u64::MAX),
        };
        Ok(listed
            .map(|files| files.into_iter().map(file).collect())
            .map_err(|error| error.told("folder.search", &folder, &under)))
    }

    async fn read(
        &mut self,
        folder: String,
        path: String,
        offset: u64,
        len: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        if len > READ {
            return Ok(Err(Error::Invalid(format!(
                "folder.read: {len} bytes asked, at most {READ}"
            ))));
        }
        let (grant, place) = match self.folder("folder.read", &folder, &[&path]) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        if !path.ends_with(&grant.suffix) {
            let suffix = &grant.suffix;
            return Ok(Err(Error::Denied(format!(
                "folder.read: of the folder {folder} only files are granted whose names end in \
                 {suffix:?}"
            ))));
        }
        let at = path.clone();
        let read = self
            .off_the_pool(move || folder::read(&place, &at, offset, len))
            .await;
        Ok(read.map_err(|error| error.told("folder.read", &folder, &path)))
    }

    async fn runs(&mut self, pid: u32) -> wasmtime::Result<Result<bool, Error>> {
        if !matches!(self.role, Role::Probe) || self.plugin.grants.folder.is_empty() {
            let text = "folder.runs is for those who may read a folder, outside of a session";
            return Ok(Err(Error::Denied(text.to_owned())));
        }
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        // One that belongs to somebody else may not be asked, and runs.
        let runs = |pid| test_kill_process(pid) != Err(Errno::SRCH);
        Ok(Ok(pid.is_some_and(runs)))
    }
}

/// Why there is no answer.
enum NotLooked {
    Io(io::Error),
    Cancelled(Error),
}

impl NotLooked {
    fn told(self, function: &str, folder: &str, path: &str) -> Error {
        let error = match self {
            Self::Io(error) => error,
            Self::Cancelled(error) => return error,
        };
        let at = match path {
            "" => folder.to_owned(),
            path => format!("{path} in {folder}"),
        };
        let message = format!("{function}: {at}: {error}");
        match error.kind() {
            io::ErrorKind::NotFound => Error::NotFound(message),
            // Not from the operating system: the capability refused to follow.
            io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
                Error::Invalid(message)
            }
            io::ErrorKind::InvalidInput
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory => Error::Invalid(message),
            _ => Error::Other(Some(message)),
        }
    }
}

impl State {
    /// Where the folder is that the plugin calls so, if it may look into it now.
    fn folder(
        &self,
        function: &str,
        name: &str,
        paths: &[&String],
    ) -> Result<(&FolderGrant, PathBuf), Error> {
        if !matches!(self.role, Role::Probe) {
            return Err(Error::Denied(format!(
                "{function} is for what a harness does outside of a session"
            )));
        }
        if paths.iter().any(|path| path.len() > PATH) {
            return Err(Error::Invalid(format!(
                "{function}: a path has at most {PATH} bytes"
            )));
        }
        let plugin = &self.plugin;
        let grant = plugin.grants.folder(&plugin.id, name).map_err(|denial| {
            tracing::warn!(target: "plugin", plugin = %plugin.id, "denied: {denial}");
            Error::Denied(denial)
        })?;
        let path = grant.path();
        path.map(|path| (grant, path))
            .map_err(|why| Error::NotFound(format!("{function}: the folder {name}: {why}")))
    }

    async fn off_the_pool<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, NotLooked> {
        let working = tokio::task::spawn_blocking(work);
        match self.waits.wait(working).await {
            Ok(Ok(done)) => done.map_err(NotLooked::Io),
            Ok(Err(error)) => Err(NotLooked::Io(io::Error::other(error))),
            Err(cancelled) => Err(NotLooked::Cancelled(cancelled.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Grants, limits::Limits, loaded::Shared};

    fn state(role: Role, grants: &str) -> State {
        let mut shared = Shared::for_tests(Limits::default());
        shared.grants = toml::from_str::<Grants>(grants).unwrap();
        State::new(Arc::new(shared), role)
    }

    async fn read(state: &mut State, folder: &str, path: &str) -> Result<Vec<u8>, Error> {
        let (folder, path) = (folder.to_owned(), path.to_owned());
        Host::read(state, folder, path, 0, 100).await.unwrap()
    }

    #[tokio::test]
    async fn a_folder_that_is_not_granted_is_denied_and_the_denial_names_the_line() {
        let mut state = state(Role::Probe, "");
        match read(&mut state, "projects", "x").await {
            Err(Error::Denied(denial)) => {
                assert!(
                    denial.contains("[[plugins.test.grants.folder]]"),
                    "{denial}"
                );
                assert!(denial.contains("name = \"projects\""), "{denial}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_folder_is_read_outside_of_sessions_and_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        std::fs::write(dir.path().join("in/file.log"), "words").unwrap();
        std::fs::write(dir.path().join("beside.log"), "secret").unwrap();
        let grants = format!(
            "folder = [{{ name = \"in\", places = [\"{}/in\"], suffix = \".log\" }}]",
            dir.path().display()
        );
        let mut probe = state(Role::Probe, &grants);
        std::fs::write(dir.path().join("in/key"), "secret").unwrap();
        std::fs::create_dir(dir.path().join("in/folder.log")).unwrap();
        assert_eq!(read(&mut probe, "in", "file.log").await.unwrap(), b"words");
        for path in ["../beside.log", "/var/x.log", "folder.log"] {
            let refused = read(&mut probe, "in", path).await;
            assert!(
                matches!(refused, Err(Error::Invalid(_))),
                "{path}: {refused:?}"
            );
        }
        let other = read(&mut probe, "in", "key").await;
        assert!(matches!(other, Err(Error::Denied(_))), "{other:?}");
        let missing = read(&mut probe, "in", "none.log").await;
        assert!(matches!(missing, Err(Error::NotFound(_))), "{missing:?}");
        let cwd = dir.path().to_owned();
        for role in [Role::Describe, Role::Session { cwd }] {
            let denied = read(&mut state(role, &grants), "in", "file.log").await;
            assert!(matches!(denied, Err(Error::Denied(_))), "{denied:?}");
        }
    }

    #[tokio::test]
    async fn a_process_that_runs_is_told_from_one_that_has_ended() {
        let grants = "folder = [{ name = \"in\", places = [\"/\"] }]";
        let mut probe = state(Role::Probe, grants);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        for (pid, expected) in [
            (std::process::id(), true),
            (1, true),
            (child.id(), false),
            (0, false),
            (u32::MAX, false),
        ] {
            let runs = Host::runs(&mut probe, pid).await.unwrap();
            assert!(matches!(runs, Ok(runs) if runs == expected), "{pid}");
        }
        let denied = Host::runs(&mut state(Role::Probe, ""), 1).await.unwrap();
        assert!(matches!(denied, Err(Error::Denied(_))));
    }
}
