//! Files on their way between a client and a device: uploads and artifacts. Each
//! belongs to one principal and lives for a while. Every byte counts against the
//! bounds from when it is written until it is off the disk ([`room`]), and every
//! package from when it is read until the last call that has it ends ([`package`]).

mod draft;
mod package;
mod room;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hostler_lease::Principal;
use tempfile::{Builder, TempDir, TempPath};
use tokio::time::Instant;

use crate::fault::Fault;

pub(crate) use draft::Draft;
pub(crate) use package::MAX_PACKAGE;
use package::{Memory, Package};
use room::{Room, Rooms};

/// How long a file is there: a client fetches an artifact at once, and installs
/// what it uploaded at once.
pub(crate) const LIFE: Duration = Duration::from_secs(30 * 60);

/// The largest file: a long film of a screen.
pub(crate) const MAX_FILE: u64 = 1 << 30;

/// How the folders of hosts begin.
const PREFIX: &str = "spool-";

/// All files that there are. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: TempDir,
    shelf: Arc<Shelf>,
    memory: Memory,
}

/// The files, and the room that they and those to come have. The index is locked
/// before the rooms: a file that leaves the index gives up its room.
#[derive(Debug, Default)]
struct Shelf {
    index: Mutex<Index>,
    rooms: Arc<Rooms>,
}

#[derive(Debug, Default)]
struct Index {
    files: HashMap<String, Entry>,
    /// The oldest first: all live as long.
    by_age: BTreeSet<(Instant, String)>,
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
    file: Arc<OnDisk>,
}

/// The file itself. It is gone before its room is free: fields are dropped in
/// their order.
#[derive(Debug)]
struct OnDisk {
    path: TempPath,
    package: Package,
    _room: Room,
}

impl Kept {
    /// To be read bit by bit.
    pub(crate) async fn open(&self) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(&self.file.path).await
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

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the files of all clients are too many now; ask again in some minutes")]
    Full,
    #[error("your files that are on their way are too many now; let some of them end first")]
    TooMany,
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
            SpoolError::Full | SpoolError::TooMany => {
                Self::new("COMMAND_FAILED", "SPOOL_FULL", error.to_string())
                    .status(axum::http::StatusCode::INSUFFICIENT_STORAGE)
            }
            SpoolError::Io(source) => Self::internal("a file could not be written", &source),
        }
    }
}

impl Spool {
    /// In a new folder inside `folder`, which is this host's alone: what a host
    /// that was killed left in it is removed.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        remove_left(folder)?;
        Ok(Self {
            folder: Builder::new().prefix(PREFIX).tempdir_in(folder)?,
            shelf: Arc::default(),
            memory: Memory::default(),
        })
    }

    /// A file that is to be written, of so many bytes if that is known. They have
    /// their room from now on.
    pub(crate) async fn draft(
        &self,
        owner: &Principal,
        size: Option<u64>,
    ) -> Result<Draft, SpoolError> {
        let room = self.shelf.room(owner, size.unwrap_or_default())?;
        Draft::begin(self.folder.path(), Arc::clone(&self.shelf), room).await
    }

    /// Keeps bytes. Returns the id.
    pub(crate) async fn keep(
        &self,
        owner: &Principal,
        new: NewEntry,
        bytes: impl AsRef<[u8]>,
    ) -> Result<String, SpoolError> {
        let bytes = bytes.as_ref();
        let mut draft = self.draft(owner, Some(bytes.len() as u64)).await?;
        draft.write(bytes, MAX_FILE).await?;
        let kept = draft.finish(new.name).await?;
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
        let mut index = self.shelf.lock();
        index.expire(now);
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
        let mut index = self.shelf.lock();
        index.expire(Instant::now());
        let entry = index.files.get(id)?;
        (entry.owner == *owner && entry.kind == kind).then(|| entry.kept.clone())
    }

    /// All bytes of a file, as soon as there is memory for them. Whoever reads
    /// the same file has the same bytes.
    pub(crate) async fn package(&self, kept: &Kept) -> Result<Bytes, SpoolError> {
        let file = &kept.file;
        self.memory.of(&file.package, &file.path, kept.size).await
    }

    /// The id of an upload of just these bytes, if the principal has one.
    pub(crate) fn same(&self, owner: &Principal, sha256: &[u8; 32]) -> Option<String> {
        let mut index = self.shelf.lock();
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
        let mut index = self.shelf.lock();
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

    /// Removes what has lived long enough.
    pub(crate) fn sweep(&self) {
        self.shelf.lock().expire(Instant::now());
    }
}

impl Shelf {
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

    /// The oldest first, with their sizes: files of the principal that nobody
    /// reads now, so that they are off the disk when they are removed.
    fn idle<'a>(&'a self, owner: &'a Principal) -> impl Iterator<Item = (&'a str, u64)> {
        self.by_age.iter().filter_map(move |(_, id)| {
            let entry = self.files.get(id)?;
            let idle = entry.owner == *owner && Arc::strong_count(&entry.kept.file) == 1;
            idle.then_some((id.as_str(), entry.kept.size))
        })
    }

    fn remove(&mut self, id: &str) {
        if let Some(entry) = self.files.remove(id) {
            self.by_age.remove(&(entry.since, id.to_owned()));
        }
    }
}

/// Removes what a host left that was killed.
fn remove_left(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let own = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !own || !entry.file_type()?.is_dir() {
            continue;
        }
        let path = entry.path();
        if let Err(error) = std::fs::remove_dir_all(&path) {
            let path = path.display();
            tracing::warn!("{path}, which an earlier host left, could not be removed: {error}");
        }
    }
    Ok(())
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
