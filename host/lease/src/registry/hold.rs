use std::sync::Arc;
use std::time::Duration;

use super::{DeviceNo, Held, Lease, MAX_COMMAND, Phase, Registry};
use crate::device::DeviceKey;
use crate::effects::{Effects, Event};
use crate::error::Refused;
use crate::id::{FencingToken, LeaseId};
use crate::moment::Moment;
use crate::principal::Principal;
use crate::saved::{Record, Standing, Stored};
use crate::scope::Mode;

/// A command that may run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// On which device.
    pub key: DeviceKey,
    /// To go with every call of the provider.
    pub token: FencingToken,
    /// By a reader, who may look and not touch.
    pub reader: bool,
    /// When the lease ends if nothing more comes.
    pub until: Moment,
}

/// How it stands with a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It waits.
    Waiting {
        /// From 1, in the queue where it is nearest.
        position: usize,
        /// When the wait is over.
        until: Moment,
    },
    /// Its device is being made ready.
    HandingOver {
        /// Which.
        key: DeviceKey,
    },
    /// It has the device, or reads beside its holder.
    Held {
        /// Which.
        key: DeviceKey,
        /// Its token.
        token: FencingToken,
        /// When it ends without a renewal.
        until: Moment,
    },
}

impl Held {
    pub(super) fn new(device: DeviceNo, token: FencingToken, now: Moment) -> Held {
        Held {
            device,
            token,
            fresh: true,
            running: 0,
            runs_until: now,
            idle_since: now,
            warned: false,
        }
    }
}

impl Lease {
    pub(super) fn device(&self) -> Option<DeviceNo> {
        match self.phase {
            Phase::Waiting { .. } => None,
            Phase::HandingOver { device, .. } | Phase::Held(Held { device, .. }) => Some(device),
        }
    }

    /// Uses a held lease: it lives its full time from now on, and longer if a
    /// command has a later deadline.
    fn touch(&mut self, now: Moment, out: &mut Effects) -> Result<&mut Held, Refused> {
        let Phase::Held(held) = &mut self.phase else {
            return Err(Refused::NotYet);
        };
        if std::mem::replace(&mut held.fresh, false) {
            out.records.push(Record::Used(self.ask.id));
        }
        held.warned = false;
        let idle = now.plus(self.ask.terms.ttl());
        self.expires = if held.running > 0 {
            idle.max(held.runs_until)
        } else {
            idle
        };
        Ok(held)
    }
}

impl Registry {
    /// The device was handed over: the lease is held, and lives from now on.
    /// The holder hears of it by the event, when the record is durable.
    ///
    /// # Errors
    /// The lease ended meanwhile, or is in no hand-over. What was prepared is
    /// being torn down then.
    pub fn handed_over(
        &mut self,
        id: LeaseId,
        now: Moment,
        out: &mut Effects,
    ) -> Result<(), Refused> {
        let now = self.tick(now, out);
        let no = *self.ids.get(&id).ok_or(Refused::LeaseUnknown)?;
        let lease = self.leases.get_mut(no).ok_or(Refused::LeaseUnknown)?;
        let Phase::HandingOver { device, token, .. } = lease.phase else {
            return Err(Refused::NotYet);
        };
        lease.phase = Phase::Held(Held::new(device, token, now));
        lease.expires = now.plus(lease.ask.terms.ttl());
        let (ask, until) = (Arc::clone(&lease.ask), lease.expires);
        self.schedule(no);
        let key = self.key(device).ok_or(Refused::LeaseUnknown)?;
        out.events.push(Event::Granted {
            id,
            key: key.clone(),
            token,
            until,
        });
        let used = false;
        let standing = Standing::Held { key, token, used };
        out.records.push(Record::Put(Stored { ask, standing }));
        Ok(())
    }

    /// Says that the holder lives. Returns when the lease now ends.
    ///
    /// # Errors
    /// It is not the principal's, has ended, or is not held yet.
    pub fn renew(
        &mut self,
        principal: &Principal,
        id: LeaseId,
        now: Moment,
        out: &mut Effects,
    ) -> Result<Moment, Refused> {
        let now = self.tick(now, out);
        let no = self.own(principal, id)?;
        let lease = self.leases.get_mut(no).ok_or(Refused::LeaseUnknown)?;
        lease.touch(now, out)?;
        let until = lease.expires;
        self.schedule(no);
        Ok(until)
    }

    /// Admits a command that runs at most `limit` long, and renews the lease to
    /// the end of that. To be called under the lock of the device, and answered
    /// with [`Registry::end_command`].
    ///
    /// # Errors
    /// As for [`Registry::renew`]; or `limit` is above [`MAX_COMMAND`].
    pub fn begin_command(
        &mut self,
        principal: &Principal,
        id: LeaseId,
        limit: Duration,
        now: Moment,
        out: &mut Effects,
    ) -> Result<Admitted, Refused> {
        let now = self.tick(now, out);
        let no = self.own(principal, id)?;
        if limit > MAX_COMMAND {
            return Err(Refused::CommandTooLong);
        }
        let lease = self.leases.get_mut(no).ok_or(Refused::LeaseUnknown)?;
        let held = lease.touch(now, out)?;
        held.running = held.running.saturating_add(1);
        held.runs_until = held.runs_until.max(now.plus(limit));
        let (device, token, runs_until) = (held.device, held.token, held.runs_until);
        lease.expires = lease.expires.max(runs_until);
        let (until, reader) = (lease.expires, lease.ask.scope.mode == Mode::Reader);
        self.schedule(no);
        Ok(Admitted {
            key: self.key(device).ok_or(Refused::LeaseUnknown)?,
            token,
            reader,
            until,
        })
    }

    /// A command that was admitted has ended, well or not. From the last one on
    /// the lease is idle and lives its full time. Nothing if the lease is over.
    pub fn end_command(&mut self, id: LeaseId, now: Moment, out: &mut Effects) {
        let now = self.tick(now, out);
        let Some(&no) = self.ids.get(&id) else {
            return;
        };
        let Some(lease) = self.leases.get_mut(no) else {
            return;
        };
        if let Phase::Held(held) = &mut lease.phase
            && held.running > 0
        {
            held.running -= 1;
            held.idle_since = now;
            if held.running == 0 {
                held.runs_until = now;
            }
            // Cannot fail: it is held.
            let _ = lease.touch(now, out);
            self.schedule(no);
        }
    }

    /// The client of an ask is back after its connection or the host was away:
    /// how it stands. Whoever waits does so for `wait` from now on, or for the full
    /// wait of its terms again, which is the most; if it was away since the host
    /// started, it may be served from now on, and is at once if a device is free.
    ///
    /// # Errors
    /// It is not the principal's or has ended.
    pub fn rejoin(
        &mut self,
        principal: &Principal,
        id: LeaseId,
        wait: Option<Duration>,
        now: Moment,
        out: &mut Effects,
    ) -> Result<Status, Refused> {
        let now = self.tick(now, out);
        let no = self.own(principal, id)?;
        let lease = self.leases.get_mut(no).ok_or(Refused::LeaseUnknown)?;
        if let (Phase::Waiting { .. }, Some(most)) = (&lease.phase, lease.ask.terms.wait()) {
            lease.expires = now.plus(wait.unwrap_or(most).min(most));
        }
        self.schedule(no);
        self.come_back(no, out);
        self.status_of(no).ok_or(Refused::LeaseUnknown)
    }
}
