use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;

use crate::error::FileError;

/// The largest file that is read or written: it travels as one JSON string, and
/// no source file that an agent can use is near this.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The longest path: Linux's `PATH_MAX`, and more than macOS takes.
pub const MAX_PATH_BYTES: usize = 4096;

/// The files under one directory.
#[derive(Debug)]
pub struct Tree {
    pub(crate) dir: Dir,
    root: PathBuf,
    /// Another spelling of `root`, through a link.
    alias: PathBuf,
}

impl Tree {
    /// Opens the directory `root` without asking whether a session may work
    /// there; [`crate::Roots::open`] asks.
    pub fn open(root: &Path) -> io::Result<Tree> {
        let real = std::fs::canonicalize(root)?;
        let dir = Dir::open_ambient_dir(&real, ambient_authority())?;
        Ok(Tree::new(dir, real, root))
    }

    pub(crate) fn new(dir: Dir, root: PathBuf, alias: &Path) -> Tree {
        Tree {
            dir,
            root,
            alias: alias.to_owned(),
        }
    }

    /// The directory, with links followed.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `path` from the root on. Only spelling is looked at here; links are the
    /// capability's business.
    pub(crate) fn below<'a>(&self, path: &'a Path) -> Result<&'a Path, FileError> {
        let text = path.as_os_str().as_bytes();
        if text.len() > MAX_PATH_BYTES {
            return Err(FileError::PathTooLong);
        }
        if !path.is_absolute() {
            return Err(FileError::NotAbsolute(path.to_owned()));
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(FileError::DotDot(path.to_owned()));
        }
        let below = self.inside(path).ok_or_else(|| self.outside(path))?;
        // `Path` does not show a slash at the end, which asks for a folder.
        if below.as_os_str().is_empty() || text.ends_with(b"/") || text.ends_with(b"/.") {
            return Err(FileError::NotAFile {
                path: path.to_owned(),
                found: "a folder",
            });
        }
        Ok(below)
    }

    /// The absolute `path` from the root on, by spelling.
    pub(crate) fn inside<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        path.strip_prefix(&self.root)
            .or_else(|_| path.strip_prefix(&self.alias))
            .ok()
    }

    pub(crate) fn outside(&self, path: &Path) -> FileError {
        FileError::Outside {
            path: path.to_owned(),
            root: self.root.clone(),
        }
    }

    /// Turns an error of the capability into one for the caller.
    pub(crate) fn refused(
        &self,
        action: &'static str,
        path: &Path,
    ) -> impl Fn(io::Error) -> FileError {
        move |reason| match reason.kind() {
            // Not from the operating system: the capability refused to follow.
            io::ErrorKind::PermissionDenied if reason.raw_os_error().is_none() => {
                self.outside(path)
            }
            io::ErrorKind::NotFound => FileError::NotFound(path.to_owned()),
            io::ErrorKind::NotADirectory => FileError::NotFound(path.to_owned()),
            _ => FileError::Io {
                action,
                path: path.to_owned(),
                reason,
            },
        }
    }
}

/// Options to open what should be a plain file. Without `NONBLOCK` a FIFO that
/// took the file's place would make the open wait for ever.
pub(crate) fn file_options(more: OFlags) -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | more;
    options.custom_flags(flags.bits().cast_signed());
    options
}

/// Refuses everything but a plain file.
pub(crate) fn must_be_file(kind: FileType, path: &Path) -> Result<(), FileError> {
    if kind.is_file() {
        return Ok(());
    }
    Err(FileError::NotAFile {
        path: path.to_owned(),
        found: if kind.is_dir() {
            "a folder"
        } else if kind.is_symlink() {
            "a link that leads nowhere"
        } else {
            "a special file"
        },
    })
}
