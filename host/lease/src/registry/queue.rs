use std::collections::BTreeSet;

use super::{DeviceNo, LeaseNo, Phase, Place, PoolNo, Queue, QueueNo, Registry, State};
use crate::effects::{Effects, Event};
use crate::label::Label;
use crate::saved::Want;

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    fn remove(&mut self, turn: u64) {
        self.waiters.remove(&turn);
        self.there.remove(&turn);
    }
}

impl Registry {
    pub(super) fn queue(&self, queue: QueueNo) -> Option<&Queue> {
        match queue {
            QueueNo::Device(no) => self.devices.get(no).map(|device| &device.queue),
            QueueNo::Pool(no) => self.pools.get(no).map(|pool| &pool.queue),
        }
    }

    fn queue_mut(&mut self, queue: QueueNo) -> Option<&mut Queue> {
        match queue {
            QueueNo::Device(no) => self.devices.get_mut(no).map(|device| &mut device.queue),
            QueueNo::Pool(no) => self.pools.get_mut(no).map(|pool| &mut pool.queue),
        }
    }

    pub(super) fn waiting_in(&self, queue: QueueNo) -> usize {
        self.queue(queue).map_or(0, Queue::len)
    }

    /// Puts the lease at the end of the queues: its turn must be the latest.
    pub(super) fn join(
        &mut self,
        no: LeaseNo,
        turn: u64,
        queues: &[QueueNo],
        there: bool,
    ) -> Vec<Place> {
        let mut places = Vec::with_capacity(queues.len());
        for &queue in queues {
            if let Some(waiters) = self.queue_mut(queue) {
                waiters.waiters.insert(turn, no);
                if there {
                    waiters.there.insert(turn, no);
                }
                let rank = waiters.len();
                places.push(Place { queue, rank });
            }
        }
        places
    }

    /// The client of a waiter is back: it is served from now on, at once if a
    /// device is free, which nobody else who is there waits for then.
    pub(super) fn come_back(&mut self, no: LeaseNo, out: &mut Effects) {
        let Some(lease) = self.leases.get_mut(no) else {
            return;
        };
        let Phase::Waiting {
            turn,
            places,
            there,
        } = &mut lease.phase
        else {
            return;
        };
        if std::mem::replace(there, true) {
            return;
        }
        let turn = *turn;
        let queues: Vec<QueueNo> = places.iter().map(|place| place.queue).collect();
        for &queue in &queues {
            if let Some(waiters) = self.queue_mut(queue) {
                waiters.there.insert(turn, no);
            }
        }
        if let Some((device, _)) = self.pick(&queues) {
            self.grant(no, device, out);
        }
    }

    /// Takes a waiter out of its queues and tells those behind it.
    pub(super) fn leave(&mut self, turn: u64, places: &[Place], out: &mut Effects) {
        for place in places {
            let Some(waiters) = self.queue_mut(place.queue) else {
                continue;
            };
            waiters.remove(turn);
            let behind = waiters.waiters.range(turn..).map(|(_, no)| *no);
            let behind: Vec<LeaseNo> = behind.collect();
            for no in behind {
                self.move_up(no, place.queue, out);
            }
            match place.queue {
                QueueNo::Device(no) => self.forget_device(no),
                QueueNo::Pool(no) => self.forget_pool(no),
            }
        }
    }

    fn move_up(&mut self, no: LeaseNo, queue: QueueNo, out: &mut Effects) {
        let Some(lease) = self.leases.get_mut(no) else {
            return;
        };
        let Phase::Waiting { places, .. } = &mut lease.phase else {
            return;
        };
        let before = nearest(places);
        for place in places.iter_mut().filter(|place| place.queue == queue) {
            place.rank = place.rank.saturating_sub(1);
        }
        let position = nearest(places);
        if position != before {
            let id = lease.ask.id;
            out.events.push(Event::Moved { id, position });
        }
    }

    /// Gives the device, if it is free and seen, to the one that has waited for
    /// it longest, in its own queue or in that of one of its pools, of those who
    /// are there.
    pub(super) fn serve(&mut self, device_no: DeviceNo, out: &mut Effects) {
        let Some(device) = self.devices.get(device_no) else {
            return;
        };
        if !matches!(device.state, State::Free { .. }) || !device.is_seen() {
            return;
        }
        let pools = device.pools.iter().filter_map(|no| self.pools.get(*no));
        let first = pools
            .map(|pool| &pool.queue)
            .chain([&device.queue])
            .filter_map(|queue| queue.there.first_key_value())
            .min();
        if let Some((_, no)) = first {
            self.grant(*no, device_no, out);
        }
    }

    /// Makes a device that has nothing to do free for whoever comes.
    pub(super) fn set_free(&mut self, device_no: DeviceNo, out: &mut Effects) {
        self.freed += 1;
        let since = self.freed;
        let Some(device) = self.devices.get_mut(device_no) else {
            return;
        };
        device.state = State::Free { since };
        self.offer(device_no);
        self.serve(device_no, out);
        self.forget_device(device_no);
    }

    /// Puts a free and seen device among the free ones of its pools.
    pub(super) fn offer(&mut self, device_no: DeviceNo) {
        let Some(device) = self.devices.get(device_no) else {
            return;
        };
        let State::Free { since } = device.state else {
            return;
        };
        if !device.is_seen() {
            return;
        }
        for pool in &device.pools {
            if let Some(pool) = self.pools.get_mut(*pool) {
                pool.free.insert((since, device_no));
            }
        }
    }

    /// Takes a device out of the free ones of its pools.
    pub(super) fn withdraw(&mut self, device_no: DeviceNo) {
        let Some(device) = self.devices.get(device_no) else {
            return;
        };
        let State::Free { since } = device.state else {
            return;
        };
        for pool in &device.pools {
            if let Some(pool) = self.pools.get_mut(*pool) {
                pool.free.remove(&(since, device_no));
            }
        }
    }

    /// The pool of that name, made if it is not there.
    pub(super) fn pool(&mut self, name: &Label) -> PoolNo {
        let name = name.folded();
        *self.pool_names.entry(name.clone()).or_insert_with(|| {
            self.pools.insert(super::Pool {
                name,
                devices: BTreeSet::new(),
                free: BTreeSet::new(),
                queue: Queue::default(),
            })
        })
    }

    pub(super) fn forget_pool(&mut self, no: PoolNo) {
        if let Some(pool) = self.pools.get(no)
            && pool.devices.is_empty()
            && pool.queue.is_empty()
        {
            self.pool_names.remove(&pool.name);
            self.pools.remove(no);
        }
    }

    /// A queue as it is stored and shown.
    pub(super) fn want(&self, queue: QueueNo) -> Option<Want> {
        match queue {
            QueueNo::Device(no) => self.key(no).map(Want::Device),
            QueueNo::Pool(no) => self.pools.get(no).map(|pool| Want::Pool(pool.name.clone())),
        }
    }
}

/// The place in the queue that is furthest ahead.
pub(super) fn nearest(places: &[Place]) -> usize {
    places.iter().map(|place| place.rank).min().unwrap_or(1)
}
