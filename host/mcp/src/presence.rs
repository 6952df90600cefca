//! Whether a client is there: it has a request or a stream open, or had one a
//! moment ago. The protocol's library tells nobody when a connection breaks.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// How long a client may be away before what it waits for is given up: its
/// connection may break, and libraries are back within seconds.
const AWAY: Duration = Duration::from_secs(15);

/// Of one MCP session. All clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Presence(Arc<watch::Sender<State>>);

#[derive(Debug, Clone, Copy)]
struct State {
    /// Requests and streams that are open.
    open: usize,
    /// When the last one ended.
    since: Instant,
}

/// A request or a stream that is open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Here(Presence);

impl Default for Presence {
    fn default() -> Self {
        let state = State {
            open: 0,
            since: Instant::now(),
        };
        Self(Arc::new(watch::Sender::new(state)))
    }
}

impl Presence {
    pub(crate) fn enter(&self) -> Here {
        self.0.send_modify(|state| state.open += 1);
        Here(self.clone())
    }

    /// Until the client is there again. False if it does not come.
    pub(crate) async fn back(&self) -> bool {
        let mut state = self.0.subscribe();
        loop {
            let now = *state.borrow_and_update();
            if now.open > 0 {
                return true;
            }
            // The sender is in `self`, so only the time can fail.
            if timeout_at(now.since + AWAY, state.changed()).await.is_err() {
                return false;
            }
        }
    }

    /// Until the client has been away for too long.
    pub(crate) async fn gone(&self) {
        let mut state = self.0.subscribe();
        while self.back().await {
            // Cannot fail: the sender is in `self`.
            let _ = state.wait_for(|state| state.open == 0).await;
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| {
            state.open = state.open.saturating_sub(1);
            state.since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_is_gone_when_nothing_of_it_was_open_for_a_while() {
        let presence = Presence::default();
        let (call, stream) = (presence.enter(), presence.enter());
        let gone = tokio::spawn({
            let presence = presence.clone();
            async move { presence.gone().await }
        });
        drop(call);
        tokio::time::sleep(AWAY * 2).await;
        assert!(presence.back().await && !gone.is_finished());
        drop(stream);
        // It comes back now and then.
        for _ in 0..5 {
            tokio::time::sleep(AWAY - Duration::from_secs(1)).await;
            drop(presence.enter());
        }
        assert!(!gone.is_finished());
        let began = Instant::now();
        gone.await.unwrap();
        assert_eq!(began.elapsed(), AWAY);
        assert!(!presence.back().await);
    }
}
