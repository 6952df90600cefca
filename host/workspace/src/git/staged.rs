//! How the index differs from a commit.

use std::collections::HashMap;

use super::flat::Flat;
use super::index::{Index, IndexEntry};
use super::{Change, Repository};
use crate::query::{Cancel, QueryError};

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

    /// The path before, of what was renamed.
    pub(super) fn from(&self) -> Option<&[u8]> {
        let old = self.old.as_ref()?;
        (self.change() == Change::Renamed).then_some(&old.path)
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
