use std::sync::{Arc, Weak};

use hostler_lease::Effects;
use tokio::{sync::Notify, time::sleep_until};

use super::Inner;

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
