//! What people ask of the Git repository of a session's directory.
//!
//! A repository is hostile input: its files come from others, and an agent
//! changes them while they are read. So
//! - every file is opened through the tree's capability: links, `gitdir:`,
//!   `commondir`, `core.worktree` and alternates lead nowhere outside;
//! - no configuration and no attributes are read, and no program is started:
//!   there is nothing that could name a hook, filter, helper or monitor;
//! - files are read, not mapped: one that shrinks is an error and no signal;
//! - every size is bounded before memory is taken.
//!
//! Objects are decoded by `gix-object`. The stores are read here, because
//! `gix` opens them by path, maps them, and decodes an index by recursion.
//!
//! Deliberately absent: SHA-256 repositories, reftable, split and sparse
//! indexes, alternates. They are named in an error.

mod delta;
mod diff;
mod flat;
mod index;
mod log;
mod objects;
mod pack;
mod refs;
mod side;
mod staged;
mod status;
mod untracked;
mod worktree;

use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;
use rustix::fs::OFlags;

pub use self::diff::{DiffParams, Diffs, FileDiff, MAX_DIFF_BYTES, MAX_DIFFED_FILE};
pub use self::log::{Author, Commit, LogPage, LogParams, MAX_COMMITS};
pub use self::status::{Change, MAX_CHANGES, Status, StatusEntry, StatusParams};

use self::objects::Objects;
use crate::query::QueryError;
use crate::tree::{MAX_PATH_BYTES, Tree, file_options};

/// The paths of one tree or index in bytes: they are kept in memory, and a few
/// bytes of Git data can stand for a very long path.
const MAX_PATHS_BYTES: usize = 128 * 1024 * 1024;

/// A repository whose data lies inside the session's directory.
#[derive(Debug)]
struct Repository {
    folders: Folders,
    objects: Objects,
}

/// Where its data is.
#[derive(Debug)]
struct Folders {
    /// With `HEAD` and `index`.
    git: Dir,
    /// With `refs` and `objects`; the same, unless it is a linked worktree.
    common: Dir,
}

impl Repository {
    fn open(tree: &Tree) -> Result<Repository, QueryError> {
        let folders = folders(tree)?;
        if folders.common.is_dir("reftable") {
            return Err(damaged(
                "it keeps its references in a reftable, which is not supported",
            ));
        }
        let objects = Objects::open(&folders.common)?;
        Ok(Repository { folders, objects })
    }
}

/// The folder that has `info/exclude`, if there is a repository.
pub(crate) fn common_folder(tree: &Tree) -> Option<Dir> {
    folders(tree).ok().map(|folders| folders.common)
}

fn folders(tree: &Tree) -> Result<Folders, QueryError> {
    let dot_git = Path::new(".git");
    let meta = match tree.dir.metadata(dot_git) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(none(tree)),
        Err(error) => return Err(led(dot_git, error)),
    };
    let place = if meta.is_dir() {
        dot_git.to_owned()
    } else {
        linked(tree)?
    };
    let git = tree.dir.open_dir(&place).map_err(|e| led(&place, e))?;
    let common = match small(&git, Path::new("commondir"), MAX_PATH_BYTES)? {
        Some(text) => {
            let common = path_in(tree, &place, &text)?;
            tree.dir.open_dir(&common).map_err(|e| led(&common, e))?
        }
        None => git
            .try_clone()
            .map_err(QueryError::refused("open", dot_git))?,
    };
    if !git.exists("HEAD") || !common.is_dir("objects") {
        return Err(QueryError::NotARepository(
            "`.git` has no HEAD or no objects".to_owned(),
        ));
    }
    Ok(Folders { git, common })
}

/// Where a `.git` that is a file points to.
fn linked(tree: &Tree) -> Result<PathBuf, QueryError> {
    let text = small(&tree.dir, Path::new(".git"), MAX_PATH_BYTES)?.unwrap_or_default();
    match text.strip_prefix(b"gitdir:") {
        Some(target) => path_in(tree, Path::new(""), target),
        None => Err(QueryError::NotARepository(
            "`.git` is a file that does not name a folder with `gitdir:`".to_owned(),
        )),
    }
}

/// A path that Git data names, seen from `base`. `..` is left to the
/// capability, which knows about links.
fn path_in(tree: &Tree, base: &Path, text: &[u8]) -> Result<PathBuf, QueryError> {
    let path = Path::new(std::ffi::OsStr::from_bytes(text.trim_ascii()));
    if path.is_relative() {
        return Ok(base.join(path));
    }
    match tree.inside(path) {
        Some(path) => Ok(path.to_owned()),
        None => Err(outside(path)),
    }
}

fn outside(path: &Path) -> QueryError {
    QueryError::NotARepository(format!(
        "its data `{}` lies outside this session's directory",
        path.display()
    ))
}

fn led(path: &Path, error: io::Error) -> QueryError {
    match QueryError::refused("open", path)(error) {
        QueryError::Outside(_) => outside(path),
        QueryError::NotFound(path) => {
            QueryError::NotARepository(format!("its data `{path}` does not exist"))
        }
        error => error,
    }
}

/// Says why there is none.
fn none(tree: &Tree) -> QueryError {
    // Only whether it is there: it is not opened.
    let above = tree
        .root()
        .ancestors()
        .skip(1)
        .any(|folder| folder.join(".git").symlink_metadata().is_ok());
    let reason = if above {
        "its root lies outside this session's directory: start the session there"
    } else if tree.dir.exists("HEAD") && tree.dir.is_dir("objects") {
        "this is a bare one, which has no files"
    } else {
        "this session's directory has no `.git`"
    };
    QueryError::NotARepository(reason.to_owned())
}

/// A plain file of at most `max` bytes; `None` if there is none.
fn small(dir: &Dir, path: &Path, max: usize) -> Result<Option<Vec<u8>>, QueryError> {
    let refused = QueryError::refused("read", path);
    // Before opening, because opening a device can do something.
    let file = match dir.metadata(path) {
        Ok(meta) if !meta.is_file() => return Ok(None),
        Ok(_) => dir.open_with(path, file_options(OFlags::empty()).read(true)),
        Err(error) => Err(error),
    };
    let file = match file {
        Ok(file) => file,
        Err(error) => match refused(error) {
            QueryError::NotFound(_) => return Ok(None),
            QueryError::Outside(_) => return Err(outside(path)),
            error => return Err(error),
        },
    };
    let mut bytes = Vec::new();
    file.take(max as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(refused)?;
    if bytes.len() > max {
        return Err(QueryError::TooLarge {
            what: format!("`{}` of the git repository", path.display()),
            max: max as u64,
        });
    }
    Ok(Some(bytes))
}

fn damaged(reason: impl Into<String>) -> QueryError {
    QueryError::Repository(reason.into())
}

/// Whether Git would take `path` into a tree or an index.
fn good_path(path: &[u8]) -> bool {
    path.len() <= MAX_PATH_BYTES
        && path
            .split(|byte| *byte == b'/')
            .all(|part| !matches!(part, b"" | b"." | b"..") && !part.eq_ignore_ascii_case(b".git"))
}

/// As answers show it.
fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
