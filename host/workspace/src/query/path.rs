//! Paths as queries spell them: relative to the session's directory.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::QueryError;
use crate::tree::{MAX_PATH_BYTES, Tree};

/// Checks the spelling of a path to a folder or file; `""` is the session's
/// directory. Links are the capability's business.
pub(crate) fn any(path: &str) -> Result<&Path, QueryError> {
    let bad = |reason: String| {
        Err(QueryError::BadParams {
            param: "path",
            reason,
        })
    };
    if path.len() > MAX_PATH_BYTES {
        return bad(format!("it is longer than {MAX_PATH_BYTES} bytes"));
    }
    if path.contains('\0') {
        return bad("it has a NUL byte in it".to_owned());
    }
    if path.starts_with('/') {
        return bad(format!(
            "`{path}` is absolute: write it relative to the session's directory"
        ));
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    for part in path.split('/').filter(|_| !path.is_empty()) {
        match part {
            ".." => return bad(format!("`{path}` has `..` in it: write it without")),
            "" | "." => return bad(format!("`{path}` has an empty part or `.` in it")),
            _ => {}
        }
    }
    not_git(Path::new(path), path)?;
    Ok(Path::new(path))
}

/// Checks the spelling of a path to a file.
pub(crate) fn file(path: &str) -> Result<&Path, QueryError> {
    let checked = any(path)?;
    if path.is_empty() || path.ends_with('/') {
        return Err(QueryError::BadParams {
            param: "path",
            reason: format!("`{path}` names a folder: name a file"),
        });
    }
    Ok(checked)
}

/// What opens `path` from the capability, which does not take `""`.
pub(crate) fn or_dot(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        return Path::new(".");
    }
    path
}

/// Whether a file's name is that of Git's folder, on any file system.
pub(crate) fn is_git(name: &OsStr) -> bool {
    name.eq_ignore_ascii_case(".git")
}

/// Where `path` is once links are followed, which must not be in Git's folder.
pub(crate) fn real(tree: &Tree, path: &Path) -> Result<PathBuf, QueryError> {
    let real = tree
        .dir
        .canonicalize(or_dot(path))
        .map_err(QueryError::refused("follow", path))?;
    not_git(&real, &path.to_string_lossy())?;
    Ok(real)
}

pub(crate) fn not_git(path: &Path, asked: &str) -> Result<(), QueryError> {
    let inside = path
        .components()
        .any(|part| matches!(part, Component::Normal(name) if is_git(name)));
    if inside {
        return Err(QueryError::GitFolder(asked.to_owned()));
    }
    Ok(())
}

/// As many as the caller wants, or `default`, but at most `max`.
pub(crate) fn limit(asked: Option<u32>, default: usize, max: usize) -> Result<usize, QueryError> {
    match asked {
        None => Ok(default.min(max)),
        Some(0) => Err(QueryError::BadParams {
            param: "limit",
            reason: "it must be at least 1".to_owned(),
        }),
        Some(asked) => Ok(usize::try_from(asked).unwrap_or(max).min(max)),
    }
}
