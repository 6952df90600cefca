//! Connections that wait for the next request to the same origin at the same
//! address by the same plugin.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use crate::{dial::Sender, target::Target};

/// Connections that wait, in all: each is a file descriptor.
const IDLE: usize = 256;

/// Connections that wait for one key: more are only needed in a burst.
const IDLE_PER_KEY: usize = 8;

/// How long one waits: many servers close after a minute, some after less.
const IDLE_TIME: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) plugin: String,
    pub(crate) target: Target,
    pub(crate) address: IpAddr,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Idle>>);

#[derive(Debug, Default)]
struct Idle {
    /// The last is the one that has waited the shortest time.
    waiting: HashMap<Key, Vec<(Instant, Sender)>>,
    count: usize,
    swept: bool,
}

impl Pool {
    pub(crate) fn take(&self, key: &Key) -> Option<Sender> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle.waiting.get_mut(key)?;
        let taken = waiting.pop();
        if waiting.is_empty() {
            idle.waiting.remove(key);
        }
        let (since, sender) = taken?;
        idle.count -= 1;
        (since.elapsed() < IDLE_TIME && !sender.is_closed()).then_some(sender)
    }

    pub(crate) fn put(&self, key: Key, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.count >= IDLE {
            return;
        }
        let waiting = idle.waiting.entry(key).or_default();
        if waiting.len() >= IDLE_PER_KEY {
            return;
        }
        waiting.push((Instant::now(), sender));
        idle.count += 1;
        if !idle.swept {
            idle.swept = true;
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
    }
}

/// Closes what has waited too long, until nothing waits.
async fn sweep(pool: Weak<Mutex<Idle>>) {
    loop {
        tokio::time::sleep(IDLE_TIME).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.lock().unwrap_or_else(PoisonError::into_inner);
        idle.waiting.retain(|_, waiting| {
            waiting.retain(|(since, sender)| since.elapsed() < IDLE_TIME && !sender.is_closed());
            !waiting.is_empty()
        });
        idle.count = idle.waiting.values().map(Vec::len).sum();
        if idle.count == 0 {
            idle.swept = false;
            return;
        }
    }
}
