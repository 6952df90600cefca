use std::collections::{BTreeMap, HashMap};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::flat::Flat;
use super::index::{Index, IndexEntry};
use super::worktree::Worktree;
use super::{Repository, shown};
use crate::query::walk::{Step, Walk};
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

#[derive(Debug, Default)]
struct Changes {
    index: Option<Change>,
    worktree: Option<Change>,
    from: Option<Vec<u8>>,
}

type ByPath = BTreeMap<Vec<u8>, Changes>;

impl Tree {
    /// What `git status` shows, without filters: a file that a filter has
    /// changed on checkout counts as modified once it is touched. Only renames
    /// without a change of content are recognised, and submodules are not
    /// looked into.
    pub fn status(&self, params: &StatusParams, cancel: &Cancel) -> Result<Status, QueryError> {
        let limit = path::limit(params.limit, DEFAULT_CHANGES, MAX_CHANGES)?;
        let repository = Repository::open(self)?;
        let head = repository.head()?;
        let index = repository.index(cancel)?;
        let mut changes = ByPath::new();
        for staged in repository.staged(head.commit, &index, cancel)? {
            changes.insert(staged.path().to_owned(), staged.changes());
        }
        for (entry, change) in unstaged(self, &index, cancel)? {
            changes.entry(entry.path.clone()).or_default().worktree = Some(change);
        }
        let mut truncated = untracked(self, &index, &mut changes, limit, cancel)?;
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

/// A difference between a commit and the index.
#[derive(Debug)]
pub(super) struct Staged<'a> {
    pub(super) old: Option<Flat>,
    pub(super) new: Option<&'a IndexEntry>,
}

impl Staged<'_> {
    pub(super) fn path(&self) -> &[u8] {
        match (self.new, &self.old) {
            (Some(new), _) => &new.path,
            (None, Some(old)) => &old.path,
            (None, None) => &[],
        }
    }

    pub(super) fn change(&self) -> Change {
        match (&self.old, self.new) {
            (_, Some(new)) if new.stage > 0 => Change::Conflicted,
            (None, _) => Change::Added,
            (_, None) => Change::Deleted,
            (Some(old), Some(new)) if old.path != new.path => Change::Renamed,
            (Some(old), Some(new)) if old.mode & 0o170_000 != new.mode & 0o170_000 => {
                Change::TypeChanged
            }
            _ => Change::Modified,
        }
    }

    fn changes(&self) -> Changes {
        let change = self.change();
        let from = self.old.as_ref().filter(|_| change == Change::Renamed);
        Changes {
            index: Some(change),
            worktree: None,
            from: from.map(|old| old.path.clone()),
        }
    }
}

impl Repository {
    /// How the index differs from a commit, in the order of paths.
    pub(super) fn staged<'a>(
        &self,
        commit: Option<gix_hash::ObjectId>,
        index: &'a Index,
        cancel: &Cancel,
    ) -> Result<Vec<Staged<'a>>, QueryError> {
        let mut old = self.files(commit, cancel)?.into_iter().peekable();
        let mut staged = Vec::new();
        let mut last: &[u8] = &[];
        for new in index.entries.iter().filter(|new| !new.intent) {
            cancel.check()?;
            // The other stages of a conflict.
            if new.path == last {
                continue;
            }
            last = &new.path;
            while let Some(gone) = old.next_if(|old| old.path < new.path) {
                staged.push(Staged {
                    old: Some(gone),
                    new: None,
                });
            }
            let old = old.next_if(|old| old.path == new.path);
            let same = old
                .as_ref()
                .is_some_and(|old| (old.id, old.mode) == (new.id, new.mode));
            if !same || new.stage > 0 {
                let new = Some(new);
                staged.push(Staged { old, new });
            }
        }
        staged.extend(old.map(|gone| Staged {
            old: Some(gone),
            new: None,
        }));
        Ok(renamed(staged))
    }
}

/// Joins what is gone with what is new and has its content.
fn renamed(staged: Vec<Staged<'_>>) -> Vec<Staged<'_>> {
    let (gone, mut kept): (Vec<_>, Vec<_>) =
        staged.into_iter().partition(|staged| staged.new.is_none());
    let mut by_id: HashMap<_, Vec<Flat>> = HashMap::new();
    for old in gone.into_iter().rev().filter_map(|staged| staged.old) {
        by_id.entry(old.id).or_default().push(old);
    }
    for staged in &mut kept {
        if let (None, Some(new)) = (&staged.old, staged.new)
            && new.stage == 0
        {
            staged.old = by_id.get_mut(&new.id).and_then(Vec::pop);
        }
    }
    kept.extend(by_id.into_values().flatten().map(|old| Staged {
        old: Some(old),
        new: None,
    }));
    kept.sort_by(|a, b| a.path().cmp(b.path()));
    kept
}

/// How files differ from the index, in the order of paths.
pub(super) fn unstaged<'a>(
    tree: &Tree,
    index: &'a Index,
    cancel: &Cancel,
) -> Result<Vec<(&'a IndexEntry, Change)>, QueryError> {
    let mut worktree = Worktree::new(tree, cancel);
    let mut changes = Vec::new();
    for entry in &index.entries {
        if entry.stage > 0 || entry.skip {
            continue;
        }
        if let Some(change) = worktree.change(entry, index)? {
            changes.push((entry, change));
        }
    }
    Ok(changes)
}

/// Adds what is not in the index, and says whether a bound was reached.
fn untracked(
    tree: &Tree,
    index: &Index,
    changes: &mut ByPath,
    limit: usize,
    cancel: &Cancel,
) -> Result<bool, QueryError> {
    // The folder that is shown as soon as a file is found in it.
    let mut folder: Option<Vec<u8>> = None;
    let mut count = 0;
    let mut cut = false;
    let mut walk = Walk::new(tree, cancel);
    walk.run(Path::new(""), &mut |found| {
        if count > limit {
            cut = true;
            return Ok(Step::Stop);
        }
        let path = found.path.as_os_str().as_bytes();
        let inside = folder
            .as_ref()
            .filter(|folder| path.starts_with(folder))
            .cloned();
        if found.kind.is_dir() {
            // A submodule, or another repository.
            if tracked(index, path) {
                return Ok(Step::Over);
            }
            let other = is_repository(found.dir, found.name);
            if inside.is_none() && !tracks_inside(index, path) {
                let path = [path, b"/"].concat();
                if other {
                    add(changes, path);
                    count += 1;
                    return Ok(Step::Over);
                }
                folder = Some(path);
            } else if let Some(inside) = inside {
                if changes.contains_key(&inside) {
                    return Ok(Step::Over);
                }
                if other {
                    add(changes, inside);
                    count += 1;
                    return Ok(Step::Over);
                }
            }
            return Ok(Step::Into);
        }
        // Git tracks files and links.
        if !found.kind.is_file() && !found.kind.is_symlink() || tracked(index, path) {
            return Ok(Step::Over);
        }
        let path = inside.unwrap_or_else(|| path.to_owned());
        if !changes.contains_key(&path) || !path.ends_with(b"/") {
            count += 1;
        }
        add(changes, path);
        Ok(Step::Over)
    })?;
    Ok(cut || walk.cut)
}

fn add(changes: &mut ByPath, path: Vec<u8>) {
    changes.entry(path).or_default().worktree = Some(Change::Untracked);
}

fn is_repository(dir: &cap_std::fs::Dir, name: &std::ffi::OsStr) -> bool {
    dir.symlink_metadata(Path::new(name).join(".git")).is_ok()
}

fn tracked(index: &Index, path: &[u8]) -> bool {
    let by_path = |entry: &IndexEntry| entry.path.as_slice().cmp(path);
    index.entries.binary_search_by(by_path).is_ok()
}

fn tracks_inside(index: &Index, folder: &[u8]) -> bool {
    let prefix = [folder, b"/"].concat();
    let at = index.entries.partition_point(|entry| entry.path < prefix);
    index
        .entries
        .get(at)
        .is_some_and(|entry| entry.path.starts_with(&prefix))
}
