use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use similar::TextDiff;

use super::index::Index;
use super::side::Side;
use super::worktree::{Worktree, unstaged};
use super::{Change, Repository, shown};
use crate::query::{Cancel, MAX_SHOWN_BYTES, QueryError, path};
use crate::tree::Tree;

/// The most text in one answer, in bytes.
pub const MAX_DIFF_BYTES: usize = MAX_SHOWN_BYTES;

/// The text in one answer in bytes if nothing is said.
const DEFAULT_DIFF_BYTES: usize = 256 * 1024;

/// The most files in one answer.
const MAX_DIFFED_FILES: usize = 500;

/// Of a file that is larger, before or after, no lines are compared.
pub const MAX_DIFFED_FILE: u64 = 1024 * 1024;

/// How long lines of one file are compared for the shortest diff; then a
/// longer one is good enough.
const COMPARE_TIME: Duration = Duration::from_millis(500);

/// Where Git looks for the zero that makes a file binary.
const BINARY_PREFIX: usize = 8000;

/// What to compare.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DiffParams {
    /// A file, or a folder; `""` or nothing: all.
    pub path: Option<String>,
    /// The index with the commit; otherwise the files with the index.
    pub staged: bool,
    /// At most so many bytes of text; at most [`MAX_DIFF_BYTES`].
    pub limit: Option<u32>,
}

/// What differs, in the order of paths.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diffs {
    /// One for each file.
    pub files: Vec<FileDiff>,
    /// A bound was reached: there are more files.
    pub truncated: bool,
}

/// How a file differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileDiff {
    /// From the session's directory on.
    pub path: String,
    /// The path before, of what was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// How it differs.
    pub change: Change,
    /// It was or is binary: there is no text.
    pub binary: bool,
    /// It was or is larger than [`MAX_DIFFED_FILE`]: there is no text.
    pub too_large: bool,
    /// A unified diff. Bytes that are no UTF-8 are replaced.
    pub text: String,
    /// The text ends early.
    pub truncated: bool,
}

impl Tree {
    /// What `git diff` shows, without filters and other programs. Files that
    /// are not tracked are not in it.
    pub fn diff(&self, params: &DiffParams, cancel: &Cancel) -> Result<Diffs, QueryError> {
        let below = path::any(params.path.as_deref().unwrap_or_default())?;
        let wanted = |path: &[u8]| is_below(path, below.as_os_str().as_bytes());
        let left = path::limit(params.limit, DEFAULT_DIFF_BYTES, MAX_DIFF_BYTES)?;
        let repository = Repository::open(self)?;
        let head = repository.head()?;
        let index = repository.index(cancel)?;
        let mut diffs = Collected {
            diffs: Diffs {
                files: Vec::new(),
                truncated: false,
            },
            left,
            cancel,
        };
        if params.staged {
            for staged in repository.staged(head.commit, &index, cancel)? {
                if !wanted(staged.path()) {
                    continue;
                }
                let change = staged.change();
                let old = match &staged.old {
                    Some(old) => Some(repository.side(old.mode, &old.id, cancel)?),
                    None => None,
                };
                let new = match staged.new {
                    Some(new) if change != Change::Conflicted => {
                        Some(repository.side(new.mode, &new.id, cancel)?)
                    }
                    _ => None,
                };
                if !diffs.add(staged.path(), staged.from(), change, old, new)? {
                    break;
                }
            }
        } else {
            let index = Index {
                entries: index
                    .entries
                    .into_iter()
                    .filter(|entry| wanted(&entry.path))
                    .collect(),
                ..index
            };
            let mut worktree = Worktree::new(self, cancel);
            for (entry, change) in unstaged(self, &index, cancel)? {
                let old = if entry.intent {
                    None
                } else {
                    Some(repository.side(entry.mode, &entry.id, cancel)?)
                };
                let new = worktree.side(entry)?;
                if !diffs.add(&entry.path, None, change, old, new)? {
                    break;
                }
            }
        }
        Ok(diffs.diffs)
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) => folder.is_empty() || rest.is_empty() || rest.starts_with(b"/"),
        None => false,
    }
}

struct Collected<'a> {
    diffs: Diffs,
    /// Bytes of text that still fit.
    left: usize,
    cancel: &'a Cancel,
}

impl Collected<'_> {
    /// Adds a file; `false` if no more fit.
    fn add(
        &mut self,
        path: &[u8],
        from: Option<&[u8]>,
        change: Change,
        old: Option<Side>,
        new: Option<Side>,
    ) -> Result<bool, QueryError> {
        self.cancel.check()?;
        if self.left == 0 || self.diffs.files.len() == MAX_DIFFED_FILES {
            self.diffs.truncated = true;
            return Ok(false);
        }
        let mut file = FileDiff {
            path: shown(path),
            from: from.map(shown),
            change,
            binary: false,
            too_large: false,
            text: String::new(),
            truncated: false,
        };
        let modes = (old.as_ref().map(|s| s.mode), new.as_ref().map(|s| s.mode));
        match (Side::bytes(old.as_ref()), Side::bytes(new.as_ref())) {
            (Some(old), Some(new)) if !is_binary(old) && !is_binary(new) => {
                let mut text = Text {
                    bytes: Vec::new(),
                    left: self.left,
                    full: false,
                };
                // It fails only when the text is full.
                let name = from.unwrap_or(path);
                let _ = write_diff(&mut text, name, path, modes, old, new, self.cancel);
                file.text = shown(&text.bytes);
                file.truncated = text.full;
                // Replacing bytes makes a text longer.
                self.left = self.left.saturating_sub(file.text.len());
            }
            (Some(_), Some(_)) => file.binary = true,
            _ => file.too_large = true,
        }
        self.left = self.left.saturating_sub(path.len());
        self.diffs.files.push(file);
        Ok(true)
    }
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(BINARY_PREFIX).any(|byte| *byte == 0)
}

fn write_diff(
    text: &mut Text,
    from: &[u8],
    path: &[u8],
    modes: (Option<u32>, Option<u32>),
    old: &[u8],
    new: &[u8],
    cancel: &Cancel,
) -> io::Result<()> {
    match modes {
        (Some(old), Some(new)) if old != new => {
            writeln!(text, "old mode {old:o}\nnew mode {new:o}")?;
        }
        _ => {}
    }
    let name = |side: Option<u32>, prefix: &str, path: &[u8]| match side {
        Some(_) => format!("{prefix}/{}", shown(path)),
        None => "/dev/null".to_owned(),
    };
    let deadline = (Instant::now() + COMPARE_TIME).min(cancel.deadline());
    TextDiff::configure()
        .deadline(deadline)
        .diff_lines(old, new)
        .unified_diff()
        .header(&name(modes.0, "a", from), &name(modes.1, "b", path))
        .to_writer(text)
}

/// A text up to a length in bytes.
struct Text {
    bytes: Vec<u8>,
    left: usize,
    full: bool,
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 && !bytes.is_empty() {
            self.full = true;
            return Err(io::ErrorKind::WriteZero.into());
        }
        let part = bytes.get(..self.left).unwrap_or(bytes);
        self.bytes.extend_from_slice(part);
        self.left -= part.len();
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
