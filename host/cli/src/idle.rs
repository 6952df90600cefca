//! When a host that was started for a client may end.

use std::time::Duration;

use hostler_server::Clients;
use tokio::time::{Instant, timeout};

/// How often to look whether an agent works or a device is leased; clients are noticed at once.
const LOOK: Duration = Duration::from_secs(10);

/// Resolves when for `limit` there was neither a client nor anything that is
/// `busy`. From then on
/// the server lets nobody in.
pub(crate) async fn idle(clients: &Clients, limit: Duration, busy: impl Fn() -> bool) {
    let mut watch = clients.watch();
    let mut since = Instant::now();
    loop {
        let wait = LOOK.min(limit.saturating_sub(since.elapsed()));
        let moved = timeout(wait, watch.changed()).await.is_ok();
        if moved || clients.count() > 0 || busy() {
            since = Instant::now();
        } else if since.elapsed() >= limit && clients.close_if_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    const LIMIT: Duration = Duration::from_secs(600);

    #[tokio::test(start_paused = true)]
    async fn without_clients_and_turns_the_limit_counts() {
        let start = Instant::now();
        idle(&Clients::default(), LIMIT, || false).await;
        assert_eq!(start.elapsed().as_secs(), LIMIT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_without_a_client_keeps_the_host_and_the_limit_counts_from_its_end() {
        let running = Arc::new(AtomicBool::new(true));
        let turn = {
            let running = running.clone();
            async move {
                tokio::time::sleep(LIMIT * 3).await;
                running.store(false, Ordering::Release);
            }
        };
        tokio::spawn(turn);
        let start = Instant::now();
        idle(&Clients::default(), LIMIT, || {
            running.load(Ordering::Acquire)
        })
        .await;
        let after = start.elapsed() - LIMIT * 3;
        assert!(after + LOOK >= LIMIT, "{after:?}");
        assert!(after <= LIMIT + LOOK, "{after:?}");
    }
}
