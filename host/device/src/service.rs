use std::{sync::Arc, time::Duration};

use hostler_lease::{DeviceKey, LeaseId, Principal, Saved};
use hostler_provider::{Answer, Call, Policy, Provider, Target, Wish};

use crate::{
    Config, Labels, Lease, LeaseInfo, LeaseStanding, LeaseStore, Listing, Observer, ProviderView,
    Refusal, Ticket, Told, Who, query::Snapshot,
};

/// The device service. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub struct Devices(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
}

/// What is told of devices and leases, from a position on.
#[derive(Debug)]
pub struct Events {
    _devices: Devices,
}

impl Events {
    /// What happens next. Ends with the service.
    pub async fn next(&mut self) -> Option<Told> {
        None
    }
}

/// Starting and stopping, and what there is to drive.
impl Devices {
    /// Starts on what was kept: `saved` of a database that was opened for the
    /// `starts`th time. Leases live on, each with a full time to live; their
    /// device sessions open again with the next command. Whatever an earlier
    /// host left running must be proven dead before. To be called inside a
    /// Tokio runtime.
    pub fn start(
        config: Config,
        saved: Saved,
        starts: u32,
        store: Arc<dyn LeaseStore>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        drop((saved, starts, store, observer));
        Self(Arc::new(Inner { config }))
    }

    /// Ends all device sessions; leases stay as they are kept. Nothing is
    /// granted or run from now on.
    pub async fn stop(&self) {}

    /// A provider is there, new or in place of an older one. Sessions that are
    /// open stay with the older one.
    pub fn set_provider(&self, provider: Arc<dyn Provider>) {
        drop(provider);
    }

    /// A provider is being loaded.
    pub fn provider_loading(&self, id: &str) {
        let _ = id;
    }

    /// A provider could not be loaded. What it listed before stays.
    pub fn provider_failed(&self, id: &str, why: &str) {
        let _ = (id, why);
    }

    /// A provider is gone, and its devices with it, unless another has them.
    pub fn remove_provider(&self, id: &str) {
        let _ = id;
    }

    /// The providers, by id.
    pub fn providers(&self) -> Vec<ProviderView> {
        Vec::new()
    }

    /// A lease policy is there, new or in place of an older one.
    pub fn set_policy(&self, policy: Arc<dyn Policy>) {
        drop(policy);
    }

    /// A lease policy is gone.
    pub fn remove_policy(&self, id: &str) {
        let _ = id;
    }

    /// The ids of the policies; the one of requests that name none first.
    pub fn policies(&self) -> Vec<String> {
        vec![self.0.config.policy.clone()]
    }
}

/// Looking.
impl Devices {
    /// All devices. With `refresh` all providers are asked, otherwise those whose
    /// answer is too old. One that fails or hangs is in the failures, and nobody
    /// waits for it twice.
    pub async fn devices(&self, who: &Who, refresh: bool) -> Listing {
        let _ = (who, refresh);
        Listing {
            devices: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// The device that somebody calls `name`: key, hardware id, alias or name.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn find(&self, name: &str) -> Result<DeviceKey, Refusal> {
        let _ = name;
        Err(Refusal::Stopping)
    }

    /// The leases of `who` and its harness sessions, or everybody's.
    ///
    /// # Errors
    /// Everybody's, without being an operator.
    pub fn leases(&self, who: &Who, all: bool) -> Result<Vec<LeaseInfo>, Refusal> {
        let _ = (who, all);
        Err(Refusal::Stopping)
    }

    /// A lease that is held.
    ///
    /// # Errors
    /// It is not the principal's, has ended, or is not held yet.
    pub fn lease(&self, who: &Who, id: LeaseId) -> Result<Lease, Refusal> {
        let _ = (who, id);
        Err(Refusal::Stopping)
    }

    /// How it stands with a lease, or a place in a queue.
    ///
    /// # Errors
    /// It is not the principal's, or has ended.
    pub fn standing(&self, who: &Who, id: LeaseId) -> Result<LeaseStanding, Refusal> {
        let _ = (who, id);
        Err(Refusal::Stopping)
    }

    /// Events that `who` may know of: from now on, or after the position that
    /// was seen last.
    pub fn subscribe(&self, who: &Who, after: Option<u64>) -> Events {
        let _ = (who, after);
        Events {
            _devices: self.clone(),
        }
    }
}

/// Leases.
impl Devices {
    /// Whether a command that touches no device needs a lease.
    ///
    /// # Errors
    /// The policy denies, or is not there.
    pub async fn needs_lease(
        &self,
        who: &Who,
        labels: &Labels,
        command: &str,
        policy: Option<&str>,
    ) -> Result<bool, Refusal> {
        let _ = (who, labels, command, policy);
        Err(Refusal::Stopping)
    }

    /// Asks for a device, under that policy or the usual one. Never returns a
    /// lease that exists. With `wish.reader`: to look on beside the holder.
    ///
    /// # Errors
    /// Every reason not to; busy when the terms do not allow to wait.
    pub async fn allocate(
        &self,
        who: &Who,
        labels: &Labels,
        wish: Wish,
        policy: Option<&str>,
    ) -> Result<Ticket, Refusal> {
        let _ = (who, labels, wish, policy);
        Err(Refusal::Stopping)
    }

    /// The lease of a caller that knows nothing of leases: the one of its token
    /// and session, or a new one. A device under an explicit lease is busy.
    ///
    /// # Errors
    /// As for [`Devices::allocate`]; or the session has another device than the
    /// wish names.
    pub async fn implicit(
        &self,
        who: &Who,
        labels: &Labels,
        wish: Wish,
        policy: Option<&str>,
    ) -> Result<Ticket, Refusal> {
        let _ = (who, labels, wish, policy);
        Err(Refusal::Stopping)
    }

    /// The lease that the token's session has as a caller that knows nothing of
    /// leases, if it has one.
    pub fn implicit_held(&self, who: &Who, session: &str) -> Option<LeaseId> {
        let _ = (who, session);
        None
    }

    /// Whoever asked is back after its connection or the host was away, and has
    /// its full wait again. Dropping this ticket gives up as the first did.
    ///
    /// # Errors
    /// It is not the principal's, or has ended.
    pub fn rejoin(&self, who: &Who, id: LeaseId) -> Result<Ticket, Refusal> {
        let _ = (who, id);
        Err(Refusal::Stopping)
    }

    /// Says that the holder lives. Returns how long the lease lives from now.
    ///
    /// # Errors
    /// It is not the principal's, has ended, or is not held yet.
    pub fn renew(&self, who: &Who, id: LeaseId) -> Result<Duration, Refusal> {
        let _ = (who, id);
        Err(Refusal::Stopping)
    }

    /// Gives a device back, or leaves the queue. Returns when that is durable;
    /// the device session ends meanwhile.
    ///
    /// # Errors
    /// It is not the principal's, or has ended; or could not be written, and is
    /// over nevertheless.
    pub async fn release(&self, who: &Who, id: LeaseId) -> Result<(), Refusal> {
        let _ = (who, id);
        Err(Refusal::Stopping)
    }

    /// Ends the lease of a device, without its id: an operator any, others those
    /// of their own harness sessions.
    ///
    /// # Errors
    /// Nobody has it, or somebody else.
    pub async fn force_release(&self, who: &Who, device: &str) -> Result<(), Refusal> {
        let _ = (who, device);
        Err(Refusal::Stopping)
    }

    /// A principal is no more, as a harness session that ended: all that it
    /// holds and waits for ends.
    pub fn end_principal(&self, principal: &Principal) {
        let _ = principal;
    }

    pub(crate) fn abandon(&self, id: LeaseId) {
        let _ = id;
    }
}

/// Commands.
impl Devices {
    /// Runs a command on the device of a lease, after those before it: checks
    /// and renews the lease, asks the policy, runs. `limit` is for all of it. A
    /// command that has begun runs to its end, whoever has left.
    ///
    /// # Errors
    /// The lease is not held or ends meanwhile; a reader wants to touch; a ref
    /// is stale; or the device's own error.
    pub async fn run(
        &self,
        who: &Who,
        id: LeaseId,
        call: Call,
        limit: Duration,
    ) -> Result<Answer, Refusal> {
        let _ = (who, id, call, limit);
        Err(Refusal::Stopping)
    }

    /// The latest snapshot since the device was opened, if one was taken.
    ///
    /// # Errors
    /// The lease is not held.
    pub fn snapshot(&self, who: &Who, id: LeaseId) -> Result<Option<Arc<Snapshot>>, Refusal> {
        let _ = (who, id);
        Err(Refusal::Stopping)
    }

    /// What a caller aims at: `@e12` of the latest snapshot, or a selector, for
    /// which a new snapshot is taken.
    ///
    /// # Errors
    /// As for [`Devices::run`]; or no element fits, or several do.
    pub async fn aim(
        &self,
        who: &Who,
        id: LeaseId,
        text: &str,
        limit: Duration,
    ) -> Result<Target, Refusal> {
        let _ = (who, id, text, limit);
        Err(Refusal::Stopping)
    }
}
