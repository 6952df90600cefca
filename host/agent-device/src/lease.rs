//! The lease calls of the protocol.

use std::time::Duration;

use hostler_auth::Scope;
use hostler_device::{Granted, Lease, Refusal};
use hostler_lease::{MAX_TTL, MIN_TTL, Refused, TermsError};
use serde_json::{Map, Value, json};

use crate::{
    caller::{Caller, labels},
    clock::unix_ms,
    fault::Fault,
    request::{Claims, DEFAULT_SESSION, Fields},
    scope,
    state::Shared,
    wish::Asked,
};

/// `lease.allocate`. The lease is the caller's when it is kept, which is when
/// the answer goes out.
pub(crate) async fn allocate(
    shared: &Shared,
    caller: &Caller,
    params: &Fields,
) -> Result<(Granted, Value), Fault> {
    caller.needs(Scope::Lease)?;
    let claims = Claims::of_lease_call(params)?;
    let labels = labels(session(params)?, &claims)?;
    let asked = Asked::read(params)?;
    let key = claims.device_key.as_deref();
    if key.is_none() && !asked.says_something() {
        let message = "an allocation names a `deviceKey`, a `device` or a `platform`";
        return Err(Fault::new("INVALID_ARGS", "LEASE_SCOPE_REQUIRED", message));
    }
    let mut wish = asked.wish(shared, caller, key).await?;
    wish.ttl = claims.ttl_ms.map(Duration::from_millis);
    let policy = scope::policy(&shared.devices, &claims).await;
    let ticket = shared
        .devices
        .allocate(&caller.who, &labels, wish, policy.as_deref())
        .await
        .map_err(|refusal| in_the_clients_words(refusal, &claims))?;
    let granted = ticket
        .granted()
        .await
        .map_err(|refusal| in_the_clients_words(refusal, &claims))?;
    let lease = granted.lease();
    let answer = shown(lease, &claims, lease.expires_in);
    Ok((granted, answer))
}

/// Busy, with what the client asked for as it wrote it.
fn in_the_clients_words(refusal: Refusal, claims: &Claims) -> Fault {
    let busy = matches!(&refusal, Refusal::Lease(Refused::Busy(_)));
    let mut fault = Fault::from(refusal);
    if busy {
        let said = [
            ("backend", &claims.backend),
            ("leaseProvider", &claims.provider),
            ("deviceKey", &claims.device_key),
        ];
        for (name, text) in said {
            if let Some(text) = text {
                fault = fault.detail(name, text.clone());
            }
        }
    }
    fault
}

/// `lease.heartbeat`.
pub(crate) fn heartbeat(shared: &Shared, caller: &Caller, params: &Fields) -> Result<Value, Fault> {
    caller.needs(Scope::Lease)?;
    let claims = Claims::of_lease_call(params)?;
    let asked = claims.ttl_ms.map(Duration::from_millis);
    if let Some(ttl) = asked.filter(|ttl| !(MIN_TTL..=MAX_TTL).contains(ttl)) {
        return Err(Refusal::from(TermsError::Ttl(ttl)).into());
    }
    let lease = scope::lease(&shared.devices, caller, session(params)?, &claims)?;
    let left = shared.devices.renew(&caller.who, lease.id)?;
    Ok(shown(&lease, &claims, left))
}

/// `lease.release`. A lease that is over already is no error: whoever lets go
/// wants just that.
pub(crate) async fn release(
    shared: &Shared,
    caller: &Caller,
    params: &Fields,
) -> Result<Value, Fault> {
    caller.needs(Scope::Lease)?;
    let claims = Claims::of_lease_call(params)?;
    let id = scope::lease_id(&claims)?;
    let principal = &caller.who.principal;
    if let Err(refusal) = shared.devices.lease(&caller.who, id) {
        return match shared.given_back.is_over(principal, id, &refusal) {
            true => Ok(json!({ "released": false })),
            false => Err(refusal.into()),
        };
    }
    scope::lease(&shared.devices, caller, session(params)?, &claims)?;
    shared.devices.release(&caller.who, id).await?;
    shared.given_back.note(principal, id);
    Ok(json!({ "released": true }))
}

fn session(params: &Fields) -> Result<&str, Fault> {
    Ok(params.text("session")?.unwrap_or(DEFAULT_SESSION))
}

/// What a client that names no backend is told that it has: the answer must
/// name one that the client knows.
const SOME_BACKEND: &str = "android-instance";

fn shown(lease: &Lease, claims: &Claims, left: Duration) -> Value {
    let now = unix_ms();
    let scope = &lease.scope;
    let mut map = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            map.insert(name.to_owned(), value.into());
        }
    };
    let id = lease.id.reveal();
    put("leaseId", Some(&id));
    put(
        "tenantId",
        scope
            .tenant
            .as_ref()
            .map(|label| label.as_str())
            .or(Some("")),
    );
    put(
        "runId",
        scope.run.as_ref().map(|label| label.as_str()).or(Some("")),
    );
    put(
        "clientId",
        scope.client.as_ref().map(|label| label.as_str()),
    );
    let backend = scope.backend.as_ref().map(|label| label.as_str());
    put("backend", backend.or(Some(SOME_BACKEND)));
    put("leaseProvider", claims.provider.as_deref());
    let key = claims.device_key.as_deref();
    put("deviceKey", key.or(Some(lease.key.as_str())));
    map.insert("heartbeatAt".into(), now.into());
    map.insert("expiresAt".into(), (now + left.as_millis() as u64).into());
    json!({ "lease": map })
}
