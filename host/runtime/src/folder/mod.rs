//! Folders of the disk that a plugin may read. Each is held as a capability while
//! it is looked into: whatever a path says, and whatever is linked or renamed
//! meanwhile, nothing outside of it is reached.
//!
//! Everything here blocks.

mod grant;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
    time::{Duration, SystemTime},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, DirEntry, OpenOptions, OpenOptionsExt as _},
};
use rustix::fs::OFlags;

pub use grant::{FolderGrant, Place};

/// Names that one search looks at: more than people collect in years, and a
/// second's work on a slow disk.
const NAMES: usize = 100_000;

/// The deepest that a search goes.
const DEPTH: u32 = 16;

/// Files of one answer.
pub(crate) const FOUND: u32 = 1000;

/// The longest `read`, in bytes.
pub(crate) const READ: u32 = 16 * 1024 * 1024;

/// A plain file. The order is by when it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct File {
    /// Since the Unix epoch.
    pub(crate) modified: Duration,
    /// From the folder on.
    pub(crate) path: String,
    pub(crate) size: u64,
}

/// Which files a search is for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) under: String,
    pub(crate) depth: u32,
    /// The names end so.
    pub(crate) suffixes: [String; 2],
    pub(crate) limit: u32,
}

/// Those that were written last.
pub(crate) fn search(folder: &Path, wanted: &Wanted) -> io::Result<Vec<File>> {
    let root = Dir::open_ambient_dir(folder, ambient_authority())?;
    let dir = match wanted.under.as_str() {
        "" => root,
        under => root.open_dir(under)?,
    };
    let mut search = Search {
        wanted,
        names: NAMES,
        found: BinaryHeap::new(),
    };
    search.look(&dir, &wanted.under, wanted.depth.min(DEPTH))?;
    if search.names == 0 {
        tracing::warn!(
            folder = %folder.display(),
            "it has more than {NAMES} names; the rest was not looked at"
        );
    }
    Ok(search
        .found
        .into_sorted_vec()
        .into_iter()
        .map(|Reverse(file)| file)
        .collect())
}

struct Search<'a> {
    wanted: &'a Wanted,
    /// That may still be looked at.
    names: usize,
    /// The one that was written first is on top.
    found: BinaryHeap<Reverse<File>>,
}

impl Search<'_> {
    /// What vanishes or cannot be read meanwhile is left out.
    fn look(&mut self, dir: &Dir, at: &str, depth: u32) -> io::Result<()> {
        if depth == 0 {
            return Ok(());
        }
        for entry in dir.entries()? {
            let Some(left) = self.names.checked_sub(1) else {
                return Ok(());
            };
            self.names = left;
            let Ok(entry) = entry else { continue };
            let name = entry.file_name();
            let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else {
                continue;
            };
            let path = match at {
                "" => name.to_owned(),
                at => format!("{at}/{name}"),
            };
            if kind.is_dir() {
                if let Ok(below) = dir.open_dir(name) {
                    let _ = self.look(&below, &path, depth - 1);
                }
            } else if kind.is_file() && self.wanted.suffixes.iter().all(|it| name.ends_with(it)) {
                self.found.extend(file(&entry, path).map(Reverse));
                if self.found.len() > self.wanted.limit.min(FOUND) as usize {
                    self.found.pop();
                }
            }
        }
        Ok(())
    }
}

fn file(entry: &DirEntry, path: String) -> Option<File> {
    let meta = entry.metadata().ok()?;
    let modified = meta.modified().ok()?.into_std();
    Some(File {
        modified: modified
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
        path,
        size: meta.len(),
    })
}

/// Bytes of a plain file from `offset` on. A link is none: what it points to may
/// have a name that is not granted.
pub(crate) fn read(folder: &Path, path: &str, offset: u64, len: u32) -> io::Result<Vec<u8>> {
    let root = Dir::open_ambient_dir(folder, ambient_authority())?;
    // Before opening, because opening a device can do something.
    must_be_file(root.symlink_metadata(path)?.is_file())?;
    let mut options = OpenOptions::new();
    // Without `NONBLOCK` a FIFO that took the file's place would make this wait
    // for ever, and without `NOFOLLOW` a link could take it.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    options.read(true).custom_flags(flags.bits().cast_signed());
    let mut file = root.open_with(path, &options)?;
    let meta = file.metadata()?;
    must_be_file(meta.is_file())?;
    // A kernel that does not know `openat2` has followed it all the same.
    must_be_file(root.symlink_metadata(path)?.is_file())?;
    // Not every file system seeks so far.
    if offset >= meta.len() {
        return Ok(Vec::new());
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(len.min(READ).into()).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn must_be_file(is_file: bool) -> io::Result<()> {
    if is_file {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is no plain file",
    ))
}

#[cfg(test)]
mod tests;
