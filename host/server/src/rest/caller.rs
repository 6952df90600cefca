//! Who asks, for what of the device service.

use axum::{
    extract::{Query, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
};
use hostler_auth::{Grant, Scope};
use hostler_device::{Devices, Who};
use hostler_lease::{Label, Principal};

use crate::{http::Refusal, serve::Shared};

/// The bearer of a token with that scope, as the device service knows it.
pub(super) fn who(grant: &Grant, scope: Scope) -> Result<Who, Refusal> {
    needs(grant, scope)?;
    let identity = &grant.identity;
    let odd = || {
        let message = "this token has a name that leases cannot have; make another";
        Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    };
    Ok(Who {
        principal: Principal::new(identity.principal.as_str()).map_err(|_| odd())?,
        token: Label::new(identity.token.as_str()).map_err(|_| odd())?,
        surface: Label::new("rest").map_err(|_| odd())?,
        admin: identity.scopes.contains(Scope::Admin),
    })
}

/// Whether the token may.
pub(super) fn needs(grant: &Grant, scope: Scope) -> Result<(), Refusal> {
    let scopes = grant.identity.scopes;
    if scopes.contains(scope) || (scope == Scope::View && scopes.contains(Scope::Lease)) {
        return Ok(());
    }
    let message = format!("this token lacks the scope `{scope}` (it has: {scopes})");
    Err(Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", message))
}

/// The device service; its routes are there only with it.
pub(super) fn devices(shared: &Shared) -> Result<&Devices, Refusal> {
    shared.config.devices.as_ref().ok_or_else(|| {
        let message = "this host lends no devices";
        Refusal::new(StatusCode::NOT_FOUND, "UNKNOWN_PATH", message)
    })
}

/// What stands in the address.
pub(super) fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refusal> {
    query.map(|Query(query)| query).map_err(|rejection| {
        let message = format!(
            "the query of this address is wrong: {}",
            rejection.body_text()
        );
        Refusal::new(StatusCode::BAD_REQUEST, "BAD_PARAMS", message)
    })
}

/// Whether the client asks for a stream by name.
pub(super) fn wants_events(headers: &HeaderMap) -> bool {
    crate::http::takes_events(headers).is_ok()
}
