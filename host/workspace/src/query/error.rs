use std::io;
use std::path::{Path, PathBuf};

use super::QUERY_TIME;
use crate::error::FileError;
use crate::tree::MAX_PATH_BYTES;

/// Why a query has no answer. Paths are as the caller wrote them.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// There is nothing of that name.
    #[error("`{0}` does not exist in this session's directory")]
    NotFound(String),
    /// The path, or a symbolic link on it, leads out of the session's
    /// directory. Absolute links count as leading out wherever they point.
    #[error("`{0}` leads outside this session's directory")]
    Outside(String),
    /// It lies in Git's own folder.
    #[error(
        "`{0}` lies in Git's own folder, which is neither shown nor changed here: it may hold \
         passwords, and what is written there can run as a program"
    )]
    GitFolder(String),
    /// A parameter cannot be used.
    #[error("`{param}`: {reason}")]
    BadParams {
        /// Its name on the wire.
        param: &'static str,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Something other than a plain file, or than a folder, was named.
    #[error("`{path}` is {found}, not {wanted}")]
    WrongKind {
        /// What was asked for.
        path: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// It is larger than this crate reads or writes.
    #[error("{what} is larger than {max} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The bound, in bytes.
        max: u64,
    },
    /// Not UTF-8.
    #[error(
        "`{path}` is not UTF-8 text: the byte at offset {offset} does not fit. Read it with \
         \"encoding\": \"base64\""
    )]
    NotText {
        /// What was asked for.
        path: String,
        /// Where the first wrong byte is, from 0.
        offset: usize,
    },
    /// The file is not as the caller had read it.
    #[error("`{path}` {}: read it again, then edit", changed(.hash))]
    Changed {
        /// What was to be edited.
        path: String,
        /// The SHA-256 of the present content in hex; `None`: there is no such
        /// file now.
        hash: Option<String>,
    },
    /// The file must not be changed.
    #[error("`{0}` is read-only: change its mode to edit it")]
    ReadOnly(String),
    /// [`crate::Cancel::cancel`] was called.
    #[error("the query was cancelled")]
    Cancelled,
    /// [`QUERY_TIME`] has passed.
    #[error(
        "the query took longer than {} s: ask for a smaller folder or for less",
        QUERY_TIME.as_secs()
    )]
    TimedOut,
    /// No Git data that may be read.
    #[error("not a git repository: {0}")]
    NotARepository(String),
    /// Git data that cannot be read.
    #[error("cannot read this git repository: {0}")]
    Repository(String),
    /// The file system refused.
    #[error("cannot {action} `{path}`: {reason}")]
    Io {
        /// A verb.
        action: &'static str,
        /// What was asked for.
        path: String,
        /// Why.
        reason: io::Error,
    },
}

fn changed(hash: &Option<String>) -> &'static str {
    match hash {
        Some(_) => "exists, but not with the content that `hash` names",
        None => "no longer exists",
    }
}

/// What kind of error it is, for callers that map errors to codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are the variants of `QueryError`")]
pub enum QueryErrorKind {
    NotFound,
    Outside,
    GitFolder,
    BadParams,
    WrongKind,
    TooLarge,
    NotText,
    Changed,
    ReadOnly,
    Cancelled,
    TimedOut,
    NotARepository,
    Repository,
    Io,
}

impl QueryErrorKind {
    /// A name that stays, for the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "notFound",
            Self::Outside => "outside",
            Self::GitFolder => "gitFolder",
            Self::BadParams => "badParams",
            Self::WrongKind => "wrongKind",
            Self::TooLarge => "tooLarge",
            Self::NotText => "notText",
            Self::Changed => "changed",
            Self::ReadOnly => "readOnly",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timedOut",
            Self::NotARepository => "notARepository",
            Self::Repository => "repository",
            Self::Io => "io",
        }
    }
}

impl QueryError {
    /// Its kind.
    pub fn kind(&self) -> QueryErrorKind {
        match self {
            Self::NotFound(_) => QueryErrorKind::NotFound,
            Self::Outside(_) => QueryErrorKind::Outside,
            Self::GitFolder(_) => QueryErrorKind::GitFolder,
            Self::BadParams { .. } => QueryErrorKind::BadParams,
            Self::WrongKind { .. } => QueryErrorKind::WrongKind,
            Self::TooLarge { .. } => QueryErrorKind::TooLarge,
            Self::NotText { .. } => QueryErrorKind::NotText,
            Self::Changed { .. } => QueryErrorKind::Changed,
            Self::ReadOnly(_) => QueryErrorKind::ReadOnly,
            Self::Cancelled => QueryErrorKind::Cancelled,
            Self::TimedOut => QueryErrorKind::TimedOut,
            Self::NotARepository(_) => QueryErrorKind::NotARepository,
            Self::Repository(_) => QueryErrorKind::Repository,
            Self::Io { .. } => QueryErrorKind::Io,
        }
    }

    /// The hash that [`QueryError::Changed`] carries, for the wire.
    pub fn present_hash(&self) -> Option<&str> {
        match self {
            Self::Changed { hash, .. } => hash.as_deref(),
            _ => None,
        }
    }

    /// Turns an error of the capability into one for the caller.
    pub(crate) fn refused(
        action: &'static str,
        path: &Path,
    ) -> impl Fn(io::Error) -> QueryError + use<> {
        let path = path.to_string_lossy().into_owned();
        move |reason| match reason.kind() {
            // Not from the operating system: the capability refused to follow.
            io::ErrorKind::PermissionDenied if reason.raw_os_error().is_none() => {
                QueryError::Outside(path.clone())
            }
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                QueryError::NotFound(path.clone())
            }
            _ => QueryError::Io {
                action,
                path: path.clone(),
                reason,
            },
        }
    }
}

impl From<FileError> for QueryError {
    fn from(error: FileError) -> QueryError {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        match error {
            FileError::Outside { path, .. } => QueryError::Outside(text(path)),
            FileError::NotFound(path) => QueryError::NotFound(text(path)),
            FileError::NotAFile { path, found } => QueryError::WrongKind {
                path: text(path),
                found,
                wanted: "a plain file",
            },
            FileError::TooLarge(path) => QueryError::TooLarge {
                what: format!("`{}`", path.display()),
                max: crate::MAX_FILE_BYTES,
            },
            FileError::NotText { path, offset } => QueryError::NotText {
                path: text(path),
                offset,
            },
            FileError::ReadOnly(path) => QueryError::ReadOnly(text(path)),
            FileError::Io {
                action,
                path,
                reason,
            } => QueryError::Io {
                action,
                path: text(path),
                reason,
            },
            FileError::NotAbsolute(path) | FileError::DotDot(path) => QueryError::BadParams {
                param: "path",
                reason: format!("`{}` cannot be used", path.display()),
            },
            FileError::PathTooLong => QueryError::BadParams {
                param: "path",
                reason: format!("it is longer than {MAX_PATH_BYTES} bytes"),
            },
        }
    }
}
