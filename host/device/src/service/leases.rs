//! Leases that are there: used, and given back.

use std::time::Duration;

use hostler_lease::{DeviceKey, Effects, Label, LeaseId, Principal};
use tokio::sync::oneshot;

use super::{Devices, discover::Ask};
use crate::{LeaseAct, Refusal, Who};

/// Leases.
impl Devices {
    /// Says that the holder lives. Returns how long the lease lives from now.
    ///
    /// # Errors
    /// It is not the principal's, has ended, or is not held yet.
    pub fn renew(&self, who: &Who, id: LeaseId) -> Result<Duration, Refusal> {
        self.0.drive(|state, now, out| {
            state.usable(&who.principal, id)?;
            let until = state.registry.renew(&who.principal, id, now, out)?;
            Ok(now.until(until))
        })
    }

    /// Gives a device back, or leaves the queue. Returns when that is durable;
    /// the device session ends meanwhile.
    ///
    /// # Errors
    /// It is not the principal's, or has ended; or could not be written, and is
    /// over nevertheless.
    pub async fn release(&self, who: &Who, id: LeaseId) -> Result<(), Refusal> {
        let durable = {
            let mut out = Effects::default();
            let mut state = self.0.lock();
            let now = self.0.now();
            let released = state.registry.release(&who.principal, id, now, &mut out);
            let (answer, durable) = oneshot::channel();
            self.0.settle(&mut state, out, Some(answer));
            released?;
            durable
        };
        durable.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Ends the lease of a device, without its id: an operator any, others those
    /// of their own harness sessions. Returns its key.
    ///
    /// # Errors
    /// Nobody has it, or somebody else.
    pub async fn force_release(&self, who: &Who, device: &str) -> Result<DeviceKey, Refusal> {
        let name = Label::new(device)?;
        let known = self.0.lock().registry.find(&name).is_ok();
        if !known {
            // Right after a start nothing has been listed yet.
            self.0.discover(Ask::Stale).await;
        }
        let (key, durable) = {
            let mut out = Effects::default();
            let mut state = self.0.lock();
            let now = self.0.now();
            let key = state.registry.find(&name)?;
            let registry = &mut state.registry;
            let forced = if who.admin {
                registry.force_release(&key, now, &mut out)
            } else {
                registry.release_of_session(&who.principal, &key, now, &mut out)
            };
            if forced.is_ok() {
                let by = &who.principal;
                self.0.observer.lease(LeaseAct::Forced { by, key: &key });
            }
            let (answer, durable) = oneshot::channel();
            self.0.settle(&mut state, out, Some(answer));
            forced?;
            (key, durable)
        };
        durable.await.unwrap_or(Err(Refusal::Stopping))?;
        Ok(key)
    }

    /// A principal is no more, as a harness session that ended: all that it
    /// holds and waits for ends.
    pub fn end_principal(&self, principal: &Principal) {
        self.0
            .drive(|state, now, out| state.registry.end_principal(principal, now, out));
    }
}
