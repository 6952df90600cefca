//! Packages in memory: a device gets all of one at once. The bytes of a file are
//! read once however many install it, and count until the last of those calls
//! ends, also of calls whose client has left.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use bytes::Bytes;
use tokio::{
    fs,
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
};

use super::SpoolError;

/// The largest package: large apps are some hundred megabytes.
pub(crate) const MAX_PACKAGE: u64 = 512 << 20;

/// Bytes of all packages in memory: two of the largest, or many usual ones.
/// Whoever would go over it waits.
const MAX_IN_MEMORY: usize = 1 << 30;

/// The memory for packages of a host.
#[derive(Debug)]
pub(super) struct Memory(Arc<Semaphore>);

/// The package in a file, if it is in memory.
#[derive(Debug, Default)]
pub(super) struct Package(Mutex<Weak<Loading>>);

/// The bytes, when they are there.
#[derive(Debug, Default)]
struct Loading(OnceCell<Loaded>);

#[derive(Debug)]
struct Loaded {
    bytes: Vec<u8>,
    _memory: OwnedSemaphorePermit,
}

/// One user of them.
struct User(Arc<Loading>);

impl AsRef<[u8]> for User {
    fn as_ref(&self) -> &[u8] {
        self.0.0.get().map_or(&[], |loaded| &loaded.bytes)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_IN_MEMORY)))
    }
}

impl Memory {
    pub(super) async fn of(
        &self,
        package: &Package,
        path: &Path,
        size: u64,
    ) -> Result<Bytes, SpoolError> {
        let needed = u32::try_from(size).ok().filter(|_| size <= MAX_PACKAGE);
        let needed = needed.ok_or(SpoolError::TooLarge(MAX_PACKAGE))?;
        let loading = package.loading();
        loading
            .0
            .get_or_try_init(|| self.load(path, needed))
            .await?;
        Ok(Bytes::from_owner(User(loading)))
    }

    async fn load(&self, path: &Path, size: u32) -> Result<Loaded, SpoolError> {
        let memory = Arc::clone(&self.0).acquire_many_owned(size).await;
        let memory = memory.map_err(std::io::Error::other)?;
        Ok(Loaded {
            bytes: fs::read(path).await?,
            _memory: memory,
        })
    }

    /// Bytes that there is memory for now.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.0.available_permits()
    }
}

impl Package {
    /// What others have of it or wait for already, or a new one.
    fn loading(&self) -> Arc<Loading> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.upgrade().unwrap_or_else(|| {
            let loading = Arc::default();
            *slot = Arc::downgrade(&loading);
            loading
        })
    }
}
