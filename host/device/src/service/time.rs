use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use hostler_lease::Effects;
use tokio::{
    sync::Notify,
    time::{sleep, sleep_until},
};

use super::{Inner, discover::Ask};

/// How often it is looked whether the devices in use are still there, when
/// nobody else asks: a device that was unplugged says nothing.
const WATCH: Duration = Duration::from_secs(30);

/// Lists devices now and then while any is leased or waited for, until the
/// service is gone.
pub(super) async fn watch(inner: Weak<Inner>) {
    loop {
        sleep(WATCH).await;
        let Some(inner) = inner.upgrade() else { return };
        let in_use = !inner.lock().asks.is_empty();
        if in_use {
            inner.discover(Ask::Stale).await;
        }
    }
}

/// Has the registry look at what is due, when it is, until the service is gone.
pub(super) async fn run(inner: Weak<Inner>, sooner: Arc<Notify>) {
    loop {
        let due = {
            let Some(inner) = inner.upgrade() else { return };
            let mut state = inner.lock();
            let mut out = Effects::default();
            state.registry.expire(inner.now(), &mut out);
            // What this brings may be due earlier; it notifies then.
            state.timer = state.registry.next_due();
            inner.settle(&mut state, out, None);
            state.timer.map(|at| inner.began + at.since_start())
        };
        match due {
            Some(due) => tokio::select! {
                () = sleep_until(due) => {}
                () = sooner.notified() => {}
            },
            None => sooner.notified().await,
        }
    }
}
