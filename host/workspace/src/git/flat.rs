//! All files of one commit.

use gix_hash::ObjectId;
use gix_object::{CommitRef, Kind, TreeRefIter};

use super::objects::MAX_OBJECT_BYTES;
use super::{MAX_PATHS_BYTES, Repository, damaged, good_path};
use crate::query::{Cancel, QueryError};

/// How deep trees go: each has a part of a path, and no project is near this.
const MAX_TREE_DEPTH: usize = 256;

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flat {
    pub(super) path: Vec<u8>,
    pub(super) mode: u32,
    pub(super) id: ObjectId,
}

impl Repository {
    /// The files of a commit in the order of their paths; without one, none.
    pub(super) fn files(
        &self,
        commit: Option<ObjectId>,
        cancel: &Cancel,
    ) -> Result<Vec<Flat>, QueryError> {
        let Some(commit) = commit else {
            return Ok(Vec::new());
        };
        let data = self
            .objects
            .find_kind(&commit, Kind::Commit, MAX_OBJECT_BYTES, cancel)?;
        let tree = CommitRef::from_bytes(&data, gix_hash::Kind::Sha1)
            .map_err(|_| damaged(format!("the commit {commit} is damaged")))?
            .tree();
        let mut reading = Reading {
            repository: self,
            cancel,
            path: Vec::new(),
            paths: 0,
            files: Vec::new(),
        };
        reading.tree(&tree, 0)?;
        // Damaged trees are not in order.
        reading.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(reading.files)
    }

    /// The id of what a tree has at a path.
    pub(super) fn at_path(
        &self,
        tree: ObjectId,
        path: &str,
        cancel: &Cancel,
    ) -> Result<Option<ObjectId>, QueryError> {
        let mut id = tree;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let data = self.tree_data(&id, cancel)?;
            let mut found = None;
            for entry in TreeRefIter::from_bytes(&data, gix_hash::Kind::Sha1) {
                let entry = entry.map_err(|_| bad_tree(&id))?;
                if entry.filename == part.as_bytes() {
                    found = Some((entry.oid.to_owned(), entry.mode.is_tree()));
                    break;
                }
            }
            match found {
                Some((next, true)) => id = next,
                Some((file, false)) => return Ok(parts.peek().is_none().then_some(file)),
                None => return Ok(None),
            }
        }
        Ok(Some(id))
    }

    fn tree_data(&self, id: &ObjectId, cancel: &Cancel) -> Result<Vec<u8>, QueryError> {
        self.objects
            .find_kind(id, Kind::Tree, MAX_OBJECT_BYTES, cancel)
    }
}

struct Reading<'a> {
    repository: &'a Repository,
    cancel: &'a Cancel,
    path: Vec<u8>,
    /// Bytes in the paths of `files`.
    paths: usize,
    files: Vec<Flat>,
}

impl Reading<'_> {
    fn tree(&mut self, id: &ObjectId, depth: usize) -> Result<(), QueryError> {
        if depth > MAX_TREE_DEPTH {
            return Err(damaged("its trees go too deep"));
        }
        let data = self.repository.tree_data(id, self.cancel)?;
        for entry in TreeRefIter::from_bytes(&data, gix_hash::Kind::Sha1) {
            let entry = entry.map_err(|_| bad_tree(id))?;
            let length = self.path.len();
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(entry.filename);
            if entry.filename.contains(&b'/') || !good_path(&self.path) {
                return Err(bad_tree(id));
            }
            if entry.mode.is_tree() {
                self.tree(&entry.oid.to_owned(), depth + 1)?;
            } else {
                self.paths += self.path.len() + size_of::<Flat>();
                if self.paths > MAX_PATHS_BYTES {
                    return Err(damaged("its commit has too many files"));
                }
                self.files.push(Flat {
                    path: self.path.clone(),
                    mode: u32::from(entry.mode.value()),
                    id: entry.oid.to_owned(),
                });
            }
            self.path.truncate(length);
        }
        Ok(())
    }
}

fn bad_tree(id: &ObjectId) -> QueryError {
    damaged(format!("the tree {id} is damaged"))
}
