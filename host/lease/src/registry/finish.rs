use super::{DeviceNo, ENDED_KEPT, Held, Lease, LeaseNo, Phase, Registry, State, implicit_name};
use crate::device::DeviceKey;
use crate::effects::{Effects, EndCause, Event};
use crate::error::Refused;
use crate::id::{FencingToken, LeaseId};
use crate::moment::Moment;
use crate::principal::Principal;
use crate::saved::Record;

impl Registry {
    /// Gives a device back, or leaves the queue.
    ///
    /// # Errors
    /// It is not the principal's, or has ended.
    pub fn release(
        &mut self,
        principal: &Principal,
        id: LeaseId,
        now: Moment,
        out: &mut Effects,
    ) -> Result<(), Refused> {
        self.tick(now, out);
        let no = self.own(principal, id)?;
        self.finish(no, EndCause::Released, out);
        Ok(())
    }

    /// The device could not be made ready. Returns whether there was such a
    /// hand-over; a lease that is held already is not touched.
    pub fn hand_over_failed(&mut self, id: LeaseId, now: Moment, out: &mut Effects) -> bool {
        self.tick(now, out);
        let failed = self.find_lease(id, |phase| matches!(phase, Phase::HandingOver { .. }));
        if let Some(no) = failed {
            self.finish(no, EndCause::HandOverFailed, out);
        }
        failed.is_some()
    }

    /// Something failed between the ask and its answer: the lease ends if it is
    /// fresh. One that its holder has used since it was granted is known to the
    /// holder and stays. Returns whether it ended.
    pub fn abandon(&mut self, id: LeaseId, now: Moment, out: &mut Effects) -> bool {
        self.tick(now, out);
        let fresh = self.find_lease(id, |phase| match phase {
            Phase::Held(held) => held.fresh,
            Phase::Waiting { .. } | Phase::HandingOver { .. } => true,
        });
        if let Some(no) = fresh {
            self.finish(no, EndCause::Abandoned, out);
        }
        fresh.is_some()
    }

    /// Ends whatever lease the device is under. The caller has checked that an
    /// operator wants it.
    ///
    /// # Errors
    /// Nobody has it.
    pub fn force_release(
        &mut self,
        key: &DeviceKey,
        now: Moment,
        out: &mut Effects,
    ) -> Result<(), Refused> {
        self.tick(now, out);
        let (holder, _) = self.holder_of(key)?;
        self.finish(holder, EndCause::Forced, out);
        Ok(())
    }

    /// Ends the lease of one of the principal's own harness sessions, whose id
    /// the principal does not have.
    ///
    /// # Errors
    /// Nobody has the device, or somebody who is no session of the principal.
    pub fn release_of_session(
        &mut self,
        parent: &Principal,
        key: &DeviceKey,
        now: Moment,
        out: &mut Effects,
    ) -> Result<(), Refused> {
        self.tick(now, out);
        let (holder, lease) = self.holder_of(key)?;
        if !parent.is_parent_of(&lease.ask.principal) {
            return Err(Refused::NotYourSession(key.clone()));
        }
        self.finish(holder, EndCause::Forced, out);
        Ok(())
    }

    /// The principal is no more, such as a harness session that ended: all that
    /// it holds or waits for ends. Those whose parent it is stay.
    pub fn end_principal(&mut self, principal: &Principal, now: Moment, out: &mut Effects) {
        self.tick(now, out);
        let leases = self.by_principal.get(principal).cloned();
        for no in leases.unwrap_or_default() {
            // One may have ended with another: a reader with its holder.
            if self
                .leases
                .get(no)
                .is_some_and(|lease| lease.ask.principal == *principal)
            {
                self.finish(no, EndCause::PrincipalEnded, out);
            }
        }
    }

    /// What the lease with that token left is proven dead: the next is served.
    /// Returns whether that was awaited.
    pub fn torn_down(
        &mut self,
        key: &DeviceKey,
        token: FencingToken,
        now: Moment,
        out: &mut Effects,
    ) -> bool {
        self.tick(now, out);
        let Some(&no) = self.keys.get(key) else {
            return false;
        };
        let awaited = self.devices.get(no).is_some_and(
            |device| matches!(device.state, State::TearingDown { token: left } if left == token),
        );
        if awaited {
            self.set_free(no, out);
        }
        awaited
    }

    fn find_lease(&self, id: LeaseId, wanted: impl Fn(&Phase) -> bool) -> Option<LeaseNo> {
        let no = *self.ids.get(&id)?;
        self.leases.get(no).filter(|lease| wanted(&lease.phase))?;
        Some(no)
    }

    fn holder_of(&self, key: &DeviceKey) -> Result<(LeaseNo, &Lease), Refused> {
        let nobody = || Refused::NothingHeld(key.clone());
        let no = self.keys.get(key).ok_or_else(nobody)?;
        match self.devices.get(*no).map(|device| &device.state) {
            Some(State::Taken { holder, .. }) => {
                let lease = self.leases.get(*holder).ok_or_else(nobody)?;
                Ok((*holder, lease))
            }
            _ => Err(nobody()),
        }
    }

    /// Ends whatever lease the device is under, if any.
    pub(super) fn end_holder(&mut self, device: DeviceNo, cause: EndCause, out: &mut Effects) {
        if let Some(device) = self.devices.get(device)
            && let State::Taken { holder, .. } = device.state
        {
            self.finish(holder, cause, out);
        }
    }

    /// The one way in which a lease or a wait ends.
    pub(super) fn finish(&mut self, no: LeaseNo, cause: EndCause, out: &mut Effects) {
        let Some(lease) = self.leases.try_remove(no) else {
            return;
        };
        self.unlist(no, &lease);
        let id = lease.ask.id;
        self.remember_end(&lease, cause);
        let key = lease.device().and_then(|device| self.key(device));
        let ended = Event::Ended { id, key, cause };
        match lease.phase {
            Phase::Waiting { turn, places, .. } => {
                out.records.push(Record::Remove(id));
                out.events.push(ended);
                self.leave(turn, &places, out);
            }
            Phase::HandingOver {
                device,
                token,
                waited,
            } => {
                if waited {
                    out.records.push(Record::Remove(id));
                }
                self.leave_device(no, device, token, out);
                out.events.push(ended);
            }
            Phase::Held(Held { device, token, .. }) => {
                out.records.push(Record::Remove(id));
                let readers = self.leave_device(no, device, token, out);
                out.events.push(ended);
                for reader in readers {
                    self.finish(reader, EndCause::HolderLeft, out);
                }
            }
        }
    }

    /// Takes a holder or a reader from its device. When the holder leaves, what
    /// it left is torn down; returns the readers that were beside it.
    fn leave_device(
        &mut self,
        no: LeaseNo,
        device_no: DeviceNo,
        token: FencingToken,
        out: &mut Effects,
    ) -> Vec<LeaseNo> {
        let Some(device) = self.devices.get_mut(device_no) else {
            return Vec::new();
        };
        let State::Taken { holder, readers } = &mut device.state else {
            return Vec::new();
        };
        if *holder != no {
            readers.retain(|reader| *reader != no);
            return Vec::new();
        }
        let readers = std::mem::take(readers);
        device.state = State::TearingDown { token };
        let key = device.key.clone();
        out.events.push(Event::TearDown { key, token });
        readers
    }

    fn unlist(&mut self, no: LeaseNo, lease: &Lease) {
        if let Some(at) = lease.timer {
            self.timers.remove(&(at, no));
        }
        self.ids.remove(&lease.ask.id);
        if let Some(leases) = self.by_principal.get_mut(&lease.ask.principal) {
            leases.remove(&no);
            if leases.is_empty() {
                self.by_principal.remove(&lease.ask.principal);
            }
        }
        if let Some(name) = implicit_name(&lease.ask)
            && self.implicit.get(&name) == Some(&no)
        {
            self.implicit.remove(&name);
        }
    }

    fn remember_end(&mut self, lease: &Lease, cause: EndCause) {
        if matches!(cause, EndCause::Released | EndCause::Abandoned) {
            return;
        }
        let id = lease.ask.id;
        self.ended.insert(id, (lease.ask.principal.clone(), cause));
        self.ended_order.push_back(id);
        if self.ended_order.len() > ENDED_KEPT
            && let Some(oldest) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }
}
