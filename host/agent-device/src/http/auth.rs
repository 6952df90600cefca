//! Where a token stands in a request of this client.

use axum::http::{HeaderMap, HeaderName, header};
use hostler_auth::{NotValid, TokenStore, bearer};

use crate::{caller::Caller, fault::Fault};

/// The client's own header; it sends both.
const TOKEN: HeaderName = HeaderName::from_static("x-agent-device-token");

/// Who asks. `in_body` is the token in the parameters of a command. A request
/// that carries two different tokens would leave it to the reader who asks.
pub(super) fn caller(
    tokens: &TokenStore,
    headers: &HeaderMap,
    in_body: Option<&str>,
) -> Result<Caller, Fault> {
    let authorization = match only(headers, &header::AUTHORIZATION)? {
        Some(value) => Some(
            bearer(value)
                .ok_or_else(|| Fault::token("the header Authorization must be `Bearer TOKEN`"))?,
        ),
        None => None,
    };
    let own = only(headers, &TOKEN)?;
    let mut given = [authorization, own, in_body].into_iter().flatten();
    let Some(token) = given.next() else {
        return Err(Fault::token("a token is needed"));
    };
    if given.any(|other| other != token) {
        return Err(Fault::token("this request carries two different tokens"));
    }
    let grant = tokens.verify(token).map_err(|reason| {
        Fault::token(match reason {
            NotValid::Unknown => "this token is not valid here: it never was, or it was revoked",
            NotValid::Expired => "the life of this token is over; ask for another",
        })
    })?;
    Caller::of(grant)
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Fault::token(
            "a header with a token is there more than once",
        ));
    }
    let text = value.to_str();
    text.map(Some)
        .map_err(|_| Fault::token("a header with a token is not plain text"))
}
