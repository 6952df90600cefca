//! Files of this user alone.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::{Context as _, Result};

/// Makes a folder for its user alone, if there is none.
pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// Writes a file, whole or not at all, for its user alone (0600). The folder is
/// made if there is none.
pub(crate) fn write(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    make_folder(folder)?;
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(&format!(".{name}-"))
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(name))?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {name} in {}", folder.display()))
}

/// What stands in a file; nothing if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Removes a file; one that is not there is as good.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// The right to change the files of a folder, until it is dropped: who else
/// wants it waits.
pub(crate) fn lock(folder: &Path, name: &str) -> Result<File> {
    let lock = open_lock(folder, name)?;
    let failed = || format!("cannot lock {name} in {}", folder.display());
    lock.lock().with_context(failed)?;
    Ok(lock)
}

/// The same, unless somebody else has it.
pub(crate) fn try_lock(folder: &Path, name: &str) -> Result<Option<File>> {
    let lock = open_lock(folder, name)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {name} in {}", folder.display()))
        }
    }
}

fn open_lock(folder: &Path, name: &str) -> Result<File> {
    make_folder(folder)?;
    let path = folder.join(name);
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_users_alone_and_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        assert_eq!(read(&below.join("f")).unwrap(), None);
        write(&below, "f", b"one").unwrap();
        write(&below, "f", b"two").unwrap();
        let path = below.join("f");
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mode = fs::metadata(&below).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(fs::read_dir(&below).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn of_two_who_lock_the_second_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path(), "l").unwrap();
        assert!(try_lock(folder.path(), "l").unwrap().is_none());
        drop(first);
        assert!(try_lock(folder.path(), "l").unwrap().is_some());
    }
}
