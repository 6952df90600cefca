//! Where a response leads, and what goes with the next request
//! (RFC 9110, 15.4; Fetch, HTTP-redirect fetch).

use http::{HeaderMap, Method, StatusCode, header};
use url::Url;

/// Most redirects that are followed for one request: more is a loop.
pub const MAX_REDIRECTS: u8 = 10;

/// Headers that go to another origin too. All others could carry a right to
/// something: `authorization`, `cookie`, `x-api-key`, or one that nobody has
/// heard of.
const CARRIED: [http::HeaderName; 10] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::RANGE,
    header::USER_AGENT,
];

/// Where the response leads, if it is a redirect that says so. The error is a
/// sentence.
pub(crate) fn location(
    status: StatusCode,
    headers: &HeaderMap,
    from: &Url,
) -> Option<Result<Url, String>> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = headers.get(header::LOCATION)?;
    Some(match location.to_str() {
        Ok(text) => from.join(text).map_err(|error| error.to_string()),
        Err(_) => Err("it has characters other than ASCII".into()),
    })
}

/// The method of the next request, and whether the body goes with it.
pub(crate) fn method(status: StatusCode, method: &Method) -> (Method, bool) {
    match status.as_u16() {
        303 if method != Method::HEAD && method != Method::GET => (Method::GET, false),
        301 | 302 if method == Method::POST => (Method::GET, false),
        _ => (method.clone(), true),
    }
}

/// Leaves the headers that may go to another origin. Without those that have a
/// secret in them, whatever they are called.
pub(crate) fn keep_carried(headers: &mut Vec<(http::HeaderName, String)>) {
    headers
        .retain(|(name, value)| CARRIED.contains(name) && !value.contains(crate::template::BEGIN));
}

/// Removes what describes a body.
pub(crate) fn drop_content(headers: &mut Vec<(http::HeaderName, String)>) {
    headers.retain(|(name, _)| !name.as_str().starts_with("content-"));
}
