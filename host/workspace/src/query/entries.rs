use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cap_std::fs::FileType;
use serde::{Deserialize, Serialize};

use super::walk::{Found, MAX_WALK_DEPTH, Step, Walk};
use super::{Cancel, MAX_SHOWN_BYTES, QueryError, path};
use crate::tree::{MAX_PATH_BYTES, Tree};

/// The most entries in one answer. Long paths end a page earlier.
pub const MAX_ENTRIES: usize = 1000;

/// The entries in one answer if nothing is said: more than fit on a screen.
pub const DEFAULT_ENTRIES: usize = 200;

/// How deep one answer goes: as deep as any walk.
pub const MAX_DEPTH: u32 = MAX_WALK_DEPTH as u32;

/// What to list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TreeParams {
    /// A folder; `""` or nothing: the session's directory.
    pub path: Option<String>,
    /// 1, the default: what is in the folder; 2: what is in its folders, too.
    pub depth: Option<u32>,
    /// At most [`MAX_ENTRIES`].
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// A page of entries in the order of their names, each folder before what is
/// in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntriesPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Goes into `after` for the next page; not there on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// From the session's directory on.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// In bytes, of files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// The name is not UTF-8: `path` shows it, but cannot be used to ask for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lossy: bool,
}

/// What an entry is. Links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link.
    Link,
    /// A socket, a FIFO, a device.
    Other,
}

impl From<FileType> for EntryKind {
    fn from(kind: FileType) -> EntryKind {
        if kind.is_file() {
            EntryKind::File
        } else if kind.is_dir() {
            EntryKind::Dir
        } else if kind.is_symlink() {
            EntryKind::Link
        } else {
            EntryKind::Other
        }
    }
}

impl Tree {
    /// What is in a folder, without what Git leaves out and without `.git`. A
    /// folder that is named is shown, also if Git leaves it out.
    pub fn entries(&self, params: &TreeParams, cancel: &Cancel) -> Result<EntriesPage, QueryError> {
        let start = path::any(params.path.as_deref().unwrap_or_default())?;
        let limit = path::limit(params.limit, DEFAULT_ENTRIES, MAX_ENTRIES)?;
        let depth = match params.depth.unwrap_or(1) {
            depth @ 1..=MAX_DEPTH => usize::try_from(depth).unwrap_or(1),
            _ => {
                return Err(QueryError::BadParams {
                    param: "depth",
                    reason: format!("it must be from 1 to {MAX_DEPTH}"),
                });
            }
        };
        let after = match &params.after {
            Some(after) => Some(from_cursor(after, start)?),
            None => None,
        };
        let mut entries = Vec::new();
        let mut last = None;
        let mut shown = 0;
        let mut more = false;
        let mut walk = Walk::new(self, cancel);
        // The one that the cursor names, those of the page, and one more.
        walk.keep = limit + 2;
        walk.after = after;
        walk.run(start, &mut |found| {
            if !found.seen {
                if entries.len() == limit || shown > MAX_SHOWN_BYTES {
                    more = true;
                    return Ok(Step::Stop);
                }
                shown += found.path.as_os_str().len();
                entries.push(entry(found));
                last = Some(found.path.to_owned());
            }
            Ok(if found.depth < depth {
                Step::Into
            } else {
                Step::Over
            })
        })?;
        let next = last.filter(|_| more).map(|last| cursor(&last));
        Ok(EntriesPage { entries, next })
    }
}

fn entry(found: &Found<'_>) -> Entry {
    let kind = EntryKind::from(found.kind);
    // It may have gone meanwhile.
    let meta = found.dir.symlink_metadata(found.name).ok();
    let modified = meta
        .as_ref()
        .and_then(|meta| meta.modified().ok())
        .map(|time| millis(time.into_std()));
    Entry {
        path: found.path.to_string_lossy().into_owned(),
        kind,
        size: meta.filter(|meta| meta.is_file()).map(|meta| meta.len()),
        modified,
        lossy: found.path.to_str().is_none(),
    }
}

fn millis(time: std::time::SystemTime) -> i64 {
    let clamp = |millis: u128| i64::try_from(millis).unwrap_or(i64::MAX);
    match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => clamp(after.as_millis()),
        Err(before) => -clamp(before.duration().as_millis()),
    }
}

/// The path's bytes, because a name need not be UTF-8.
fn cursor(path: &Path) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(path.as_os_str().as_bytes())
}

fn from_cursor(cursor: &str, start: &Path) -> Result<PathBuf, QueryError> {
    let bad = || QueryError::BadParams {
        param: "after",
        reason: "it is not a `next` of a page for this path".to_owned(),
    };
    if cursor.len() > 2 * MAX_PATH_BYTES {
        return Err(bad());
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let path = PathBuf::from(std::ffi::OsString::from_vec(bytes));
    if path == start || !path.starts_with(start) {
        return Err(bad());
    }
    Ok(path)
}
