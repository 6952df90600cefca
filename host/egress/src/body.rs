use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hostler_secret::Mask;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming};

use crate::{
    dial::Sender,
    egress::timed_out,
    error::{FetchError, chain},
    flight::Flight,
    pool::{Key, Pool},
};

/// The head of a response, and its body to be read.
#[derive(Debug)]
pub struct Opened {
    /// Of the last redirect.
    pub status: u16,
    /// Names in lower case. What is not UTF-8 in a value is replaced.
    pub headers: Vec<(String, String)>,
    /// The rest.
    pub body: Body,
    /// A secret was filled into the request; a server may send it back.
    pub secret: bool,
}

/// How long a body may take.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// Until then.
    Until(Instant),
    /// As long as it likes, if it is never silent for longer.
    Silence(Option<Duration>),
}

/// A body that comes piece by piece. It counts as a request on its way until it
/// is dropped; read to its end, it leaves the connection to the next request.
pub struct Body {
    incoming: Incoming,
    patience: Patience,
    mask: Mask,
    /// Until the end has come.
    connection: Option<(Pool, Key, Sender)>,
    _flight: Flight,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Body {
    pub(crate) fn new(
        incoming: Incoming,
        patience: Patience,
        mask: Mask,
        connection: (Pool, Key, Sender),
        flight: Flight,
    ) -> Self {
        let mut body = Self {
            incoming,
            patience,
            mask,
            connection: Some(connection),
            _flight: flight,
        };
        if body.incoming.is_end_stream() {
            body.release();
        }
        body
    }

    /// At least how many bytes are still to come.
    pub fn announced(&self) -> u64 {
        self.incoming.size_hint().lower()
    }

    /// The next piece as it came, nothing at the end. A silence lasts as long as
    /// somebody waits here. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The time is over, the server was silent for too long, or the connection
    /// broke.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            match self.frame().await? {
                None => {
                    self.release();
                    return Ok(None);
                }
                Some(Err(error)) => {
                    let text = format!("the body broke off: {}", chain(&error));
                    return Err(FetchError::Other(text).masked(&self.mask));
                }
                Some(Ok(frame)) => {
                    // Trailers are of no use to anybody here.
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if self.incoming.is_end_stream() {
                        self.release();
                    }
                    return Ok(Some(data));
                }
            }
        }
    }

    async fn frame(&mut self) -> Result<Option<Result<Frame<Bytes>, hyper::Error>>, FetchError> {
        let next = self.incoming.frame();
        match self.patience {
            Patience::Silence(None) => Ok(next.await),
            Patience::Silence(Some(time)) => tokio::time::timeout(time, next).await.map_err(|_| {
                let ms = time.as_millis();
                FetchError::Limit(format!("the server was silent for more than {ms} ms"))
            }),
            Patience::Until(deadline) => tokio::time::timeout_at(deadline.into(), next)
                .await
                .map_err(|_| timed_out()),
        }
    }

    fn release(&mut self) {
        if let Some((pool, key, sender)) = self.connection.take() {
            pool.put(key, sender);
        }
    }
}
