//! Under which lease a command runs.

use hostler_auth::Scope;
use hostler_device::{DeviceView, Devices, Granted, Lease, Refusal, Step, Who};
use hostler_lease::LeaseId;
use tokio::runtime::Handle;

use crate::{
    caller::{Caller, labels},
    fault::Fault,
    progress::Progress,
    request::Command,
    scope,
    state::Shared,
    wish::Asked,
};

/// A lease to work under.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) lease: Lease,
    /// It was made for this very command.
    pub(crate) fresh: Option<Granted>,
}

/// The lease of a command: the one that it names, or, for a client that knows
/// nothing of leases, the one of its token and session, made if it must be.
pub(crate) async fn hold(
    shared: &Shared,
    caller: &Caller,
    command: &Command,
    progress: &Progress,
) -> Result<Held, Fault> {
    caller.needs(Scope::Lease)?;
    let asked = Asked::read(&command.flags)?;
    if command.claims.lease_id.is_some() {
        let lease = scope::lease(&shared.devices, caller, &command.session, &command.claims)?;
        if asked.names_one() {
            let wish = asked.wish(shared, caller, None).await?;
            let named = wish.choices.first();
            let own = hostler_provider::Choice::Device(lease.key.to_string());
            if named.is_some_and(|named| *named != own) {
                return Err(another_device(&lease));
            }
        }
        return Ok(Held { lease, fresh: None });
    }
    if !asked.says_something()
        && let Some(lease) = held(shared, caller, command)
    {
        return Ok(Held { lease, fresh: None });
    }
    implicit(shared, caller, command, &asked, progress).await
}

/// The lease that the client's session has, if it has one: the one that it
/// names, or its implicit one. Nothing is made.
pub(crate) fn held(shared: &Shared, caller: &Caller, command: &Command) -> Option<Lease> {
    let id = shared
        .devices
        .implicit_held(&caller.who, &command.session)?;
    shared.devices.lease(&caller.who, id).ok()
}

async fn implicit(
    shared: &Shared,
    caller: &Caller,
    command: &Command,
    asked: &Asked,
    progress: &Progress,
) -> Result<Held, Fault> {
    let before = held(shared, caller, command);
    if let Some(lease) = before
        && !asked.names_one()
    {
        let view = view(shared, caller, &lease).await;
        if view.is_none_or(|view| asked.fits(&view.info)) {
            return Ok(Held { lease, fresh: None });
        }
        return Err(another_device(&lease));
    }
    let labels = labels(&command.session, &command.claims)?;
    let key = command.claims.device_key.as_deref();
    let wish = asked.wish(shared, caller, key).await?;
    let policy = scope::policy(&shared.devices, &command.claims).await;
    let mut ticket = shared
        .devices
        .implicit(&caller.who, &labels, wish, policy.as_deref())
        .await?;
    loop {
        match ticket.next().await? {
            Step::Waiting { position } => {
                progress.say(&format!(
                    "waiting for a device, number {position} in the queue"
                ));
            }
            Step::Progress(text) => progress.say(&text),
            Step::Granted(granted) => {
                let lease = granted.lease().clone();
                // Only a lease that this command asked for is its own to end.
                if !granted.asked_here() {
                    granted.keep();
                    return Ok(Held { lease, fresh: None });
                }
                let fresh = Some(granted);
                return Ok(Held { lease, fresh });
            }
        }
    }
}

/// A lease that is to be given back: now, or when whoever does something under it
/// has left.
#[derive(Debug)]
pub(crate) struct GiveBack {
    devices: Devices,
    who: Who,
    lease: LeaseId,
    owed: bool,
}

impl GiveBack {
    pub(crate) fn of(shared: &Shared, caller: &Caller, lease: &Lease) -> Self {
        Self {
            devices: shared.devices.clone(),
            who: caller.who.clone(),
            lease: lease.id,
            owed: true,
        }
    }

    /// Returns when it is given back.
    pub(crate) async fn now(mut self) -> Result<(), Refusal> {
        let done = self.devices.release(&self.who, self.lease).await;
        self.owed = false;
        done
    }

    /// It is its holder's.
    pub(crate) fn never(mut self) {
        self.owed = false;
    }
}

impl Drop for GiveBack {
    fn drop(&mut self) {
        if !self.owed {
            return;
        }
        // Without a runtime the host is at its end, and the lease runs out.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (devices, who, lease) = (self.devices.clone(), self.who.clone(), self.lease);
        runtime.spawn(async move {
            if let Err(error) = devices.release(&who, lease).await {
                tracing::debug!("the lease of a client that left had ended: {error}");
            }
        });
    }
}

fn another_device(lease: &Lease) -> Fault {
    let message = format!(
        "this session has the device {}, and the command names another",
        lease.key
    );
    Fault::new("INVALID_ARGS", "LEASE_SCOPE_MISMATCH", message)
        .hint("Leave the device out, run `agent-device close` first, or use another --session.")
}

/// What is known of the device of a lease.
pub(crate) async fn view(shared: &Shared, caller: &Caller, lease: &Lease) -> Option<DeviceView> {
    shared.devices.listed().await;
    shared.devices.device(&caller.who, &lease.key)
}
