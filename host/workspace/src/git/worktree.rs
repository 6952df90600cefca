//! Files as they are, beside what the index says.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use cap_std::fs::{Dir, Metadata, MetadataExt as _};
use gix_hash::ObjectId;
use rustix::fs::OFlags;

use super::Change;
use super::index::{Index, IndexEntry, mode};
use crate::query::{Cancel, QueryError};
use crate::tree::{MAX_FILE_BYTES, Tree, file_options};

/// The largest file whose content is compared; a larger one that was touched
/// counts as modified.
const MAX_HASHED_FILE: u64 = 4 * MAX_FILE_BYTES;

/// The files of a session's directory, asked for in the order of their paths.
#[derive(Debug)]
pub(super) struct Worktree<'a> {
    tree: &'a Tree,
    cancel: &'a Cancel,
    /// The folders on the way to the file that was asked for last.
    way: Vec<(OsString, Dir)>,
}

/// Nothing of that name, or a link on the way to it.
pub(super) struct Gone;

impl<'a> Worktree<'a> {
    pub(super) fn new(tree: &'a Tree, cancel: &'a Cancel) -> Worktree<'a> {
        Worktree {
            tree,
            cancel,
            way: Vec::new(),
        }
    }

    /// The folder that `path` is in and its name there. Links on the way are
    /// not followed: to Git, nothing lies behind them.
    pub(super) fn place<'p>(&mut self, path: &'p [u8]) -> Result<(&Dir, &'p Path), Gone> {
        let path = Path::new(OsStr::from_bytes(path));
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Gone);
        };
        let known = parent
            .iter()
            .zip(&self.way)
            .take_while(|(part, (name, _))| part == name)
            .count();
        self.way.truncate(known);
        for part in parent.iter().skip(known) {
            let dir = self.way.last().map_or(&self.tree.dir, |(_, dir)| dir);
            if !dir.symlink_metadata(part).is_ok_and(|meta| meta.is_dir()) {
                return Err(Gone);
            }
            let inner = dir.open_dir(part).map_err(|_| Gone)?;
            self.way.push((part.to_owned(), inner));
        }
        let dir = self.way.last().map_or(&self.tree.dir, |(_, dir)| dir);
        Ok((dir, Path::new(name)))
    }

    /// How the file of an entry differs from it.
    pub(super) fn change(
        &mut self,
        entry: &IndexEntry,
        index: &Index,
    ) -> Result<Option<Change>, QueryError> {
        self.cancel.check()?;
        let cancel = self.cancel;
        let Ok((dir, name)) = self.place(&entry.path) else {
            return Ok(Some(Change::Deleted));
        };
        let Ok(meta) = dir.symlink_metadata(name) else {
            return Ok(Some(Change::Deleted));
        };
        let fits = match entry.mode {
            mode::COMMIT => meta.is_dir(),
            mode::LINK => meta.is_symlink(),
            _ => meta.is_file(),
        };
        if !fits {
            // A folder in a file's place has other files.
            return Ok(Some(if meta.is_dir() {
                Change::Deleted
            } else {
                Change::TypeChanged
            }));
        }
        if entry.intent {
            return Ok(Some(Change::Added));
        }
        if entry.mode == mode::COMMIT {
            return Ok(None);
        }
        let program = meta.is_file() && meta.mode() & 0o100 != 0;
        if meta.is_file() && program != (entry.mode == mode::PROGRAM) {
            return Ok(Some(Change::Modified));
        }
        match known(&meta, entry, index) {
            Some(true) => return Ok(None),
            Some(false) => return Ok(Some(Change::Modified)),
            None => {}
        }
        let same = if meta.is_symlink() {
            match dir.read_link_contents(name) {
                Ok(target) => is_blob(target.as_os_str().as_bytes(), &entry.id),
                Err(_) => false,
            }
        } else {
            has_content(dir, name, &meta, &entry.id, cancel)?
        };
        Ok((!same).then_some(Change::Modified))
    }
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

/// Whether a file is as it was, if that can be told without reading it.
fn known(meta: &Metadata, entry: &IndexEntry, index: &Index) -> Option<bool> {
    // The index has the lower 32 bits of numbers.
    let size = meta.len() & u64::from(u32::MAX);
    if size != u64::from(entry.size) {
        // Git writes 0 where it wants the content to be compared.
        return (entry.size != 0).then_some(false);
    }
    let nanos = u32::try_from(meta.mtime_nsec()).unwrap_or(0);
    let same_time = meta.mtime() & i64::from(u32::MAX) == i64::from(entry.modified.0)
        && (entry.modified.1 == 0 || entry.modified.1 == nanos);
    // What was changed when the index was written may have changed since, in
    // the same tick of the clock.
    let settled = (meta.mtime(), nanos) < index.written;
    (same_time && settled).then_some(true)
}

fn has_content(
    dir: &Dir,
    name: &Path,
    meta: &Metadata,
    id: &ObjectId,
    cancel: &Cancel,
) -> Result<bool, QueryError> {
    if meta.len() > MAX_HASHED_FILE {
        return Ok(false);
    }
    let mut options = file_options(OFlags::NOFOLLOW);
    let Ok(mut file) = dir.open_with(name, options.read(true)) else {
        return Ok(false);
    };
    let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
    hasher.update(&gix_object::encode::loose_header(
        gix_object::Kind::Blob,
        meta.len(),
    ));
    let mut small = Vec::new();
    let mut left = meta.len();
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        cancel.check()?;
        let read = match (&mut file).take(left).read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Ok(false),
        };
        let part = buffer.get(..read).unwrap_or_default();
        hasher.update(part);
        if meta.len() <= MAX_FILE_BYTES {
            small.extend_from_slice(part);
        }
        left -= read as u64;
    }
    if hasher.try_finalize().is_ok_and(|found| found == *id) {
        return Ok(true);
    }
    // Checked out with CRLF, as `core.autocrlf` does: the size in the index is
    // that of the file, so that a change of the line ends was seen before.
    let plain = without_crlf(&small);
    Ok(plain.len() < small.len() && is_blob(&plain, id))
}

fn without_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\r' || rest.peek() != Some(&b'\n') {
            plain.push(byte);
        }
    }
    plain
}

fn is_blob(bytes: &[u8], id: &ObjectId) -> bool {
    gix_object::compute_hash(gix_hash::Kind::Sha1, gix_object::Kind::Blob, bytes)
        .is_ok_and(|found| found == *id)
}
