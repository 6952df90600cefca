//! Requests that are on their way, but for the stream.

use std::collections::BTreeMap;

use hostler_sdk::{
    Result,
    exchange::{self, ExchangeId, Request},
};

/// What a request was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Is the key taken? The session waits for it.
    Models,
    /// A thread for the first prompt.
    Create,
    /// A message of either side.
    Post,
    Cancel,
    /// How the thread stands.
    State,
    /// Its messages, because it stands so.
    Messages(String),
    /// Its messages, because others may have made some.
    Missed,
    /// Its messages, because others may have made some between these two.
    Between {
        from: String,
        until: String,
    },
    /// Its messages, because one of them is to be sent back.
    Kept,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Requests(BTreeMap<ExchangeId, (Purpose, Response)>);

impl Requests {
    pub(crate) fn open(&mut self, purpose: Purpose, request: Request) -> Result {
        let exchange = exchange::open(request)?;
        let response = Response {
            status: 0,
            headers: Vec::new(),
            body: String::new(),
        };
        self.0.insert(exchange, (purpose, response));
        Ok(())
    }

    pub(crate) fn has(&self, wanted: &Purpose) -> bool {
        self.0.values().any(|(purpose, _)| purpose == wanted)
    }

    pub(crate) fn head(&mut self, of: ExchangeId, status: u16, headers: Vec<(String, String)>) {
        if let Some((_, response)) = self.0.get_mut(&of) {
            response.status = status;
            response.headers = headers;
        }
    }

    pub(crate) fn piece(&mut self, of: ExchangeId, text: &str) {
        if let Some((_, response)) = self.0.get_mut(&of) {
            response.body.push_str(text);
        }
    }

    /// It has ended, one way or the other.
    pub(crate) fn take(&mut self, of: ExchangeId) -> Option<(Purpose, Response)> {
        self.0.remove(&of)
    }

    /// Nobody wants the answer any more.
    pub(crate) fn forget(&mut self, unwanted: impl Fn(&Purpose) -> bool) -> Result {
        let unwanted = self.0.extract_if(.., |_, (purpose, _)| unwanted(purpose));
        unwanted
            .map(|(exchange, _)| exchange::cancel(exchange))
            .fold(Ok(()), Result::and)
    }
}
