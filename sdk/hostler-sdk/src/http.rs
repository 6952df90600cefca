//! HTTP requests that are waited for: for device providers, and in
//! [`Harness::probe`](crate::Harness::probe) and
//! [`Harness::offer`](crate::Harness::offer); a session has
//! [`exchange`](crate::exchange). To which hosts is the operator's grant
//! `[[plugins.ID.grants.http]]`; loopback and private addresses must be granted
//! by themselves.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Blob, Error, Result, backend};

/// How long a request takes at most, unless it says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One request. Redirects are not followed unless it says so.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing before it is sent"]
pub struct Request<'a> {
    /// `GET`, `POST`…
    pub method: String,
    /// `http://` or `https://`.
    pub url: String,
    /// Without `Host`, `Content-Length` and those of the connection.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub content: Content<'a>,
    /// How long it may take in all; more than ten minutes counts as that.
    pub timeout: Duration,
    /// Redirects to follow, at most 10; 0 returns the redirect.
    pub redirects: u8,
}

/// The body of a request.
#[derive(Debug, Clone, Default)]
pub enum Content<'a> {
    /// None.
    #[default]
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// This blob: its bytes do not pass through the plugin.
    Blob(&'a Blob),
}

impl<'a> Request<'a> {
    /// A request without headers and body, of at most 30 s.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            content: Content::Nothing,
            timeout: TIMEOUT,
            redirects: 0,
        }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A `DELETE`.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header. `{{secret:NAME}}` in the value stands for a secret that is
    /// granted for this host; the plugin never sees it.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends `value` as JSON.
    ///
    /// # Errors
    /// `Invalid` when it cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(value)?;
        Ok(self
            .header("content-type", "application/json; charset=utf-8")
            .content(Content::Bytes(bytes)))
    }

    /// Sends this body.
    pub fn content(mut self, content: Content<'a>) -> Self {
        self.content = content;
        self
    }

    /// How long it may take in all.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many redirects to follow.
    pub fn redirects(mut self, redirects: u8) -> Self {
        self.redirects = redirects;
        self
    }

    /// Does it and waits for the whole response. A status like 404 is a
    /// response, not an error.
    ///
    /// # Errors
    /// `Denied` without a grant for the host or a secret, `Limit` for a response
    /// over 64 MiB or when the time was over, `Other` when no response came.
    pub fn send(&self) -> Result<Response> {
        backend::fetch(self)
    }
}

/// What came back.
#[derive(Debug)]
pub struct Response {
    /// Of the last redirect.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, which stays in the host until it is read.
    pub body: Blob,
}

impl Response {
    /// A status of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, which is written in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// Those of [`Blob::bytes`].
    pub fn text(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.body.bytes()?).into_owned())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `Invalid` when it is none, or not of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body.bytes()?)
            .map_err(|error| Error::Invalid(format!("the response's body: {error}")))
    }
}
