//! The headers that a plugin writes, checked; and those of a response.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    error::FetchError,
    request::{MAX_HEADER_BYTES, MAX_HEADERS},
};

/// Headers that belong to the host: they say where a message ends and to whom
/// it goes.
const OWN: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Values still have their templates.
pub(crate) fn check(
    headers: Vec<(String, String)>,
) -> Result<Vec<(HeaderName, String)>, FetchError> {
    if headers.len() > MAX_HEADERS {
        return Err(FetchError::Limit(format!(
            "{} headers, at most {MAX_HEADERS}",
            headers.len()
        )));
    }
    let bytes: usize = headers.iter().map(|(n, v)| n.len() + v.len()).sum();
    if bytes > MAX_HEADER_BYTES {
        return Err(FetchError::Limit(format!(
            "headers of {bytes} bytes, at most {MAX_HEADER_BYTES}"
        )));
    }
    headers
        .into_iter()
        .map(|(name, value)| {
            let invalid = |why: &str| FetchError::Invalid(format!("header {name:?} {why}"));
            let checked = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| invalid("has a name that is none"))?;
            if OWN.contains(&checked.as_str()) || checked.as_str().starts_with("proxy-") {
                return Err(invalid("is set by the host; leave it out"));
            }
            HeaderValue::from_str(&value)
                .map_err(|_| invalid("has a line end or another control character in it"))?;
            Ok((checked, value))
        })
        .collect()
}

/// For the plugin.
pub(crate) fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}
