//! What belongs to the devices of a provider and outlives its instances: the
//! programs of `hostler:host/service`, and the ends of what calls have started.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::task::TaskTracker;

use super::service::Slot;

/// By hardware id; `None` is the provider itself: what its discovery starts may
/// serve several devices.
#[derive(Debug, Default)]
pub(crate) struct Belongings {
    owners: Mutex<HashMap<Option<String>, Arc<Owner>>>,
}

/// One device, or the provider itself.
#[derive(Debug, Default)]
pub(crate) struct Owner {
    /// What ends the children of its calls.
    pub(crate) tasks: TaskTracker,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

impl Belongings {
    pub(crate) fn of(&self, hardware_id: Option<&str>) -> Arc<Owner> {
        let owner = hardware_id.map(str::to_owned);
        Arc::clone(self.lock().entry(owner).or_default())
    }

    /// Ends all programs of a device, and returns when they are gone.
    pub(crate) async fn end(&self, hardware_id: &str) {
        let key = Some(hardware_id.to_owned());
        let Some(owner) = self.lock().get(&key).cloned() else {
            return;
        };
        owner.end().await;
        drop(owner);
        let mut owners = self.lock();
        if owners
            .get(&key)
            .is_some_and(|owner| Arc::strong_count(owner) == 1)
        {
            owners.remove(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<String>, Arc<Owner>>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner {
    /// Waits until nothing is left of what calls had started. No call may be
    /// running.
    pub(crate) async fn calls_ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
        let slots: Vec<_> = self.slots().values().cloned().collect();
        for slot in slots {
            slot.gone_if_let_go().await;
        }
    }

    /// The place of the program of that name; `None`: `limit` have one already.
    pub(crate) fn slot(&self, name: &str, limit: u32) -> Option<Arc<Slot>> {
        let mut slots = self.slots();
        if let Some(slot) = slots.get(name) {
            return Some(Arc::clone(slot));
        }
        // Names of programs that are gone make room, unless one is just starting.
        slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.runs());
        if slots.len() >= limit as usize {
            return None;
        }
        let slot = Arc::default();
        slots.insert(name.to_owned(), Arc::clone(&slot));
        Some(slot)
    }

    /// The place of the program of that name, if it ever had one.
    pub(crate) fn existing_slot(&self, name: &str) -> Option<Arc<Slot>> {
        self.slots().get(name).cloned()
    }

    async fn end(&self) {
        let slots: Vec<_> = self.slots().drain().map(|(_, slot)| slot).collect();
        // All at once, then one by one until they are gone.
        for slot in &slots {
            slot.let_go();
        }
        for slot in slots {
            slot.stop().await;
        }
        self.calls_ended().await;
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
