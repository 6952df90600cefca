use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::tree::{MAX_FILE_BYTES, MAX_PATH_BYTES};

/// Why a session cannot work in a directory.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// No root is configured.
    #[error("`[workspace] roots` in hostler.toml is empty: name at least one directory")]
    NoRoots,
    /// A configured root is not an absolute path.
    #[error("`{}` in `[workspace] roots` of hostler.toml is not an absolute path", .0.display())]
    RelativeRoot(PathBuf),
    /// The `cwd` is not an absolute path.
    #[error("`cwd` is `{}`: it must be an absolute path on the host", .0.display())]
    NotAbsolute(PathBuf),
    /// There is nothing of that name.
    #[error("`cwd` is {}, which does not exist on the host", .0.display())]
    Missing(PathBuf),
    /// It is something else.
    #[error("`cwd` is {}, which is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// It lies elsewhere.
    #[error(
        "`cwd` is {}, which lies outside the workspace roots ({}). Choose a directory under one \
         of them, or add it to `[workspace] roots` in hostler.toml",
        .path.display(), List(.roots)
    )]
    Outside {
        /// The `cwd`, with links followed.
        path: PathBuf,
        /// The roots as configured.
        roots: Vec<PathBuf>,
    },
    /// The file system refused.
    #[error("cannot open `cwd` {}: {reason}", .path.display())]
    Io {
        /// The `cwd`.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
}

struct List<'a>(&'a [PathBuf]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.0.iter().map(|p| p.display().to_string()).collect();
        f.write_str(&paths.join(", "))
    }
}

/// Why a file cannot be read or written. Paths are as the caller wrote them.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path is relative.
    #[error("`{}` is not an absolute path", .0.display())]
    NotAbsolute(PathBuf),
    /// The path is longer than any file system takes.
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    PathTooLong,
    /// The path has `..` in it.
    #[error("{} has `..` in it: write the path without", .0.display())]
    DotDot(PathBuf),
    /// The path, or a symbolic link on it, leads elsewhere. Absolute links
    /// count as leading elsewhere wherever they point.
    #[error("{} leads outside the session's directory {}", .path.display(), .root.display())]
    Outside {
        /// What was asked for.
        path: PathBuf,
        /// The session's directory.
        root: PathBuf,
    },
    /// There is no such file, or no such folder on the way.
    #[error("{} does not exist", .0.display())]
    NotFound(PathBuf),
    /// It is a folder, a device, a FIFO, a link that leads nowhere, …
    #[error("{} is {found} and not a plain file", .path.display())]
    NotAFile {
        /// What was asked for.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// More than [`MAX_FILE_BYTES`].
    #[error("{} is larger than {} MiB", .0.display(), MAX_FILE_BYTES / (1024 * 1024))]
    TooLarge(PathBuf),
    /// Not UTF-8.
    #[error("{} is not a UTF-8 text file: the byte at offset {offset} does not fit", .path.display())]
    NotText {
        /// What was asked for.
        path: PathBuf,
        /// Where the first wrong byte is, from 0.
        offset: usize,
    },
    /// The file must not be changed.
    #[error("{} is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// The file system refused.
    #[error("cannot {action} {}: {reason}", .path.display())]
    Io {
        /// A verb.
        action: &'static str,
        /// What was asked for.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
}
