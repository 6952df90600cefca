//! Whether what a client says of its lease is so.

use hostler_device::{Devices, Lease};
use hostler_lease::{DeviceKey, LeaseId, LeaseScope};
use hostler_provider::DeviceInfo;

use crate::{
    caller::{Caller, label, labels},
    fault::Fault,
    platform::ClientKey,
    request::Claims,
};

/// The lease that the client names, if it is the caller's and what it says of
/// it is so.
pub(crate) fn lease(
    devices: &Devices,
    caller: &Caller,
    session: &str,
    claims: &Claims,
) -> Result<Lease, Fault> {
    let id = lease_id(claims)?;
    let lease = devices.lease(&caller.who, id)?;
    check(devices, &lease, session, claims)?;
    Ok(lease)
}

/// The id that the client names.
pub(crate) fn lease_id(claims: &Claims) -> Result<LeaseId, Fault> {
    let Some(id) = &claims.lease_id else {
        let message = "`leaseId` is missing; it is what the allocation returned";
        return Err(Fault::new("INVALID_ARGS", "LEASE_SCOPE_REQUIRED", message));
    };
    Ok(LeaseId::parse(id).map_err(hostler_device::Refusal::from)?)
}

fn check(devices: &Devices, lease: &Lease, session: &str, claims: &Claims) -> Result<(), Fault> {
    let said = labels(session, claims)?;
    let claimed = LeaseScope {
        tenant: said.tenant,
        run: said.run,
        client: said.client,
        backend: said.backend,
        policy: known_policy(devices, claims)
            .map(|name| label(&name))
            .transpose()?,
        session: said.session,
        ..lease.scope.clone()
    };
    if let Some(field) = lease.scope.contradiction(&claimed) {
        return Err(mismatch(field));
    }
    let Some(key) = &claims.device_key else {
        return Ok(());
    };
    if named(devices, key)? == lease.key {
        Ok(())
    } else {
        Err(mismatch("deviceKey"))
    }
}

fn mismatch(field: &str) -> Fault {
    let reason = match field {
        "session" => "LEASE_SESSION_MISMATCH",
        _ => "LEASE_SCOPE_MISMATCH",
    };
    let message = format!("the lease was granted with another `{field}` than this request names");
    Fault::new("UNAUTHORIZED", reason, message)
        .hint("Send what the allocation was sent with, or allocate a lease of your own.")
        .detail("field", field)
}

/// The policy that a client names, if there is one of that name; otherwise the
/// host's own rules.
pub(crate) async fn policy(devices: &Devices, claims: &Claims) -> Option<String> {
    devices.loaded().await;
    known_policy(devices, claims)
}

fn known_policy(devices: &Devices, claims: &Claims) -> Option<String> {
    let asked = claims.provider.as_deref()?;
    let mut known = devices.policies().into_iter();
    known.find(|known| known.eq_ignore_ascii_case(asked))
}

/// The device that a client's key means.
pub(crate) fn named(devices: &Devices, key: &str) -> Result<DeviceKey, Fault> {
    let name = ClientKey::parse(key).map_or(key, |key| key.id);
    match devices.find(name) {
        // The whole text may be a name, too.
        Err(_) if name != key => Ok(devices.find(key).or_else(|_| devices.find(name))?),
        found => Ok(found?),
    }
}

/// The client's key must not say what is not so.
pub(crate) fn agrees(key: &str, info: &DeviceInfo) -> Result<(), Fault> {
    let Some(part) = ClientKey::parse(key).and_then(|key| key.contradicts(info)) else {
        return Ok(());
    };
    let right = crate::platform::client_key(info);
    let shown: String = key.chars().take(80).collect();
    let message = format!("the device key {shown:?} names another {part} than the device has");
    Err(
        Fault::new("INVALID_ARGS", "DEVICE_KEY_CONTRADICTS", message)
            .hint(format!("Write {right}.")),
    )
}
