//! The children of a host that crashed end by themselves, but not at once. Every
//! supervisor holds the file `children.lock`, so a lock on it tells.

use std::{
    fs::{File, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

/// How long children of a host that crashed may take to end: their supervisors
/// kill them after two seconds.
const CHILDREN_GRACE: Duration = Duration::from_secs(10);

/// Waits until no child of an earlier host is left, so that no agent works on a
/// conversation twice. The file is for the children of this one.
pub(crate) async fn gone(state: &Path) -> Result<File> {
    let path = state.join("children.lock");
    let cannot = || format!("cannot use {}", path.display());
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).mode(0o600);
    let file = file.open(&path).with_context(cannot)?;
    let deadline = Instant::now() + CHILDREN_GRACE;
    let mut told = false;
    while let Err(error) = file.try_lock() {
        if matches!(error, TryLockError::Error(_)) || Instant::now() > deadline {
            return Err(error).with_context(|| {
                format!(
                    "children of an earlier host are still there after {} s: end the processes that \
                     hold {}",
                    CHILDREN_GRACE.as_secs(),
                    path.display()
                )
            });
        }
        if !told {
            tracing::warn!("waiting for the children of the last host to end");
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // One host at a time gets here, so nobody can be faster in between.
    file.unlock()
        .and_then(|()| file.lock_shared())
        .with_context(cannot)?;
    Ok(file)
}
