//! Git's index: `gitformat-index`, versions 2 to 4.
//!
//! Extensions are not decoded, but for the names of those that would change
//! what the entries mean.

use std::path::Path;

use gix_hash::ObjectId;

use super::delta::distance;
use super::{MAX_PATHS_BYTES, Repository, damaged, good_path, small};
use crate::query::{Cancel, QueryError};

/// The largest index in bytes: about half a million files.
const MAX_INDEX_BYTES: usize = 64 * 1024 * 1024;

/// An entry's modes.
pub(super) mod mode {
    pub(in crate::git) const FILE: u32 = 0o100_644;
    pub(in crate::git) const PROGRAM: u32 = 0o100_755;
    pub(in crate::git) const LINK: u32 = 0o120_000;
    /// A commit of another repository, a submodule.
    pub(in crate::git) const COMMIT: u32 = 0o160_000;
}

/// The entries in the order of their paths.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) entries: Vec<IndexEntry>,
    /// When the index was written, in seconds and nanoseconds since 1970.
    pub(super) written: (i64, u32),
}

#[derive(Debug)]
pub(super) struct IndexEntry {
    pub(super) path: Vec<u8>,
    pub(super) id: ObjectId,
    pub(super) mode: u32,
    /// Of the file when it was looked at last: the lower 32 bits.
    pub(super) size: u32,
    /// Of the file, in seconds (the lower 32 bits) and nanoseconds.
    pub(super) modified: (u32, u32),
    /// Not 0 while there is a conflict.
    pub(super) stage: u16,
    /// Its file is not to be looked at.
    pub(super) skip: bool,
    /// It is only meant to be added.
    pub(super) intent: bool,
}

impl Repository {
    /// The index; an empty one if there is none yet.
    pub(super) fn index(&self, cancel: &Cancel) -> Result<Index, QueryError> {
        let path = Path::new("index");
        let Some(bytes) = small(&self.folders.git, path, MAX_INDEX_BYTES)? else {
            return Ok(Index::default());
        };
        let written = match self.folders.git.metadata(path) {
            Ok(meta) => {
                use cap_std::fs::MetadataExt as _;
                let nanos = u32::try_from(meta.mtime_nsec()).unwrap_or(0);
                (meta.mtime(), nanos)
            }
            Err(_) => (0, 0),
        };
        let entries = decoded(&bytes, cancel)?;
        Ok(Index { entries, written })
    }
}

fn decoded(bytes: &[u8], cancel: &Cancel) -> Result<Vec<IndexEntry>, QueryError> {
    let bad = || damaged("its index is damaged");
    let mut rest = bytes;
    if take::<4>(&mut rest) != Some(b"DIRC") {
        return Err(bad());
    }
    let version = number(&mut rest).ok_or_else(bad)?;
    if !(2..=4).contains(&version) {
        return Err(damaged(format!(
            "its index has version {version}, which is not supported"
        )));
    }
    let count = number(&mut rest).ok_or_else(bad)?;
    let mut entries: Vec<IndexEntry> = Vec::new();
    let mut paths = 0;
    for _ in 0..count {
        cancel.check()?;
        let last = entries.last().map_or(&[][..], |entry| &entry.path);
        let entry = entry(&mut rest, version, last).ok_or_else(bad)?;
        if entry.mode & 0o170_000 == 0o040_000 {
            return Err(damaged("its index is sparse, which is not supported"));
        }
        paths += entry.path.len();
        if paths > MAX_PATHS_BYTES {
            return Err(damaged("the paths in its index are too long"));
        }
        entries.push(entry);
    }
    // Then extensions, then a checksum.
    while rest.len() > 20 {
        let name = take::<4>(&mut rest).ok_or_else(bad)?;
        let size = number(&mut rest).ok_or_else(bad)? as usize;
        if matches!(name, b"link" | b"sdir") {
            return Err(damaged(
                "its index is split or sparse, which is not supported",
            ));
        }
        rest = rest.get(size..).ok_or_else(bad)?;
    }
    let good = entries.iter().all(|entry| good_path(&entry.path));
    let sorted = entries.is_sorted_by(|a, b| (&a.path, a.stage) < (&b.path, b.stage));
    if !good || !sorted {
        return Err(bad());
    }
    Ok(entries)
}

fn entry(rest: &mut &[u8], version: u32, last: &[u8]) -> Option<IndexEntry> {
    let start = rest.len();
    let _changed = take::<8>(rest)?;
    let modified = (number(rest)?, number(rest)?);
    let _device_and_inode = take::<8>(rest)?;
    let mode = number(rest)?;
    let _owner = take::<8>(rest)?;
    let size = number(rest)?;
    let id = ObjectId::try_from(take::<20>(rest)?.as_slice()).ok()?;
    let flags = u16::from_be_bytes(*take::<2>(rest)?);
    let more = if flags & 0x4000 != 0 && version > 2 {
        u16::from_be_bytes(*take::<2>(rest)?)
    } else {
        0
    };
    let mut path = Vec::new();
    if version == 4 {
        let cut = usize::try_from(distance(rest)?).ok()?;
        path.extend_from_slice(last.get(..last.len().checked_sub(cut)?)?);
    }
    let end = rest.iter().position(|byte| *byte == 0)?;
    path.extend_from_slice(rest.get(..end)?);
    *rest = rest.get(end + 1..)?;
    if version < 4 {
        // Zeros up to a multiple of eight; one of them has been taken.
        let length = start - rest.len();
        *rest = rest.get(length.next_multiple_of(8) - length..)?;
    }
    Some(IndexEntry {
        path,
        id,
        mode,
        size,
        modified,
        stage: (flags >> 12) & 3,
        skip: flags & 0x8000 != 0 || more & 0x4000 != 0,
        intent: more & 0x2000 != 0,
    })
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (part, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(part)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    take::<4>(rest).map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_entries_or_an_error(
            version in 2..5_u8,
            count in 0..4_u8,
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let header = [b"DIRC".as_slice(), &[0, 0, 0, version, 0, 0, 0, count]].concat();
            let entries = decoded(&[header, bytes].concat(), &Cancel::new());
            if let Ok(entries) = entries {
                prop_assert_eq!(entries.len(), usize::from(count));
            }
        }
    }
}
