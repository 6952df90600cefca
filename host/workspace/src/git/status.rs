use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::untracked::untracked;
use super::worktree::unstaged;
use super::{Repository, shown};
use crate::query::{Cancel, MAX_SHOWN_BYTES, QueryError, path};
use crate::tree::Tree;

/// The most changes in one answer. Long paths end it earlier.
pub const MAX_CHANGES: usize = 2000;

/// The changes in one answer if nothing is said.
const DEFAULT_CHANGES: usize = 500;

/// How much to show.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusParams {
    /// At most [`MAX_CHANGES`].
    pub limit: Option<u32>,
}

/// Where the repository of the session's directory stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The branch; `null` if `HEAD` is detached.
    pub branch: Option<String>,
    /// The id of the commit; `null` if there is none yet.
    pub head: Option<String>,
    /// What differs, in the order of paths.
    pub entries: Vec<StatusEntry>,
    /// A bound was reached: there may be more.
    pub truncated: bool,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusEntry {
    /// From the session's directory on. A folder in which nothing is tracked
    /// ends in `/` and stands for all that is in it.
    pub path: String,
    /// How the index differs from the commit.
    pub index: Option<Change>,
    /// How the file differs from the index.
    pub worktree: Option<Change>,
    /// The path in the commit, of what was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// It is new.
    Added,
    /// It has another content or mode.
    Modified,
    /// It is not there.
    Deleted,
    /// It has another path and the same content.
    Renamed,
    /// It was a file and is a link, or the like.
    TypeChanged,
    /// It is not in the index, and not left out.
    Untracked,
    /// A merge has left it open.
    Conflicted,
}

/// What an entry is made of.
#[derive(Debug, Default)]
struct Changes {
    index: Option<Change>,
    worktree: Option<Change>,
    from: Option<Vec<u8>>,
}

impl Tree {
    /// What `git status` shows, without filters: a file that a filter has
    /// changed on checkout counts as modified once it is touched, and a file
    /// system that cannot keep whether a file is a program makes files count as
    /// modified. What the user's own configuration leaves out is shown. Only renames
    /// without a change of content are recognised, and submodules are not
    /// looked into.
    pub fn status(&self, params: &StatusParams, cancel: &Cancel) -> Result<Status, QueryError> {
        let limit = path::limit(params.limit, DEFAULT_CHANGES, MAX_CHANGES)?;
        let repository = Repository::open(self)?;
        let head = repository.head()?;
        let index = repository.index(cancel)?;
        let mut changes = BTreeMap::<Vec<u8>, Changes>::new();
        for staged in repository.staged(head.commit, &index, cancel)? {
            let entry = changes.entry(staged.path().to_owned()).or_default();
            entry.index = Some(staged.change());
            entry.from = staged.from().map(<[u8]>::to_owned);
        }
        for (entry, change) in unstaged(self, &index, cancel)? {
            changes.entry(entry.path.clone()).or_default().worktree = Some(change);
        }
        let (new, mut truncated) = untracked(self, &index, limit, cancel)?;
        for path in new {
            changes.entry(path).or_default().worktree = Some(Change::Untracked);
        }
        let mut entries = Vec::new();
        let mut size = 0;
        for (path, changes) in changes {
            if entries.len() == limit || size > MAX_SHOWN_BYTES {
                truncated = true;
                break;
            }
            size += path.len() + changes.from.as_ref().map_or(0, Vec::len);
            entries.push(StatusEntry {
                path: shown(&path),
                index: changes.index,
                worktree: changes.worktree,
                from: changes.from.as_deref().map(shown),
            });
        }
        Ok(Status {
            branch: head.branch,
            head: head.commit.map(|id| id.to_string()),
            entries,
            truncated,
        })
    }
}
