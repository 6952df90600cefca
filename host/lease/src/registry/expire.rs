use super::{LeaseNo, Phase, Registry};
use crate::effects::{Effects, EndCause, Event};
use crate::moment::Moment;

impl Registry {
    /// Does what is due at `now`: warns holders, ends leases and waits whose
    /// time is over. Every other command begins with this, so a late timer
    /// never lets a stale holder through.
    pub fn expire(&mut self, now: Moment, out: &mut Effects) {
        self.tick(now, out);
    }

    /// When [`Registry::expire`] next has something to look at. It may find
    /// that a renewal came in between.
    pub fn next_due(&self) -> Option<Moment> {
        self.timers.first().map(|(at, _)| *at)
    }

    pub(super) fn expire_due(&mut self, out: &mut Effects) {
        while let Some(&(at, no)) = self.timers.first()
            && at <= self.now
        {
            self.timers.pop_first();
            let Some(lease) = self.leases.get_mut(no) else {
                continue;
            };
            lease.timer = None;
            let early = lease.due() > self.now;
            let expired = lease.expires <= self.now;
            let cause = match &mut lease.phase {
                _ if early => None,
                Phase::Held(held) if !expired => {
                    held.warned = true;
                    out.events.push(Event::Ending {
                        id: lease.ask.id,
                        until: lease.expires,
                    });
                    None
                }
                Phase::Held(_) => Some(EndCause::Expired),
                Phase::Waiting { .. } => Some(EndCause::WaitedTooLong),
                Phase::HandingOver { .. } => Some(EndCause::HandOverFailed),
            };
            match cause {
                Some(cause) => self.finish(no, cause, out),
                None => self.schedule(no),
            }
        }
    }

    /// Has the timer look at the lease in time. A timer that is early stays.
    pub(super) fn schedule(&mut self, no: LeaseNo) {
        let Some(lease) = self.leases.get_mut(no) else {
            return;
        };
        let due = lease.due();
        match lease.timer {
            Some(at) if at <= due => return,
            Some(at) => self.timers.remove(&(at, no)),
            None => false,
        };
        lease.timer = Some(due);
        self.timers.insert((due, no));
    }
}
