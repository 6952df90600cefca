//! What a diff compares.

use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;

use cap_std::fs::MetadataExt as _;
use gix_hash::ObjectId;
use gix_object::Kind;
use rustix::fs::OFlags;

use super::Repository;
use super::diff::MAX_DIFFED_FILE;
use super::index::{IndexEntry, mode};
use super::worktree::Worktree;
use crate::query::{Cancel, QueryError};
use crate::tree::file_options;

/// A content, or why there is none.
#[derive(Debug)]
enum Content {
    Bytes(Vec<u8>),
    TooLarge,
}

/// A file before or after.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) mode: u32,
    content: Content,
}

impl Side {
    /// The content, which is empty where there is no file; `None` if it is too
    /// large.
    pub(super) fn bytes(side: Option<&Side>) -> Option<&[u8]> {
        match side.map(|side| &side.content) {
            None => Some(&[]),
            Some(Content::Bytes(bytes)) => Some(bytes),
            Some(Content::TooLarge) => None,
        }
    }
}

impl Repository {
    /// A file of a commit or of the index.
    pub(super) fn side(
        &self,
        mode: u32,
        id: &ObjectId,
        cancel: &Cancel,
    ) -> Result<Side, QueryError> {
        let content = if mode == mode::COMMIT {
            Content::Bytes(format!("Subproject commit {id}\n").into_bytes())
        } else {
            match self
                .objects
                .find_kind(id, Kind::Blob, MAX_DIFFED_FILE, cancel)
            {
                Ok(bytes) => Content::Bytes(bytes),
                Err(QueryError::TooLarge { .. }) => Content::TooLarge,
                Err(error) => return Err(error),
            }
        };
        Ok(Side { mode, content })
    }
}

impl Worktree<'_> {
    /// A file as it is.
    pub(super) fn side(&mut self, entry: &IndexEntry) -> Result<Option<Side>, QueryError> {
        let Ok((dir, name)) = self.place(&entry.path) else {
            return Ok(None);
        };
        if let Ok(target) = dir.read_link_contents(name) {
            return Ok(Some(Side {
                mode: mode::LINK,
                content: Content::Bytes(target.as_os_str().as_bytes().to_owned()),
            }));
        }
        // Before opening, because opening a device can do something.
        if !dir.symlink_metadata(name).is_ok_and(|meta| meta.is_file()) {
            return Ok(None);
        }
        let mut options = file_options(OFlags::NOFOLLOW);
        let Ok(file) = dir.open_with(name, options.read(true)) else {
            return Ok(None);
        };
        let Ok(meta) = file.metadata() else {
            return Ok(None);
        };
        if !meta.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(MAX_DIFFED_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(QueryError::refused("read", name))?;
        let content = if bytes.len() as u64 > MAX_DIFFED_FILE {
            Content::TooLarge
        } else {
            Content::Bytes(bytes)
        };
        let mode = if meta.mode() & 0o100 == 0 {
            mode::FILE
        } else {
            mode::PROGRAM
        };
        Ok(Some(Side { mode, content }))
    }
}
