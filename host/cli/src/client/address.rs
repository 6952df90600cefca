//! Addresses: `https://box.example.com:7117/path?query#fragment`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use hyper::Uri;

/// Longer than any address that people use; a bound on what is stored and shown.
const MAX_CHARS: usize = 2048;

/// Where to connect, and what to ask for there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) tls: bool,
    /// A name or an IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// With the query; `/` at least.
    pub(crate) path: String,
    /// What is never sent.
    pub(crate) fragment: Option<String>,
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address: {1}")]
pub(crate) struct AddressError(String, &'static str);

impl Address {
    /// `http` and `ws` are plain, `https` and `wss` are TLS.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        // What stands in a fragment or before an `@` is a secret.
        let (before, fragment) = match text.split_once('#') {
            Some((before, fragment)) => (before, Some(fragment.to_owned())),
            None => (text, None),
        };
        let refused = |why| {
            let shown = before.rsplit('@').next().unwrap_or_default();
            AddressError(shown.chars().take(100).collect(), why)
        };
        if text.len() > MAX_CHARS {
            return Err(refused("it is too long"));
        }
        let uri: Uri = before
            .parse()
            .map_err(|_| refused("write https://HOST:PORT"))?;
        let tls = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => return Err(refused("it must begin with https:// (or http://)")),
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(refused("it must have no user or password"));
        }
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(refused("it has no host"));
        }
        // `Uri` gives no port for one that is too large.
        if uri.port().is_none() && authority.rsplit(']').next().unwrap_or("").contains(':') {
            return Err(refused("its port is no number up to 65535"));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            path: if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            },
            fragment,
        })
    }

    /// Whether nobody else is on the way.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// For a `Host` header.
    pub(crate) fn authority(&self) -> String {
        let host = match self.host.parse::<Ipv6Addr>() {
            Ok(ip) => format!("[{ip}]"),
            Err(_) => self.host.to_ascii_lowercase(),
        };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Without path and fragment: one spelling for each host.
    pub(crate) fn base(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }
}

/// Without path and fragment, in which secrets may be.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.base())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_a_host_are_one() {
        for (text, base) in [
            ("https://box:7117", "https://box:7117"),
            ("wss://BOX:7117/acp", "https://box:7117"),
            ("https://box", "https://box"),
            ("https://box:443/", "https://box"),
            ("http://127.0.0.1:7117#x", "http://127.0.0.1:7117"),
            ("ws://[0:0::1]:80", "http://[::1]"),
        ] {
            assert_eq!(Address::parse(text).unwrap().base(), base, "{text}");
        }
    }

    #[test]
    fn path_query_and_fragment_are_kept_apart() {
        let address = Address::parse("https://h/a/b?c=d#pair=x&cert=y").unwrap();
        assert_eq!(address.path, "/a/b?c=d");
        assert_eq!(address.fragment.as_deref(), Some("pair=x&cert=y"));
        assert_eq!((address.host.as_str(), address.port), ("h", 443));
        assert_eq!(Address::parse("http://h").unwrap().path, "/");
        assert!(!format!("{address:?}").contains("pair"));
    }

    #[test]
    fn loopback_is_told_from_elsewhere() {
        for (text, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost:1", true),
            ("http://localhost.evil.com:1", false),
            ("http://192.168.1.5:1", false),
        ] {
            assert_eq!(
                Address::parse(text).unwrap().is_loopback(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_secrets_are_not_repeated() {
        let long = format!("https://h/{}", "x".repeat(MAX_CHARS));
        for text in [
            "",
            "box:7117",
            "box",
            "/path",
            "ftp://box",
            "https://",
            "https://user:hush@box",
            "https://box:99999",
            "https://box:x",
            "https://b ox",
            "mailto:hush@box#hush",
            &long,
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
            assert!(error.len() < 300, "{error}");
        }
    }
}
