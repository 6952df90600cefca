//! When an agent is looked for.

use std::{
    future::Future,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::{Instant, timeout},
};

use super::{Inner, Probe};

/// How often one that can be used is looked for: a look starts programs for
/// about a second, and whoever prompts learns of a lost login anyway.
pub(super) const READY: Duration = Duration::from_secs(600);

/// How often one that cannot: somebody may be mending it, and waits to see it.
pub(super) const NOT_READY: Duration = Duration::from_secs(60);

/// How soon after a look it is looked again for whoever wants to know at once, so
/// that a loop of them does not keep the machine busy.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// How long whoever wants to know at once waits: longer than what a probe runs
/// takes, shorter than clients wait for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(25);

/// Looks for one agent until it is dropped.
#[derive(Debug)]
pub(super) struct Looking {
    number: u64,
    wake: Arc<Notify>,
    turns: watch::Receiver<Turns>,
    task: AbortHandle,
}

/// Looks that were begun, and that have ended.
#[derive(Debug, Clone, Copy, Default)]
struct Turns {
    begun: u64,
    ended: u64,
    /// When the last one ended.
    last: Option<Instant>,
}

impl Looking {
    pub(super) fn start(agents: Weak<Inner>, id: &str, probe: Arc<dyn Probe>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (turns, seen) = watch::channel(Turns::default());
        let wake = Arc::new(Notify::new());
        let id = id.to_owned();
        let looked = run(agents, id, number, probe, turns, wake.clone());
        Self {
            number,
            wake,
            turns: seen,
            task: tokio::spawn(looked).abort_handle(),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Is ready when a look has ended that began after this call: something has
    /// changed.
    pub(super) fn afresh(&self) -> impl Future<Output = ()> + use<> {
        self.look(false)
    }

    /// The same, or when a look has ended just before.
    pub(super) fn again(&self) -> impl Future<Output = ()> + use<> {
        self.look(true)
    }

    fn look(&self, recent_counts: bool) -> impl Future<Output = ()> + use<> {
        let mut turns = self.turns.clone();
        let now = *turns.borrow();
        let recent = recent_counts && now.last.is_some_and(|last| last.elapsed() < PAUSE);
        // Nobody has seen the first look's beginning: it serves whoever is early.
        let awaited = match now {
            Turns { begun: 0, .. } => 1,
            Turns { begun, ended, .. } if begun == ended && recent => ended,
            Turns { begun, .. } => begun + 1,
        };
        if now.begun > 0 && awaited > now.begun {
            self.wake.notify_one();
        }
        async move {
            let ended = turns.wait_for(|turns| turns.ended >= awaited);
            let _ = timeout(PATIENCE, ended).await;
        }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    agents: Weak<Inner>,
    id: String,
    number: u64,
    probe: Arc<dyn Probe>,
    turns: watch::Sender<Turns>,
    wake: Arc<Notify>,
) {
    loop {
        turns.send_modify(|turns| turns.begun += 1);
        let found = probe.look().await;
        let Some(agents) = agents.upgrade() else {
            return;
        };
        let ready = agents.found(&id, number, found);
        drop(agents);
        turns.send_modify(|turns| {
            turns.ended += 1;
            turns.last = Some(Instant::now());
        });
        let pause = if ready { READY } else { NOT_READY };
        let _ = timeout(pause, wake.notified()).await;
    }
}
