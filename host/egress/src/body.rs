use std::{fmt, time::Instant};

use bytes::Bytes;
use hostler_secret::Mask;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

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

/// A body that comes piece by piece. It counts as a request on its way until it
/// is dropped; read to its end, it leaves the connection to the next request.
pub struct Body {
    incoming: Incoming,
    deadline: Instant,
    mask: Mask,
    /// Until the end has come.
    connection: Option<(Pool, Key, Sender)>,
    _flight: Flight,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Body {
    pub(crate) fn new(
        incoming: Incoming,
        deadline: Instant,
        mask: Mask,
        connection: (Pool, Key, Sender),
        flight: Flight,
    ) -> Self {
        let mut body = Self {
            incoming,
            deadline,
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

    /// The next piece as it came, nothing at the end.
    ///
    /// # Errors
    /// The time is over, or the connection broke.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let next = tokio::time::timeout_at(self.deadline.into(), self.incoming.frame());
            match next.await {
                Err(_) => return Err(timed_out()),
                Ok(None) => {
                    self.release();
                    return Ok(None);
                }
                Ok(Some(Err(error))) => {
                    let text = format!("the body broke off: {}", chain(&error));
                    return Err(FetchError::Other(text).masked(&self.mask));
                }
                Ok(Some(Ok(frame))) => {
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

    fn release(&mut self) {
        if let Some((pool, key, sender)) = self.connection.take() {
            pool.put(key, sender);
        }
    }
}
