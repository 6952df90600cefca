//! Host, Origin, token: in this order, before anything else is looked at.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hostler_auth::{Grant, NotValid, bearer, websocket_bearer};

use super::Refusal;
use crate::serve::{ServerConfig, Shared};

/// Lets a request pass that calls this host by one of its names.
pub(super) async fn guard_names(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    match admit_names(&shared.config, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(&request, refusal),
    }
}

/// The same, with a token, whose [`Grant`] is in its extensions from then on.
pub(super) async fn guard(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&shared.config, request.uri(), request.headers()) {
        Ok(grant) => {
            request.extensions_mut().insert(grant);
            next.run(request).await
        }
        Err(refusal) => refused(&request, refusal),
    }
}

fn refused(request: &Request, refusal: Refusal) -> Response {
    tracing::info!(
        path = request.uri().path(),
        code = refusal.code,
        "a request was refused: {}",
        refusal.message
    );
    refusal.into_response()
}

fn admit_names(config: &ServerConfig, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    // HTTP/2 has the name in the address; a proxy may send both.
    let header = only(headers, &header::HOST)?;
    let named = [uri.authority().map(Authority::as_str), header];
    let mut named = named.into_iter().flatten().peekable();
    let nameless = named.peek().is_none().then_some("");
    if let Some(host) = nameless.or_else(|| named.find(|host| !config.hosts.allows_host(host))) {
        return Err(Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "UNKNOWN_HOST",
            format!(
                "this host does not answer to the name {host:?}; if it should, add it to `[server] hosts` \
                 in hostler.toml"
            ),
        ));
    }
    let origin = only(headers, &header::ORIGIN)?;
    if !config.hosts.allows_origin(origin) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "UNKNOWN_ORIGIN",
            format!(
                "web pages of {:?} may not use this host; if they should, add the name to `[server] hosts` \
                 in hostler.toml",
                origin.unwrap_or_default()
            ),
        ));
    }
    Ok(())
}

fn admit(config: &ServerConfig, uri: &Uri, headers: &HeaderMap) -> Result<Grant, Refusal> {
    admit_names(config, uri, headers)?;
    let token = token(headers)?.ok_or_else(|| {
        unauthenticated(
            "a token is needed: send `Authorization: Bearer TOKEN`, or from a browser the WebSocket \
             subprotocol `hostler.bearer.TOKEN`",
        )
    })?;
    config.access.tokens().verify(token).map_err(|reason| {
        unauthenticated(match reason {
            NotValid::Unknown => {
                "this token is not valid here: it never was, or it was revoked; `hostler serve` says \
                 where its own token is"
            }
            NotValid::Expired => "the life of this token is over; ask for another",
        })
    })
}

/// The token from either place; `Authorization` counts if it is there.
fn token(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    if let Some(authorization) = only(headers, &header::AUTHORIZATION)? {
        return Ok(bearer(authorization));
    }
    let protocols = only(headers, &header::SEC_WEBSOCKET_PROTOCOL)?;
    Ok(protocols.and_then(websocket_bearer))
}

/// The value of a header that may be there once. Two would leave it to the
/// reader which one counts.
pub(crate) fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, Refusal> {
    let refuse = |what: &str| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "BAD_HEADER",
            format!("the header {name} {what}"),
        )
    };
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(refuse("is there more than once"));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| refuse("is not plain text"))
}

fn unauthenticated(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
        .with(header::WWW_AUTHENTICATE, r#"Bearer realm="hostler""#)
}
