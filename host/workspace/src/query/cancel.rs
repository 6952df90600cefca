use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::QueryError;

/// The longest that a query runs: a person waits for it, and it keeps a thread.
pub const QUERY_TIME: Duration = Duration::from_secs(10);

/// Stops a query: by hand from any clone, or by its deadline.
#[derive(Debug, Clone)]
pub struct Cancel {
    cancelled: Arc<AtomicBool>,
    deadline: Instant,
}

impl Cancel {
    /// With a deadline [`QUERY_TIME`] from now.
    #[allow(clippy::new_without_default, reason = "it reads the clock")]
    pub fn new() -> Cancel {
        Cancel::until(Instant::now() + QUERY_TIME)
    }

    /// With a deadline of the caller's.
    pub fn until(deadline: Instant) -> Cancel {
        Cancel {
            cancelled: Arc::default(),
            deadline,
        }
    }

    /// The query ends at its next check with [`QueryError::Cancelled`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    /// When the query ends with [`QueryError::TimedOut`].
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// An error once the query should end.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.cancelled.load(Relaxed) {
            return Err(QueryError::Cancelled);
        }
        if Instant::now() >= self.deadline {
            return Err(QueryError::TimedOut);
        }
        Ok(())
    }
}
