use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Permissions, PermissionsExt as _};
use cap_tempfile::TempFile;
use rustix::fs::OFlags;

use crate::error::FileError;
use crate::tree::{MAX_FILE_BYTES, Tree, file_options, must_be_file};

/// The bits of a file's mode that its new content inherits. Not set-user-id:
/// the system drops it on writing, too.
const KEPT_MODE: u32 = 0o777;

impl Tree {
    /// Makes `content` the text of a file, which need not exist, nor its
    /// folder. Readers see the old content or the new one, never a part; an
    /// error leaves the old one. The mode of an existing file stays, and a link
    /// to a file in the tree stays a link.
    ///
    /// `path` is absolute and lies in the tree; `content` is at most
    /// [`MAX_FILE_BYTES`] long. A read-only file is not replaced.
    pub fn write_text(&self, path: &Path, content: &str) -> Result<(), FileError> {
        if content.len() as u64 > MAX_FILE_BYTES {
            return Err(FileError::TooLarge(path.to_owned()));
        }
        let below = self.below(path)?;
        let refused = self.refused("write", path);
        let real = self.real_place(below, path)?;
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(self.outside(path));
        };
        let folder = self
            .dir
            .open_dir(Path::new(".").join(parent))
            .map_err(&refused)?;
        let mode = self.mode_of_old(&folder, Path::new(name), path)?;

        let file = self.filled(&folder, content, mode, path)?;
        file.replace(name).map_err(&refused)
    }

    /// A file in `folder` that has no name yet, with all of the content.
    pub(crate) fn filled<'a>(
        &self,
        folder: &'a Dir,
        content: &str,
        mode: Option<u32>,
        path: &Path,
    ) -> Result<TempFile<'a>, FileError> {
        let refused = self.refused("write", path);
        let mut file = TempFile::new(folder).map_err(&refused)?;
        file.write_all(content.as_bytes()).map_err(&refused)?;
        if let Some(mode) = mode {
            file.as_file()
                .set_permissions(Permissions::from_mode(mode & KEPT_MODE))
                .map_err(&refused)?;
        }
        // Otherwise a power cut could leave the new name with no content.
        file.as_file().sync_all().map_err(&refused)?;
        Ok(file)
    }

    /// Where `below` is once links are followed. Makes the folders on the way.
    pub(crate) fn real_place(&self, below: &Path, path: &Path) -> Result<PathBuf, FileError> {
        let refused = self.refused("write", path);
        match self.dir.symlink_metadata(below) {
            Ok(meta) => match self.dir.canonicalize(below) {
                Ok(real) => Ok(real),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // A link that leads nowhere: it is no plain file.
                    must_be_file(meta.file_type(), path)?;
                    Err(refused(error))
                }
                Err(error) => Err(refused(error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (below.parent(), below.file_name()) else {
                    return Err(self.outside(path));
                };
                if parent.as_os_str().is_empty() {
                    return Ok(name.into());
                }
                self.dir.create_dir_all(parent).map_err(&refused)?;
                let parent = self.dir.canonicalize(parent).map_err(&refused)?;
                Ok(parent.join(name))
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// The mode of the file that will be replaced; `None` if there is none.
    pub(crate) fn mode_of_old(
        &self,
        folder: &Dir,
        name: &Path,
        path: &Path,
    ) -> Result<Option<u32>, FileError> {
        let refused = self.refused("write", path);
        // Before opening, because opening a device can do something.
        match folder.symlink_metadata(name) {
            Ok(meta) => must_be_file(meta.file_type(), path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused(error)),
        }
        // Renaming over a file asks nothing of the file itself: only opening
        // it tells whether this user may write it.
        let mut options = file_options(OFlags::NOFOLLOW);
        let old = match folder.open_with(name, options.write(true)) {
            Ok(old) => old,
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && error.raw_os_error().is_some() =>
            {
                return Err(FileError::ReadOnly(path.to_owned()));
            }
            Err(error) => return Err(refused(error)),
        };
        let meta = old.metadata().map_err(&refused)?;
        must_be_file(meta.file_type(), path)?;
        if meta.permissions().readonly() {
            return Err(FileError::ReadOnly(path.to_owned()));
        }
        Ok(Some(meta.permissions().mode()))
    }
}
