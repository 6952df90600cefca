//! Since when nobody is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant, sleep_until};

/// How long a connection may have neither an open stream nor a POST. Twice what
/// a WebSocket may be silent: who has lost its streams opens them again, on a
/// new network.
const IDLE: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Streams with a reader.
    open: usize,
    last: Instant,
}

/// One stream with a reader, as long as it lives.
#[derive(Debug)]
pub(super) struct Open(Arc<Activity>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(State {
            open: 0,
            last: Instant::now(),
        }))
    }
}

impl Activity {
    /// The client has sent something.
    pub(super) fn touch(&self) {
        self.lock().last = Instant::now();
    }

    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.lock().open += 1;
        Open(self.clone())
    }

    /// Resolves when nobody has been there for [`IDLE`].
    pub(super) async fn until_idle(&self) {
        loop {
            let end = self.ends();
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }

    /// When it would be over if nothing happens.
    fn ends(&self) -> Instant {
        let state = self.lock();
        let since = if state.open > 0 {
            Instant::now()
        } else {
            state.last
        };
        since + IDLE
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.open -= 1;
        state.last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_neither_reads_nor_writes_is_idle() {
        let activity = Arc::new(Activity::default());
        let begin = Instant::now();
        advance(IDLE / 2).await;
        activity.touch();
        activity.until_idle().await;
        assert!(begin.elapsed() >= IDLE + IDLE / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_is_not_idle_and_time_counts_from_the_end_of_it() {
        let activity = Arc::new(Activity::default());
        let open = activity.open();
        tokio::select! {
            () = activity.until_idle() => panic!("somebody reads"),
            () = tokio::time::sleep(10 * IDLE) => {}
        }
        drop(open);
        let begin = Instant::now();
        activity.until_idle().await;
        assert!(begin.elapsed() >= IDLE);
    }
}
