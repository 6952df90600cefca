use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use slab::Slab;

use super::{DeviceNo, Held, MAX_QUEUE, Phase, QueueNo, REJOIN_GRACE, Registry, State};
use crate::device::DeviceKey;
use crate::effects::Effects;
use crate::id::FencingToken;
use crate::moment::Moment;
use crate::saved::{Record, Saved, Standing, Stored, Want};
use crate::scope::Ask;

impl Registry {
    /// A registry that goes on from what a store kept; from [`Saved::new`] it
    /// begins.
    ///
    /// Every lease that was used is back with a fresh full time to live, since
    /// nobody knows how long the host was away. One that nobody had used may be
    /// one that nobody had heard of: it is back for [`REJOIN_GRACE`]. Waiters are
    /// back in their order, for as long: until its client comes back, each keeps
    /// its place and is not served. Tokens go on above all that
    /// may have been used. No device is seen until it is discovered, and what was
    /// left of device sessions must be proven dead before this is called.
    ///
    /// What contradicts itself, as only a damaged store does, is dropped, with a
    /// record: of two holders of one device the one with the older token.
    pub fn restore(saved: Saved, now: Moment, out: &mut Effects) -> Registry {
        let mut registry = Registry {
            now,
            devices: Slab::new(),
            keys: HashMap::new(),
            names: HashMap::new(),
            providers: BTreeMap::new(),
            pools: Slab::new(),
            pool_names: HashMap::new(),
            leases: Slab::new(),
            ids: HashMap::new(),
            by_principal: BTreeMap::new(),
            implicit: HashMap::new(),
            timers: BTreeSet::new(),
            last_token: saved.tokens(),
            noted_token: saved.tokens(),
            next_turn: 0,
            freed: 0,
            ended: HashMap::new(),
            ended_order: VecDeque::new(),
        };
        let mut leases: Vec<Stored> = saved.into_leases().collect();
        leases.sort_by_key(|stored| match &stored.standing {
            Standing::Held { token, .. } => (0, u64::MAX - token.number()),
            Standing::Reading { token, .. } => (1, token.number()),
            Standing::Waiting { turn, .. } => (2, *turn),
        });
        for stored in leases {
            let id = stored.ask.id;
            if !registry.take_back(stored, now) {
                out.records.push(Record::Remove(id));
            }
        }
        registry.noted_token = registry.noted_token.max(registry.last_token);
        registry
    }

    /// Whether it could be taken back.
    fn take_back(&mut self, stored: Stored, now: Moment) -> bool {
        let Stored { ask, standing } = stored;
        match standing {
            Standing::Held { key, token, used } => {
                self.last_token = self.last_token.max(token);
                if self.keys.contains_key(&key) {
                    return false;
                }
                let device = self.add_device(key);
                let expires = now.plus(life(&ask, used));
                let held = Held::restored(device, token, used, now);
                let holder = self.add_lease(ask, Phase::Held(held), expires);
                if let Some(device) = self.devices.get_mut(device) {
                    device.state = State::Taken {
                        holder,
                        readers: Vec::new(),
                    };
                }
                true
            }
            Standing::Reading { key, token, used } => {
                let Some(device) = self.keys.get(&key).copied() else {
                    return false;
                };
                let beside = match self.devices.get(device).map(|device| &device.state) {
                    Some(State::Taken { holder, .. }) => self.leases.get(*holder),
                    _ => None,
                };
                let same = |held: &Held| held.token == token;
                if !beside
                    .is_some_and(|lease| matches!(&lease.phase, Phase::Held(held) if same(held)))
                {
                    return false;
                }
                let expires = now.plus(life(&ask, used));
                let held = Held::restored(device, token, used, now);
                let no = self.add_lease(ask, Phase::Held(held), expires);
                self.add_reader(device, no);
                true
            }
            Standing::Waiting { turn, wants } => {
                if turn <= self.next_turn || wants.is_empty() {
                    return false;
                }
                let queues: Vec<QueueNo> =
                    wants.into_iter().map(|want| self.queue_of(want)).collect();
                if queues
                    .iter()
                    .any(|queue| self.waiting_in(*queue) >= MAX_QUEUE)
                {
                    return false;
                }
                self.next_turn = turn;
                let grace = ask.terms.wait().unwrap_or(REJOIN_GRACE).min(REJOIN_GRACE);
                let there = false;
                let places = self.join(self.leases.vacant_key(), turn, &queues, there);
                let phase = Phase::Waiting {
                    turn,
                    places,
                    there,
                };
                self.add_lease(ask, phase, now.plus(grace));
                true
            }
        }
    }

    /// The queue of what somebody waits for, seen or not.
    fn queue_of(&mut self, want: Want) -> QueueNo {
        match want {
            Want::Device(key) => QueueNo::Device(self.known_or_absent(key)),
            Want::Pool(name) => QueueNo::Pool(self.pool(&name)),
        }
    }

    fn known_or_absent(&mut self, key: DeviceKey) -> DeviceNo {
        match self.keys.get(&key) {
            Some(no) => *no,
            None => self.add_device(key),
        }
    }
}

/// How long a lease lives from the restart on.
fn life(ask: &Ask, used: bool) -> Duration {
    let ttl = ask.terms.ttl();
    if used { ttl } else { ttl.min(REJOIN_GRACE) }
}

impl Held {
    fn restored(device: DeviceNo, token: FencingToken, used: bool, now: Moment) -> Held {
        Held {
            fresh: !used,
            // There is nobody to warn who has not heard of it.
            warned: !used,
            ..Held::new(device, token, now)
        }
    }
}
