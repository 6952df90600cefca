//! Folders of the host's disk, for what a harness does outside of a session:
//! [`probe`](crate::Harness::probe), [`offer`](crate::Harness::offer),
//! [`conversations`](crate::Harness::conversations),
//! [`history`](crate::Harness::history). Where a folder is, is the operator's
//! grant `[[plugins.ID.grants.folder]]`; nothing outside of it can be reached.

use std::time::Duration;

use crate::{Result, backend};

/// The contract's bound of one [`read`], in bytes.
pub const MAX_READ: u32 = 16 << 20;

/// A plain file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// From the folder on, its parts joined by `/`.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// When it was last written: since the Unix epoch.
    pub modified: Duration,
}

impl File {
    /// The part behind the last `/`.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// A search for files in the folder that the grant calls `folder`.
#[derive(Debug, Clone, Copy)]
#[must_use = "a search does nothing before it is made"]
pub struct Search<'a> {
    pub(crate) folder: &'a str,
    pub(crate) under: &'a str,
    pub(crate) depth: u32,
    pub(crate) suffix: &'a str,
    pub(crate) limit: u32,
}

/// Looks for the 1000 files directly in the folder that were written last.
pub fn search(folder: &str) -> Search<'_> {
    Search {
        folder,
        under: "",
        depth: 1,
        suffix: "",
        limit: 1000,
    }
}

impl<'a> Search<'a> {
    /// Only in this folder of it.
    pub fn under(mut self, under: &'a str) -> Self {
        self.under = under;
        self
    }

    /// So many names down; 1 is directly in it.
    pub fn depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    /// Only files whose names end so.
    pub fn suffix(mut self, suffix: &'a str) -> Self {
        self.suffix = suffix;
        self
    }

    /// Not more than these, at most 1000.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// Makes the search: the file that was written last comes first.
    ///
    /// # Errors
    /// `Denied` without a grant, `NotFound` when there is no such folder.
    pub fn files(self) -> Result<Vec<File>> {
        backend::folder_search(self)
    }
}

/// Bytes of a plain file from `offset` on: `len`, at most [`MAX_READ`]; fewer at
/// the end.
///
/// # Errors
/// `Denied` without a grant, `NotFound` when there is no such file, `Invalid` when
/// it is something else.
pub fn read(folder: &str, path: &str, offset: u64, len: u32) -> Result<Vec<u8>> {
    backend::folder_read(folder, path, offset, len)
}

/// Whether a process with this number runs on the host's machine: programs write
/// theirs into files to say that they use something.
///
/// # Errors
/// `Denied` without a grant of any folder.
pub fn runs(pid: u32) -> Result<bool> {
    backend::folder_runs(pid)
}
