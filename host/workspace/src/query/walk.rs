//! Walks folders in order through the capability.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use cap_std::fs::{Dir, FileType};

use super::ignored::Ignored;
use super::path::{is_git, or_dot, real};
use super::{Cancel, QueryError};
use crate::tree::Tree;

/// How deep a walk goes below the folder that it starts at: every level keeps
/// a folder open, and no project is near this.
pub(crate) const MAX_WALK_DEPTH: usize = 64;

/// How many names of one folder a walk keeps at most: they are sorted in
/// memory.
pub(crate) const MAX_FOLDER: usize = 100_000;

/// What a walk has come to.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// The folder that it is in.
    pub(crate) dir: &'a Dir,
    pub(crate) name: &'a OsStr,
    /// From the session's directory on.
    pub(crate) path: &'a Path,
    pub(crate) kind: FileType,
    /// 1 for what is in the folder where the walk starts.
    pub(crate) depth: usize,
    /// It was there before the cursor: only what is in it is new.
    pub(crate) seen: bool,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Go on; into it, if it is a folder.
    Into,
    /// Go on beside it.
    Over,
    /// End the walk.
    Stop,
}

/// A walk in the order of names, each folder before what is in it. Files that
/// Git leaves out and Git's own folder are passed by; links are not followed.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) cancel: &'a Cancel,
    /// How many names of one folder are needed at most.
    pub(crate) keep: usize,
    /// The last path that an earlier walk came to.
    pub(crate) after: Option<PathBuf>,
    /// Something was left out for a bound.
    pub(crate) cut: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(tree: &'a Tree, cancel: &'a Cancel) -> Walk<'a> {
        Walk {
            tree,
            cancel,
            keep: MAX_FOLDER,
            after: None,
            cut: false,
        }
    }

    /// Walks below the folder `start`, also if Git leaves it out: it was named.
    pub(crate) fn run(
        &mut self,
        start: &Path,
        visit: &mut dyn FnMut(&Found<'_>) -> Result<Step, QueryError>,
    ) -> Result<(), QueryError> {
        real(self.tree, start)?;
        let refused = QueryError::refused("list", start);
        let meta = self.tree.dir.metadata(or_dot(start)).map_err(&refused)?;
        if !meta.is_dir() {
            return Err(QueryError::WrongKind {
                path: start.to_string_lossy().into_owned(),
                found: "no folder",
                wanted: "a folder",
            });
        }
        let git = crate::git::common_folder(self.tree);
        let mut ignored = Ignored::new(git.as_ref());
        let mut path = PathBuf::new();
        for part in start.components() {
            let dir = self.open(&self.tree.dir, &path)?;
            ignored.enter(&dir, &path);
            path.push(part);
        }
        let dir = self.open(&self.tree.dir, &path)?;
        let after = self.after.take();
        let after = after
            .as_deref()
            .and_then(|after| after.strip_prefix(start).ok());
        self.folder(&dir, &path, 1, after, &mut ignored, visit)?;
        Ok(())
    }

    fn open(&self, dir: &Dir, path: &Path) -> Result<Dir, QueryError> {
        dir.open_dir(or_dot(path))
            .map_err(QueryError::refused("open", path))
    }

    fn folder(
        &mut self,
        dir: &Dir,
        path: &Path,
        depth: usize,
        after: Option<&Path>,
        ignored: &mut Ignored,
        visit: &mut dyn FnMut(&Found<'_>) -> Result<Step, QueryError>,
    ) -> Result<Step, QueryError> {
        ignored.enter(dir, path);
        let mut parts = after.map(Path::components);
        let first = parts.as_mut().and_then(Iterator::next);
        let first = match first {
            Some(Component::Normal(name)) => Some(name),
            _ => None,
        };
        let rest = parts.map(|parts| parts.as_path().to_owned());
        let names = match self.names(dir, path, first, ignored) {
            // Only what was named must be readable.
            Err(QueryError::Io { .. } | QueryError::NotFound(_)) if depth > 1 => BTreeMap::new(),
            names => names?,
        };
        for (name, kind) in names {
            self.cancel.check()?;
            let seen = first == Some(name.as_os_str());
            let path = path.join(&name);
            let found = Found {
                dir,
                name: &name,
                path: &path,
                kind,
                depth,
                seen,
            };
            match visit(&found)? {
                Step::Stop => return Ok(Step::Stop),
                Step::Over => continue,
                Step::Into if !kind.is_dir() => continue,
                Step::Into => {}
            }
            if depth >= MAX_WALK_DEPTH {
                self.cut = true;
                continue;
            }
            // It may have gone meanwhile, or this user must not look.
            let Ok(inner) = dir.open_dir(&name) else {
                continue;
            };
            let after = rest.as_deref().filter(|_| seen);
            let step = self.folder(&inner, &path, depth + 1, after, ignored, visit)?;
            if step == Step::Stop {
                return Ok(Step::Stop);
            }
        }
        ignored.leave();
        Ok(Step::Over)
    }

    /// The first names of a folder in order, from `first` on.
    fn names(
        &mut self,
        dir: &Dir,
        path: &Path,
        first: Option<&OsStr>,
        ignored: &Ignored,
    ) -> Result<BTreeMap<OsString, FileType>, QueryError> {
        let refused = QueryError::refused("list", path);
        let mut names = BTreeMap::new();
        for entry in dir.entries().map_err(&refused)? {
            self.cancel.check()?;
            let entry = entry.map_err(&refused)?;
            let name = entry.file_name();
            if is_git(&name) || first.is_some_and(|first| name.as_bytes() < first.as_bytes()) {
                continue;
            }
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if ignored.leaves_out(&path.join(&name), kind.is_dir()) {
                continue;
            }
            names.insert(name, kind);
            if names.len() > self.keep {
                names.pop_last();
                self.cut = true;
            }
        }
        Ok(names)
    }
}
