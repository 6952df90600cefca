//! Files that are not in the index.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use cap_std::fs::Dir;

use super::index::{Index, IndexEntry};
use crate::query::walk::{Step, Walk};
use crate::query::{Cancel, QueryError};
use crate::tree::Tree;

/// What is not in the index, at most one more than `limit`, and whether a bound
/// was reached. A folder without anything tracked ends in `/` and stands for
/// all that is in it.
pub(super) fn untracked(
    tree: &Tree,
    index: &Index,
    limit: usize,
    cancel: &Cancel,
) -> Result<(BTreeSet<Vec<u8>>, bool), QueryError> {
    let mut paths = BTreeSet::new();
    // The folder that is shown as soon as a file is found in it.
    let mut folder: Option<Vec<u8>> = None;
    let mut cut = false;
    let mut walk = Walk::new(tree, cancel);
    walk.run(Path::new(""), &mut |found| {
        let path = found.path.as_os_str().as_bytes();
        // Also what is tracked as a submodule.
        if tracked(index, path) {
            return Ok(Step::Over);
        }
        let inside = folder
            .as_ref()
            .filter(|folder| path.starts_with(folder))
            .cloned();
        if inside.as_ref().is_some_and(|folder| paths.contains(folder)) {
            return Ok(Step::Over);
        }
        let is_folder = found.kind.is_dir();
        let as_folder = || [path, b"/"].concat();
        let new = is_folder && !tracks_inside(index, path);
        let other = new && is_repository(found.dir, found.name);
        if is_folder && !other {
            if new && inside.is_none() {
                folder = Some(as_folder());
            }
            return Ok(Step::Into);
        }
        // Git tracks files and links.
        if !other && !found.kind.is_file() && !found.kind.is_symlink() {
            return Ok(Step::Over);
        }
        paths.insert(match inside {
            Some(folder) => folder,
            None if other => as_folder(),
            None => path.to_owned(),
        });
        if paths.len() > limit {
            cut = true;
            return Ok(Step::Stop);
        }
        Ok(Step::Over)
    })?;
    Ok((paths, cut || walk.cut))
}

fn is_repository(dir: &Dir, name: &OsStr) -> bool {
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
