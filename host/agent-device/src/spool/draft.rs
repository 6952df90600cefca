//! Files that are being written.

use std::{io, path::Path, sync::Arc};

use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::{fs, io::AsyncWriteExt as _, task::spawn_blocking};

use super::{Kept, OnDisk, Shelf, SpoolError, package::Package, room::Room};

/// A file that is being written. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Draft {
    file: fs::File,
    path: TempPath,
    hash: Sha256,
    size: u64,
    shelf: Arc<Shelf>,
    room: Room,
}

impl Draft {
    pub(super) async fn begin(
        folder: &Path,
        shelf: Arc<Shelf>,
        room: Room,
    ) -> Result<Self, SpoolError> {
        let folder = folder.to_owned();
        let made = spawn_blocking(move || NamedTempFile::new_in(folder)).await;
        let (file, path) = made.map_err(io::Error::other)??.into_parts();
        Ok(Self {
            file: fs::File::from_std(file),
            path,
            hash: Sha256::new(),
            size: 0,
            shelf,
            room,
        })
    }

    /// Writes on, up to `most` bytes in all.
    pub(crate) async fn write(&mut self, bytes: &[u8], most: u64) -> Result<(), SpoolError> {
        self.size += bytes.len() as u64;
        if self.size > most {
            return Err(SpoolError::TooLarge(most));
        }
        self.shelf.grow(&mut self.room, self.size)?;
        self.hash.update(bytes);
        Ok(self.file.write_all(bytes).await?)
    }

    /// It is complete.
    pub(crate) async fn finish(mut self, name: String) -> Result<Kept, SpoolError> {
        self.file.flush().await?;
        let file = OnDisk {
            path: self.path,
            package: Package::default(),
            _room: self.room,
        };
        Ok(Kept {
            name,
            size: self.size,
            sha256: self.hash.finalize().into(),
            file: Arc::new(file),
        })
    }
}
