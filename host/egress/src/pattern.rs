use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Host;

use crate::target::{Scheme, Target};

/// Which hosts: `api.example.com`, `*.example.com` (every name below it, not
/// itself) or an address, with `https://` or `http://` before it and `:PORT`
/// after it where only that is meant. A name without them is meant with every
/// port and both schemes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    text: String,
    scheme: Option<Scheme>,
    host: Name,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Exact(Host),
    /// With the dot at its beginning.
    Below(String),
}

/// What should be a host is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` names no host: {reason}. Write `api.example.com`, `*.example.com` or an address, \
     with `https://` before it or `:PORT` after it if only that is meant"
)]
pub struct PatternError {
    text: String,
    reason: String,
}

impl HostPattern {
    pub(crate) fn matches(&self, target: &Target) -> bool {
        self.scheme.is_none_or(|scheme| scheme == target.scheme)
            && self.port.is_none_or(|port| port == target.port)
            && match (&self.host, &target.host) {
                (Name::Exact(host), other) => host == other,
                // A label has to stand before the dot.
                (Name::Below(dotted), Host::Domain(name)) => name
                    .strip_suffix(dotted.as_str())
                    .is_some_and(|label| !label.is_empty()),
                (Name::Below(_), _) => false,
            }
    }

    /// Whether it says that secrets may go to the host without TLS.
    pub(crate) fn is_plain(&self) -> bool {
        self.scheme == Some(Scheme::Http)
    }
}

impl FromStr for HostPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let failed = |reason: &str| PatternError {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(_) => return Err(failed("only http and https can be granted")),
        };
        if rest.contains(['/', '?', '#', '@', '\\', '%']) {
            return Err(failed("it is a whole URL, or has characters of one"));
        }
        // In brackets colons belong to the address.
        let colon = rest.rfind(':').filter(|at| !rest[*at..].contains(']'));
        let (host, port) = match colon.map(|at| rest.split_at(at)) {
            None => (rest, None),
            Some((host, port)) => {
                let digits = port.trim_start_matches(':');
                let port = digits.parse().ok().filter(|port| *port != 0);
                (
                    host,
                    Some(port.ok_or_else(|| failed("its port is no number"))?),
                )
            }
        };
        let (below, host) = match host.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, host),
        };
        if host.contains('*') {
            return Err(failed("a `*` can only be its first label"));
        }
        let host = Host::parse(host.strip_suffix('.').unwrap_or(host))
            .map_err(|error| failed(&error.to_string()))?;
        let host = match (below, host) {
            (false, host) => Name::Exact(host),
            (true, Host::Domain(name)) => Name::Below(format!(".{name}")),
            (true, _) => return Err(failed("there are no names below an address")),
        };
        Ok(Self {
            text: text.to_owned(),
            scheme,
            host,
            port,
        })
    }
}

impl TryFrom<String> for HostPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_what_it_names_and_nothing_else() {
        for (pattern, url, expected) in [
            ("a.example", "https://a.example", true),
            ("A.Example", "http://a.eXample:81", true),
            ("a.example", "https://a.example.", true),
            ("a.example", "https://b.a.example", false),
            ("a.example", "https://a.example.evil", false),
            ("*.example", "https://a.example", true),
            ("*.example", "https://b.a.example", true),
            ("*.example", "https://example", false),
            ("*.example", "https://aexample", false),
            ("https://a.example", "http://a.example", false),
            ("a.example:8443", "https://a.example:8443", true),
            ("a.example:443", "https://a.example", true),
            ("a.example:80", "https://a.example", false),
            ("127.0.0.1", "http://127.0.0.1:9515", true),
            ("127.0.0.1", "http://0x7f.1", true),
            ("127.0.0.1", "http://[::ffff:127.0.0.1]", false),
            ("[::1]:80", "http://[0:0::1]", true),
            ("[::1]", "http://[::2]", false),
            ("bücher.example", "https://xn--bcher-kva.example", true),
        ] {
            let pattern: HostPattern = pattern.parse().unwrap();
            let target = Target::parse(url).unwrap().1;
            assert_eq!(pattern.matches(&target), expected, "{pattern} / {url}");
        }
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for bad in [
            "",
            "*",
            "*.",
            "a.*.example",
            "a*.example",
            "ftp://a.example",
            "https://a.example/path",
            "user@a.example",
            "a.example:",
            "a.example:0",
            "a.example:99999",
            "*.127.0.0.1",
            "::1",
            "a b",
            "https://",
        ] {
            let error = bad.parse::<HostPattern>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}`")), "{error}");
        }
    }
}
