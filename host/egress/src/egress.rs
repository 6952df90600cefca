use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use hostler_secret::Vault;
use http::HeaderValue;
use hyper::body::Incoming;
use url::Host;

use crate::{
    Authorities, HttpGrant, MAX_HEADER_BYTES, Request, Resolve, Response, SystemResolver,
    body::{Body, Opened, Patience},
    dial::{Dialler, Sender, literal, unresolved},
    error::{FetchError, chain},
    flight::Flights,
    grant::Allowed,
    headers,
    hop::Hop,
    pool::{Key, Pool},
    redirect,
    target::Target,
};

/// Longest request, with all its redirects: whatever an API does in one answer.
pub const MAX_TIME: Duration = Duration::from_secs(600);

/// Largest body of a response that is kept whole: it stands in memory.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;

/// Addresses of one name that are tried: with more, the last ones would never
/// get their turn.
const MAX_ADDRESSES: usize = 8;

/// Does the requests of all plugins. Cheap to clone; all clones are the same
/// one.
#[derive(Debug, Clone)]
pub struct Egress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    resolver: Arc<dyn Resolve>,
    dialler: Dialler,
    pool: Pool,
    flights: Flights,
}

/// Who asks, and what they may.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The ID of `[plugins.ID]`.
    pub plugin: &'a str,
    /// Its `[[plugins.ID.grants.http]]`.
    pub grants: &'a [HttpGrant],
    /// For the secrets that are granted.
    pub vault: &'a Vault,
    /// Requests of this plugin at a time: `http` of `[plugins.ID.limits]`.
    pub in_flight: u32,
}

impl Default for Egress {
    fn default() -> Self {
        Self::new(Arc::new(SystemResolver), Authorities::System)
    }
}

impl Egress {
    /// With another way to find addresses, or other authorities.
    pub fn new(resolver: Arc<dyn Resolve>, authorities: Authorities) -> Self {
        Self(Arc::new(Inner {
            resolver,
            dialler: Dialler::new(authorities),
            pool: Pool::default(),
            flights: Flights::default(),
        }))
    }

    /// Does a request and waits for the whole response, of at most
    /// [`MAX_RESPONSE_BYTES`]. Dropping the future ends it.
    ///
    /// # Errors
    /// It is not granted, malformed, over a bound, or failed.
    pub async fn fetch(
        &self,
        caller: Caller<'_>,
        request: Request,
    ) -> Result<Response, FetchError> {
        let mut opened = self.open(caller, request).await?;
        let too_large = || {
            FetchError::Limit(format!(
                "the body of the response has more than {MAX_RESPONSE_BYTES} bytes"
            ))
        };
        let announced = usize::try_from(opened.body.announced()).unwrap_or(usize::MAX);
        if announced > MAX_RESPONSE_BYTES {
            return Err(too_large());
        }
        let first = opened.body.chunk().await?.unwrap_or_default();
        let mut body = Pieces::One(first);
        while let Some(chunk) = opened.body.chunk().await? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(too_large());
            }
            body.add(&chunk, announced);
        }
        let mut body = body.whole();
        if body.len() > MAX_RESPONSE_BYTES {
            return Err(too_large());
        }
        if opened.secret
            && let std::borrow::Cow::Owned(masked) = caller.vault.mask().bytes(&body)
        {
            body = masked.into();
        }
        Ok(Response {
            status: opened.status,
            headers: opened.headers,
            body,
        })
    }

    /// Does a request up to the head of the response; the body can be read piece
    /// by piece, without a bound but the time. Secrets that the server sends
    /// back are masked in the headers, not in the body.
    ///
    /// # Errors
    /// It is not granted, malformed, over a bound, or failed.
    pub async fn open(&self, caller: Caller<'_>, request: Request) -> Result<Opened, FetchError> {
        let deadline = Instant::now() + request.timeout.min(MAX_TIME);
        let opening = self.follow(caller, request, Patience::Until(deadline));
        tokio::time::timeout_at(deadline.into(), opening)
            .await
            .unwrap_or_else(|_| Err(timed_out()))
            .map_err(|error| error.masked(caller.vault.mask()))
    }

    /// Like [`open`](Self::open) for a body without a known end: the time of the
    /// request is that until the head is there, and then the server may go on for
    /// as long as it is never silent for more than `silence`.
    ///
    /// # Errors
    /// It is not granted, malformed, over a bound, or failed.
    pub async fn stream(
        &self,
        caller: Caller<'_>,
        request: Request,
        silence: Option<Duration>,
    ) -> Result<Opened, FetchError> {
        let time = request.timeout.min(MAX_TIME);
        let opening = self.follow(caller, request, Patience::Silence(silence));
        let late = |_| {
            let ms = time.as_millis();
            FetchError::Limit(format!("no head of a response came within {ms} ms"))
        };
        tokio::time::timeout(time, opening)
            .await
            .map_err(late)
            .flatten()
            .map_err(|error| error.masked(caller.vault.mask()))
    }

    async fn follow(
        &self,
        caller: Caller<'_>,
        request: Request,
        patience: Patience,
    ) -> Result<Opened, FetchError> {
        let flight = self.0.flights.begin(caller.plugin, caller.in_flight)?;
        let redirects = request.redirects;
        let mut hop = Hop::first(request)?;
        let mut followed = 0;
        let mut secret = false;
        loop {
            let (response, connection, filled) = self.exchange(caller, &hop).await?;
            secret |= filled;
            let next = redirect::location(response.status(), response.headers(), &hop.url)
                .filter(|_| redirects > 0);
            let Some(next) = next else {
                let mut headers = headers::told(response.headers());
                if secret {
                    for (_, value) in &mut headers {
                        *value = caller.vault.mask().text(value).into_owned();
                    }
                }
                let status = response.status().as_u16();
                let mask = caller.vault.mask().clone();
                let body = Body::new(response.into_body(), patience, mask, connection, flight);
                return Ok(Opened {
                    status,
                    headers,
                    body,
                    secret,
                });
            };
            if followed == redirects {
                return Err(FetchError::Limit(format!(
                    "more than {redirects} redirects, the last from {}",
                    hop.target
                )));
            }
            followed += 1;
            hop = hop.next(response.status(), next)?;
        }
    }

    /// One request and the head of its response. True: a secret was filled in.
    async fn exchange(
        &self,
        caller: Caller<'_>,
        hop: &Hop,
    ) -> Result<(http::Response<Incoming>, (Pool, Key, Sender), bool), FetchError> {
        let allowed = Allowed::find(
            caller.plugin,
            caller.grants,
            &hop.target,
            hop.method.as_str(),
        )
        .map_err(FetchError::Denied)?;
        let addresses = self.addresses(&hop.target.host, &allowed).await?;
        let request = hop.request(&allowed, caller.vault).await?;
        let secret = request.headers().values().any(HeaderValue::is_sensitive);
        let key = |address| Key {
            plugin: caller.plugin.to_owned(),
            target: hop.target.clone(),
            address,
        };
        let failed = |error: hyper::Error| failed(&hop.target, &error);

        let mut unsent = request;
        for address in &addresses {
            let key = key(*address);
            while let Some(mut sender) = self.0.pool.take(&key) {
                if sender.ready().await.is_err() {
                    continue;
                }
                match sender.try_send_request(unsent.clone()).await {
                    Ok(response) => {
                        return Ok((response, (self.0.pool.clone(), key, sender), secret));
                    }
                    // The server had closed it meanwhile: nothing was sent, or
                    // what was sent may be sent again.
                    Err(mut error) => {
                        let again = error.take_message();
                        let closed = error.error().is_incomplete_message();
                        if again.is_none() && !(closed && hop.method.is_idempotent()) {
                            return Err(failed(error.into_error()));
                        }
                        if let Some(again) = again {
                            unsent = again;
                        }
                    }
                }
            }
        }
        let mut refused = String::new();
        for address in addresses {
            match self.0.dialler.connect(&hop.target, address).await {
                Ok(mut sender) => {
                    let response = sender.send_request(unsent).await.map_err(failed)?;
                    let connection = (self.0.pool.clone(), key(address), sender);
                    return Ok((response, connection, secret));
                }
                Err(error) if refused.is_empty() => refused = error,
                Err(error) => refused = format!("{refused}; {error}"),
            }
        }
        Err(FetchError::Other(format!("{}: {refused}", hop.target)))
    }

    /// The addresses that may be dialled, of which there is at least one.
    async fn addresses(
        &self,
        host: &Host,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<IpAddr>, FetchError> {
        let found = match (literal(host), host) {
            (Some(address), _) => vec![address],
            (None, host) => {
                let name = host.to_string();
                let found = self.0.resolver.resolve(&name).await;
                let found =
                    found.map_err(|error| FetchError::Other(unresolved(&name, Some(&error))))?;
                if found.is_empty() {
                    return Err(FetchError::Other(unresolved(&name, None)));
                }
                found
            }
        };
        let mut granted = Vec::new();
        let mut denial = None;
        for address in found {
            match allowed.address(address) {
                Ok(()) if granted.len() >= MAX_ADDRESSES => break,
                Ok(()) => granted.push(address),
                Err(sentence) => denial = denial.or(Some(sentence)),
            }
        }
        match denial {
            Some(denial) if granted.is_empty() => Err(FetchError::Denied(denial)),
            _ => Ok(granted),
        }
    }
}

/// A body of one piece is not copied.
enum Pieces {
    One(Bytes),
    Many(BytesMut),
}

impl Pieces {
    fn len(&self) -> usize {
        match self {
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }

    fn add(&mut self, chunk: &[u8], room: usize) {
        if let Self::One(first) = self {
            let mut bytes = BytesMut::with_capacity(room.max(first.len() + chunk.len()));
            bytes.extend_from_slice(first);
            *self = Self::Many(bytes);
        }
        if let Self::Many(bytes) = self {
            bytes.extend_from_slice(chunk);
        }
    }

    fn whole(self) -> Bytes {
        match self {
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}

pub(crate) fn timed_out() -> FetchError {
    FetchError::Limit("the time of the request is over".into())
}

fn failed(target: &Target, error: &hyper::Error) -> FetchError {
    if error.is_parse_too_large() {
        return FetchError::Limit(format!(
            "{target} answers with headers of more than {MAX_HEADER_BYTES} bytes, or too many"
        ));
    }
    FetchError::Other(format!("{target} did not answer: {}", chain(error)))
}
