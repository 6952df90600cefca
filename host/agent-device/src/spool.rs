//! Files on their way between a client and a device: uploads and artifacts. Each
//! belongs to one principal, lives for a while, and counts against a bound.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hostler_lease::Principal;
use sha2::{Digest as _, Sha256};
use tempfile::{Builder, NamedTempFile, TempDir, TempPath};
use tokio::{fs, task::spawn_blocking};

use crate::fault::Fault;

/// How long a file is there: a client fetches an artifact at once, and installs
/// what it uploaded at once.
pub(crate) const LIFE: Duration = Duration::from_secs(30 * 60);

/// The largest file: large apps are some hundred megabytes, and an installation
/// has all of it in memory.
pub(crate) const MAX_FILE: u64 = 1 << 30;

/// Bytes of one principal; its oldest files go first.
const MAX_OF_ONE: u64 = 2 << 30;

/// Bytes of all; whoever would go over it is refused.
const MAX_OF_ALL: u64 = 8 << 30;

/// Files of one principal, so that a list of them is short.
const MAX_FILES_OF_ONE: usize = 256;

/// All files that there are. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: TempDir,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    files: HashMap<String, Entry>,
    /// The oldest first: all live as long.
    by_age: BTreeSet<(Instant, String)>,
    bytes: u64,
}

#[derive(Debug)]
struct Entry {
    owner: Principal,
    kind: Kind,
    kept: Kept,
    since: Instant,
}

/// What a file is for. One kind is not taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From a client, to be installed.
    Upload,
    /// For a client, to be fetched.
    Artifact,
}

/// What is said of a file that comes in.
#[derive(Debug, Clone)]
pub(crate) struct NewEntry {
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

/// A file that is there, as long as this is.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    path: Arc<TempPath>,
}

impl Kept {
    /// All of it.
    pub(crate) async fn read(&self) -> io::Result<Vec<u8>> {
        fs::read(&**self.path).await
    }
}

/// A file in a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) age: Duration,
}

/// A file that is being written. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Draft {
    file: fs::File,
    path: TempPath,
    hash: Sha256,
    size: u64,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the files of all clients are too many now; ask again in some minutes")]
    Full,
    #[error("a file could not be written")]
    Io(#[from] io::Error),
}

impl From<SpoolError> for Fault {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::TooLarge(_) => {
                Self::new("INVALID_ARGS", "UPLOAD_TOO_LARGE", error.to_string())
                    .status(axum::http::StatusCode::PAYLOAD_TOO_LARGE)
                    .hint("Make the package smaller, or install it on the host's side.")
            }
            SpoolError::Full => Self::new("COMMAND_FAILED", "SPOOL_FULL", error.to_string())
                .status(axum::http::StatusCode::INSUFFICIENT_STORAGE),
            SpoolError::Io(source) => Self::internal("a file could not be written", &source),
        }
    }
}

impl Spool {
    /// In a new folder inside `folder`.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self {
            folder: Builder::new().prefix("spool-").tempdir_in(folder)?,
            index: Mutex::default(),
        })
    }

    /// A file that is to be written.
    pub(crate) async fn draft(&self) -> Result<Draft, SpoolError> {
        let folder = self.folder.path().to_owned();
        let made = spawn_blocking(move || NamedTempFile::new_in(folder)).await;
        let (file, path) = made.map_err(io::Error::other)??.into_parts();
        Ok(Draft {
            file: fs::File::from_std(file),
            path,
            hash: Sha256::new(),
            size: 0,
        })
    }

    /// Keeps bytes. Returns the id.
    pub(crate) async fn keep(
        &self,
        owner: &Principal,
        new: NewEntry,
        bytes: impl AsRef<[u8]>,
    ) -> Result<String, SpoolError> {
        let mut draft = self.draft().await?;
        draft.write(bytes.as_ref(), MAX_FILE).await?;
        let kept = draft.finish(new.name.clone()).await?;
        self.add(owner, new.kind, kept)
    }

    /// Keeps a file. Returns its id: 128 random bits.
    pub(crate) fn add(
        &self,
        owner: &Principal,
        kind: Kind,
        kept: Kept,
    ) -> Result<String, SpoolError> {
        let id = random_id()?;
        let now = Instant::now();
        let mut index = self.lock();
        index.expire(now);
        index.make_room(owner, kept.size);
        if index.bytes + kept.size > MAX_OF_ALL {
            return Err(SpoolError::Full);
        }
        index.bytes += kept.size;
        index.by_age.insert((now, id.clone()));
        let entry = Entry {
            owner: owner.clone(),
            kind,
            kept,
            since: now,
        };
        index.files.insert(id.clone(), entry);
        Ok(id)
    }

    /// The file of that id, if it is the principal's and of that kind.
    pub(crate) fn find(&self, owner: &Principal, kind: Kind, id: &str) -> Option<Kept> {
        let mut index = self.lock();
        index.expire(Instant::now());
        let entry = index.files.get(id)?;
        (entry.owner == *owner && entry.kind == kind).then(|| entry.kept.clone())
    }

    /// The id of an upload of just these bytes, if the principal has one.
    pub(crate) fn same(&self, owner: &Principal, sha256: &[u8; 32]) -> Option<String> {
        let mut index = self.lock();
        index.expire(Instant::now());
        let mut files = index.files.iter();
        let is = |entry: &Entry| {
            entry.owner == *owner && entry.kind == Kind::Upload && entry.kept.sha256 == *sha256
        };
        files.find(|(_, entry)| is(entry)).map(|(id, _)| id.clone())
    }

    /// What a principal has, the newest first.
    pub(crate) fn list(&self, owner: &Principal, kind: Kind) -> Vec<Listed> {
        let now = Instant::now();
        let mut index = self.lock();
        index.expire(now);
        let newest = index.by_age.iter().rev();
        let entries = newest.filter_map(|(_, id)| Some((id, index.files.get(id)?)));
        let own = entries.filter(|(_, entry)| entry.owner == *owner && entry.kind == kind);
        own.map(|(id, entry)| Listed {
            id: id.clone(),
            name: entry.kept.name.clone(),
            size: entry.kept.size,
            age: now.saturating_duration_since(entry.since),
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn expire(&mut self, now: Instant) {
        while let Some((since, id)) = self.by_age.first().cloned() {
            if now.saturating_duration_since(since) < LIFE {
                return;
            }
            self.remove(&id);
        }
    }

    /// The oldest files of the principal go, until it may have so many more
    /// bytes.
    fn make_room(&mut self, owner: &Principal, more: u64) {
        let own = self.by_age.iter().filter_map(|(_, id)| {
            let entry = self.files.get(id)?;
            (entry.owner == *owner).then(|| (id.clone(), entry.kept.size))
        });
        let own: Vec<_> = own.collect();
        let mut bytes: u64 = own.iter().map(|(_, size)| size).sum();
        let mut files = own.len();
        for (id, size) in own {
            if bytes + more <= MAX_OF_ONE && files < MAX_FILES_OF_ONE {
                return;
            }
            self.remove(&id);
            bytes -= size;
            files -= 1;
        }
    }

    fn remove(&mut self, id: &str) {
        if let Some(entry) = self.files.remove(id) {
            self.bytes -= entry.kept.size;
            self.by_age.remove(&(entry.since, id.to_owned()));
        }
    }
}

impl Draft {
    /// Writes on, up to `most` bytes in all.
    pub(crate) async fn write(&mut self, bytes: &[u8], most: u64) -> Result<(), SpoolError> {
        use tokio::io::AsyncWriteExt as _;
        self.size += bytes.len() as u64;
        if self.size > most {
            return Err(SpoolError::TooLarge(most));
        }
        self.hash.update(bytes);
        Ok(self.file.write_all(bytes).await?)
    }

    /// It is complete.
    pub(crate) async fn finish(mut self, name: String) -> Result<Kept, SpoolError> {
        use tokio::io::AsyncWriteExt as _;
        self.file.flush().await?;
        Ok(Kept {
            name,
            size: self.size,
            sha256: self.hash.finalize().into(),
            path: Arc::new(self.path),
        })
    }
}

/// 128 random bits, as 32 hexadecimal digits.
pub(crate) fn random_id() -> Result<String, SpoolError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| SpoolError::Io(io::Error::other(error)))?;
    Ok(hex(&bytes))
}

/// As hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str) -> Principal {
        Principal::new(name).unwrap()
    }

    fn artifact(name: &str) -> NewEntry {
        NewEntry {
            kind: Kind::Artifact,
            name: name.into(),
        }
    }

    #[tokio::test]
    async fn a_file_is_there_for_whoever_it_belongs_to_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let (ann, bob) = (who("ann"), who("bob"));
        let id = spool.keep(&ann, artifact("s.png"), b"abc").await.unwrap();
        let kept = spool.find(&ann, Kind::Artifact, &id).unwrap();
        assert_eq!(
            (kept.read().await.unwrap(), kept.name.as_str()),
            (b"abc".to_vec(), "s.png")
        );
        assert!(spool.find(&bob, Kind::Artifact, &id).is_none());
        assert!(spool.find(&ann, Kind::Upload, &id).is_none());
        assert!(spool.find(&ann, Kind::Artifact, "x").is_none());
        drop((kept, spool));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_that_grows_too_large_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let mut draft = spool.draft().await.unwrap();
        draft.write(&[0; 10], 15).await.unwrap();
        let refused = draft.write(&[0; 10], 15).await.unwrap_err();
        assert_eq!(Fault::from(refused).reason(), "UPLOAD_TOO_LARGE");
        drop(draft);
        assert_eq!(std::fs::read_dir(spool.folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn files_expire_and_the_oldest_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let ann = who("ann");
        let mut ids = Vec::new();
        for number in 0..=MAX_FILES_OF_ONE {
            let name = number.to_string();
            ids.push(
                spool
                    .keep(&ann, artifact(&name), name.as_bytes())
                    .await
                    .unwrap(),
            );
        }
        assert!(spool.find(&ann, Kind::Artifact, &ids[0]).is_none());
        assert!(spool.find(&ann, Kind::Artifact, &ids[1]).is_some());
        assert_eq!(spool.list(&ann, Kind::Artifact).len(), MAX_FILES_OF_ONE);
        spool.lock().expire(Instant::now() + LIFE);
        assert!(spool.list(&ann, Kind::Artifact).is_empty());
        assert_eq!(spool.lock().bytes, 0);
        assert_eq!(std::fs::read_dir(spool.folder.path()).unwrap().count(), 0);
    }
}
