//! To whom a request goes: the part of a URL that a grant is about.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::request::MAX_URL_BYTES;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// An origin (RFC 6454). A name is in lower case and has no dot at its end; an
/// address is one, however it was spelled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl Target {
    /// The error is a sentence.
    pub(crate) fn parse(url: &str) -> Result<(Url, Self), String> {
        if url.len() > MAX_URL_BYTES {
            return Err(format!("the URL has more than {MAX_URL_BYTES} bytes"));
        }
        let url = Url::parse(url).map_err(|error| format!("this is no URL: {error}"))?;
        let target = Self::of(&url)?;
        Ok((url, target))
    }

    /// The error is a sentence.
    pub(crate) fn of(url: &Url) -> Result<Self, String> {
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(format!("the URL has more than {MAX_URL_BYTES} bytes"));
        }
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(format!("only http and https can be fetched, not {other}")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "the URL has a user name or a password in it: use the header authorization".into(),
            );
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                if name.is_empty() {
                    return Err("the URL names no host".into());
                }
                Host::Domain(name.to_owned())
            }
            Some(Host::Ipv4(address)) => Host::Ipv4(address),
            Some(Host::Ipv6(address)) => Host::Ipv6(address),
            None => return Err("the URL names no host".into()),
        };
        Ok(Self {
            scheme,
            host,
            port: url.port().unwrap_or(scheme.port()),
        })
    }

    /// As it stands in the header `host`.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}
