use std::time::Duration;

use bytes::Bytes;

/// Longest URL, in bytes: what servers and proxies commonly take.
pub const MAX_URL_BYTES: usize = 8 * 1024;

/// Most headers, of a request and of a response: an order more than is usual.
pub const MAX_HEADERS: usize = 128;

/// Bytes of all headers, of a request (before secrets are filled in) and of a
/// response: what large cookies need.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Largest body of a request: a film or an application to install, which stand
/// in memory meanwhile.
pub const MAX_REQUEST_BYTES: usize = 256 * 1024 * 1024;

/// What a plugin asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`… in upper case, as HTTP has it.
    pub method: String,
    /// `http://` or `https://`.
    pub url: String,
    /// Without `Host`, `Content-Length` and those of the connection, which are
    /// the host's. `{{secret:NAME}}` in a value stands for a secret.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Bytes,
    /// For all of it, or of a [stream](crate::Egress::stream) for its head; at
    /// most [`MAX_TIME`](crate::MAX_TIME): more counts as that.
    pub timeout: Duration,
    /// Redirects to follow, at most [`MAX_REDIRECTS`](crate::MAX_REDIRECTS); 0
    /// returns the redirect.
    pub redirects: u8,
}

/// A whole response. A status like 404 is one.
#[derive(Debug, Clone)]
pub struct Response {
    /// Of the last redirect.
    pub status: u16,
    /// Names in lower case. What is not UTF-8 in a value is replaced.
    pub headers: Vec<(String, String)>,
    /// As it came, except that secrets which were filled into the request are
    /// masked.
    pub body: Bytes,
}
