use std::mem;
use std::sync::Arc;

use super::{
    DeviceNo, HAND_OVER_LIMIT, Held, LeaseNo, MAX_LEASES_PER_PRINCIPAL, MAX_QUEUE, Phase, QueueNo,
    Registry, State, implicit_name,
};
use crate::device::DeviceKey;
use crate::effects::{Effects, Event};
use crate::error::{Busy, Refused, Sight};
use crate::id::FencingToken;
use crate::moment::Moment;
use crate::saved::{Record, Standing, Stored, Want};
use crate::scope::{Ask, Choice, Mode, Selector};

/// What came of an ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allocated {
    /// A device is being handed over; `Granted` or `Ended` follows.
    HandingOver {
        /// Which.
        key: DeviceKey,
        /// Its token.
        token: FencingToken,
    },
    /// It waits.
    Waiting {
        /// From 1, in the queue where it is nearest.
        position: usize,
    },
    /// It reads beside the holder.
    Reading {
        /// Of which device.
        key: DeviceKey,
        /// The holder's token.
        token: FencingToken,
        /// When it ends without a renewal.
        until: Moment,
    },
}

impl Registry {
    /// Allocates one of the wanted devices, or a place in their queues if the
    /// terms allow to wait. It never returns a lease that exists: whoever has
    /// one uses its id, and without that id the same principal is told that the
    /// device is busy, like anybody.
    ///
    /// `sight` says whether the refusal may name a holder who is somebody else.
    ///
    /// # Errors
    /// Every reason not to, as [`Refused`] lists them.
    pub fn allocate(
        &mut self,
        ask: Ask,
        sight: Sight,
        now: Moment,
        out: &mut Effects,
    ) -> Result<Allocated, Refused> {
        let now = self.tick(now, out);
        self.check_new(&ask)?;
        let queues = self.resolve(&ask.scope.selector)?;
        if ask.scope.mode == Mode::Reader {
            return self.read(ask, &queues, now, out);
        }
        if let Some((device, key)) = self.pick(&queues) {
            let phase = Phase::Waiting {
                turn: 0,
                places: Vec::new(),
                there: true,
            };
            let no = self.add_lease(Arc::new(ask), phase, now.plus(HAND_OVER_LIMIT));
            let token = self.grant(no, device, out);
            return Ok(Allocated::HandingOver { key, token });
        }
        self.wait(ask, &queues, sight, now, out)
    }

    fn check_new(&self, ask: &Ask) -> Result<(), Refused> {
        if self.ids.contains_key(&ask.id) || self.ended.contains_key(&ask.id) {
            return Err(Refused::IdInUse);
        }
        let has = self.by_principal.get(&ask.principal);
        if has.is_some_and(|leases| leases.len() >= MAX_LEASES_PER_PRINCIPAL) {
            return Err(Refused::TooMany(ask.principal.clone()));
        }
        if let Some(name) = implicit_name(ask)
            && let Some(lease) = self.implicit.get(&name).and_then(|no| self.leases.get(*no))
        {
            let key = lease.device().and_then(|device| self.key(device));
            return Err(Refused::SessionHasOne {
                session: name.session,
                key,
            });
        }
        Ok(())
    }

    /// The queues of what is wanted, each once.
    fn resolve(&self, selector: &Selector) -> Result<Vec<QueueNo>, Refused> {
        let mut queues = Vec::with_capacity(selector.choices().len());
        for choice in selector.choices() {
            let queue = match choice {
                Choice::Device(name) => QueueNo::Device(self.device_named(name)?),
                Choice::Pool(name) => match self.pool_names.get(&name.folded()) {
                    Some(no)
                        if self
                            .pools
                            .get(*no)
                            .is_some_and(|pool| !pool.devices.is_empty()) =>
                    {
                        QueueNo::Pool(*no)
                    }
                    _ => return Err(Refused::UnknownPool(name.clone())),
                },
            };
            if !queues.contains(&queue) {
                queues.push(queue);
            }
        }
        Ok(queues)
    }

    /// The first device that is free. If one is, nobody who is there waits for it.
    pub(super) fn pick(&self, queues: &[QueueNo]) -> Option<(DeviceNo, DeviceKey)> {
        let no = queues.iter().find_map(|queue| match queue {
            QueueNo::Device(no) => {
                let device = self.devices.get(*no)?;
                let free = matches!(device.state, State::Free { .. }) && device.is_seen();
                free.then_some(*no)
            }
            QueueNo::Pool(no) => self.pools.get(*no)?.free.first().map(|(_, no)| *no),
        })?;
        Some((no, self.key(no)?))
    }

    /// Gives a free device to a lease that has none, and begins the hand-over.
    pub(super) fn grant(
        &mut self,
        no: LeaseNo,
        device_no: DeviceNo,
        out: &mut Effects,
    ) -> FencingToken {
        let token = self.next_token(out);
        self.withdraw(device_no);
        let (Some(device), Some(lease)) =
            (self.devices.get_mut(device_no), self.leases.get_mut(no))
        else {
            return token;
        };
        device.state = State::Taken {
            holder: no,
            readers: Vec::new(),
        };
        let before = mem::replace(
            &mut lease.phase,
            Phase::HandingOver {
                device: device_no,
                token,
                waited: false,
            },
        );
        lease.expires = self.now.plus(HAND_OVER_LIMIT);
        out.events.push(Event::HandOver {
            id: lease.ask.id,
            key: device.key.clone(),
            token,
            kind: lease.ask.terms.hand_over().clone(),
        });
        if let Phase::Waiting { turn, places, .. } = before
            && !places.is_empty()
        {
            if let Phase::HandingOver { waited, .. } = &mut lease.phase {
                *waited = true;
            }
            self.leave(turn, &places, out);
        }
        self.schedule(no);
        token
    }

    fn wait(
        &mut self,
        ask: Ask,
        queues: &[QueueNo],
        sight: Sight,
        now: Moment,
        out: &mut Effects,
    ) -> Result<Allocated, Refused> {
        let Some(wait) = ask.terms.wait() else {
            return Err(Refused::Busy(Box::new(self.busy(&ask, queues, sight))));
        };
        if let Some(full) = queues
            .iter()
            .find(|queue| self.waiting_in(**queue) >= MAX_QUEUE)
        {
            return Err(Refused::QueueFull {
                want: self
                    .want(*full)
                    .map_or_else(String::new, |want| want.to_string()),
                waiting: MAX_QUEUE,
            });
        }
        self.next_turn += 1;
        let turn = self.next_turn;
        let ask = Arc::new(ask);
        let there = true;
        let places = self.join(self.leases.vacant_key(), turn, queues, there);
        let position = super::queue::nearest(&places);
        let phase = Phase::Waiting {
            turn,
            places,
            there,
        };
        self.add_lease(Arc::clone(&ask), phase, now.plus(wait));
        let wants: Vec<Want> = queues
            .iter()
            .filter_map(|queue| self.want(*queue))
            .collect();
        let standing = Standing::Waiting { turn, wants };
        out.records.push(Record::Put(Stored { ask, standing }));
        Ok(Allocated::Waiting { position })
    }

    /// What is in the way.
    fn busy(&self, ask: &Ask, queues: &[QueueNo], sight: Sight) -> Busy {
        let soonest = self.soonest(queues);
        let waiting = queues.iter().map(|queue| self.waiting_in(*queue)).min();
        Busy {
            wants: queues
                .iter()
                .filter_map(|queue| self.want(*queue))
                .collect(),
            device: soonest.and_then(|key| self.device(&key, &ask.principal, sight, self.now)),
            waiting: waiting.unwrap_or_default(),
        }
    }

    fn read(
        &mut self,
        ask: Ask,
        queues: &[QueueNo],
        now: Moment,
        out: &mut Effects,
    ) -> Result<Allocated, Refused> {
        let [QueueNo::Device(device_no)] = *queues else {
            return Err(Refused::ReaderNeedsOneDevice);
        };
        let Some(device) = self.devices.get(device_no) else {
            return Err(Refused::ReaderNeedsOneDevice);
        };
        let key = device.key.clone();
        let State::Taken { holder, readers } = &device.state else {
            return Err(Refused::NobodyHolds(key));
        };
        let Some(holder) = self.leases.get(*holder) else {
            return Err(Refused::NobodyHolds(key));
        };
        let Phase::Held(Held { token, .. }) = holder.phase else {
            return Err(Refused::NobodyHolds(key));
        };
        let allowed = holder.ask.terms.readers();
        if readers.len() >= usize::from(allowed) {
            return Err(Refused::NoReaders { key, allowed });
        }
        let until = now.plus(ask.terms.ttl());
        let ask = Arc::new(ask);
        let standing = Standing::Reading {
            key: key.clone(),
            token,
            used: false,
        };
        out.events.push(Event::Granted {
            id: ask.id,
            key: key.clone(),
            token,
            until,
        });
        out.records.push(Record::Put(Stored {
            ask: Arc::clone(&ask),
            standing,
        }));
        let held = Phase::Held(Held::new(device_no, token, now));
        let no = self.add_lease(ask, held, until);
        self.add_reader(device_no, no);
        Ok(Allocated::Reading { key, token, until })
    }

    pub(super) fn add_reader(&mut self, device_no: DeviceNo, no: LeaseNo) {
        if let Some(device) = self.devices.get_mut(device_no)
            && let State::Taken { readers, .. } = &mut device.state
        {
            readers.push(no);
        }
    }
}
