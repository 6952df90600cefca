use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use super::page::hash;
use super::{Cancel, QueryError, path};
use crate::error::FileError;
use crate::tree::{MAX_FILE_BYTES, Tree};

/// Makes the check of a hash and the change one step among the edits of this
/// process. It is held while at most one file of [`MAX_FILE_BYTES`] is read.
static EDITS: Mutex<()> = Mutex::new(());

/// What to write.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EditParams {
    /// A file. A new one gets its folders. A symbolic link is followed inside
    /// the session's directory and stays a link.
    pub path: String,
    /// The hash of the content that the caller has read; `null`: the file must
    /// not be there yet.
    pub hash: Option<String>,
    /// The whole new content, of at most [`MAX_FILE_BYTES`].
    pub text: Option<String>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edited {
    /// As it was given.
    pub path: String,
    /// SHA-256 of the new content in hex.
    pub hash: String,
    /// Of the new content, in bytes.
    pub size: u64,
}

impl Tree {
    /// Replaces the content of a file if it is still as the caller has read it.
    ///
    /// Readers see the old content or the new one. The mode stays. Other hard
    /// links of the file keep the old content: they may lie outside the
    /// session's directory. Edits of this process never overwrite each other;
    /// another program that writes in the microseconds between the check and
    /// the change is overwritten, except that a new file never replaces one.
    pub fn edit(&self, params: &EditParams, cancel: &Cancel) -> Result<Edited, QueryError> {
        let asked = path::file(&params.path)?;
        let Some(text) = &params.text else {
            return Err(QueryError::BadParams {
                param: "text",
                reason: "it is missing: give the whole new content".to_owned(),
            });
        };
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(QueryError::TooLarge {
                what: "`text`".to_owned(),
                max: MAX_FILE_BYTES,
            });
        }
        cancel.check()?;
        self.check_way(asked)?;
        let changed = |hash| QueryError::Changed {
            path: params.path.clone(),
            hash,
        };
        if params.hash.is_some() && !self.is_there(asked)? {
            return Err(changed(None));
        }
        let real = self.real_place(asked, asked)?;
        path::not_git(&real, &params.path)?;
        let (folder, name) = self.place(&real, asked)?;
        let mode = self.mode_of_old(&folder, name, asked)?;
        let file = self.filled(&folder, text, mode, asked)?;

        let _one_at_a_time = EDITS.lock().unwrap_or_else(PoisonError::into_inner);
        cancel.check()?;
        let present = match self.bytes(&folder, name, asked) {
            Ok(bytes) => Some(hash(&bytes)),
            Err(FileError::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        };
        if !same(present.as_deref(), params.hash.as_deref()) {
            return Err(changed(present));
        }
        let refused = QueryError::refused("write", asked);
        if present.is_some() {
            file.replace(name).map_err(refused)?;
        } else {
            let beside = PathBuf::from(unique());
            file.replace(&beside).map_err(&refused)?;
            // Unlike renaming, linking never replaces what came meanwhile.
            let linked = folder.hard_link(&beside, &folder, name);
            folder.remove_file(&beside).map_err(&refused)?;
            match linked {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let now = self.bytes(&folder, name, asked)?;
                    return Err(changed(Some(hash(&now))));
                }
                linked => linked.map_err(refused)?,
            }
        }
        Ok(Edited {
            path: params.path.clone(),
            hash: hash(text.as_bytes()),
            size: text.len() as u64,
        })
    }

    /// Refuses a way through a link into Git's folder before any folder is made
    /// on it.
    fn check_way(&self, asked: &Path) -> Result<(), QueryError> {
        for folder in asked.ancestors().skip(1) {
            match path::real(self, folder) {
                Ok(_) => return Ok(()),
                Err(QueryError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn is_there(&self, asked: &Path) -> Result<bool, QueryError> {
        match self.dir.symlink_metadata(asked) {
            Ok(_) => Ok(true),
            Err(error) => match QueryError::refused("write", asked)(error) {
                QueryError::NotFound(_) => Ok(false),
                error => Err(error),
            },
        }
    }

    fn place<'a>(&self, real: &'a Path, asked: &Path) -> Result<(Dir, &'a Path), QueryError> {
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(QueryError::Outside(asked.to_string_lossy().into_owned()));
        };
        let folder = self
            .dir
            .open_dir(path::or_dot(parent))
            .map_err(QueryError::refused("write", asked))?;
        Ok((folder, Path::new(name)))
    }
}

/// Hashes are written in either case.
fn same(present: Option<&str>, read: Option<&str>) -> bool {
    match (present, read) {
        (Some(present), Some(read)) => present.eq_ignore_ascii_case(read),
        (None, None) => true,
        _ => false,
    }
}

/// A name that nobody else uses, and that does not matter if they do: it is
/// replaced and removed at once.
fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Relaxed);
    format!(".hostler-edit-{}-{number}", std::process::id())
}
