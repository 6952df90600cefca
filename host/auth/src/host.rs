use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name that DNS has.
const MAX_NAME_CHARS: usize = 253;

/// Which names this host answers to, in the `Host` and `Origin` headers.
///
/// A page whose name was pointed at this machine (DNS rebinding) still says its
/// own name in both. Accepted are `localhost`, 127.0.0.0/8 and `[::1]`, and what
/// the operator listed; ports do not count. Anything that is not plainly a name
/// or an address is refused.
#[derive(Debug, Clone, Default)]
pub struct HostRule {
    extra: HashSet<Host>,
}

/// An entry of `[server] hosts` that is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` in `[server] hosts` is not a host: write a name such as `box.example.com` or an \
     address, without scheme, port or wildcard"
)]
pub struct HostRuleError(pub String);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Host {
    /// In lower case.
    Name(String),
    Address(IpAddr),
}

impl HostRule {
    /// Loopback and the hosts of `extra`: names, or addresses (IPv6 with or
    /// without brackets).
    pub fn new<S: AsRef<str>>(extra: impl IntoIterator<Item = S>) -> Result<Self, HostRuleError> {
        let extra = extra.into_iter().map(|entry| {
            let entry = entry.as_ref();
            entry
                .parse::<Ipv6Addr>()
                .ok()
                .map(|v6| Host::Address(v6.into()))
                .or_else(|| parse_host(entry))
                .ok_or_else(|| HostRuleError(entry.to_owned()))
        });
        Ok(HostRule {
            extra: extra.collect::<Result<_, _>>()?,
        })
    }

    /// The same with the address that the host listens on: a page can point its
    /// name at it, but then it says the name.
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        if !address.is_unspecified() {
            self.extra.insert(Host::Address(address));
        }
        self
    }

    /// Whether the value of a `Host` header is one of ours.
    pub fn allows_host(&self, value: &str) -> bool {
        parse_authority(value).is_some_and(|host| self.allows(&host))
    }

    /// Whether a request with this `Origin` header, or none, may go on. `null`
    /// and everything but an http or https origin is refused.
    pub fn allows_origin(&self, value: Option<&str>) -> bool {
        let Some(value) = value else {
            return true;
        };
        let Some((scheme, authority)) = value.split_once("://") else {
            return false;
        };
        let web = ["http", "https"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known));
        web && self.allows_host(authority)
    }

    fn allows(&self, host: &Host) -> bool {
        let loopback = match host {
            Host::Name(name) => name == "localhost",
            Host::Address(address) => address.is_loopback(),
        };
        loopback || self.extra.contains(host)
    }
}

/// `HOST` or `HOST:PORT`.
fn parse_authority(text: &str) -> Option<Host> {
    // The colons of an IPv6 address stand before the bracket.
    let after_brackets = text.rfind(']').map_or(0, |at| at + 1);
    let (_, tail) = text.split_at_checked(after_brackets)?;
    let host = match tail.split_once(':') {
        None => text,
        Some((_, port)) => {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            if !digits || port.parse::<u16>().is_err() {
                return None;
            }
            text.strip_suffix(port)?.strip_suffix(':')?
        }
    };
    parse_host(host)
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn parse_host(text: &str) -> Option<Host> {
    if let Some(inner) = text.strip_prefix('[') {
        let v6: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(Host::Address(v6.into()));
    }
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some(Host::Address(v4.into()));
    }
    let label_fits = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let fits = text.len() <= MAX_NAME_CHARS && text.split('.').all(label_fits);
    // `127.1` and `0x7f.0.0.0x1` are addresses to some readers and names to
    // others.
    let like_a_number = text
        .rsplit('.')
        .next()
        .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    (fits && !like_a_number).then(|| Host::Name(text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> HostRule {
        HostRule::new(Vec::<String>::new()).unwrap()
    }

    /// Every spelling that stands for this machine and nothing else.
    const OURS: &[&str] = &[
        "localhost",
        "LocalHost",
        "localhost:7117",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.255.3.4:65535",
        "[::1]",
        "[::1]:7117",
        "[0:0:0:0:0:0:0:1]",
    ];

    /// Rebinding names, near misses, odd spellings and rubbish.
    const OTHERS: &[&str] = &[
        "",
        ":",
        ":7117",
        "evil.com",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "evil.com.localhost",
        "evil-localhost",
        "localhost.",
        "localhost.:7117",
        "127.0.0.1.",
        ".localhost",
        "localhost..",
        "localhost:",
        "localhost:x",
        "localhost:+80",
        "localhost:65536",
        "localhost:80:80",
        "localhost:80@evil.com",
        "user@localhost",
        "localhost@evil.com",
        "localhost/",
        "localhost/evil",
        "localhost?x",
        "localhost#x",
        "localhost\\evil",
        "localhost,evil.com",
        "localhost evil.com",
        " localhost",
        "localhost ",
        "localhost\0",
        "localhost%00",
        "%6cocalhost",
        "ｌocalhost",
        "127.1",
        "127.0.1",
        "0127.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "2130706433",
        "127.0.0.256",
        "128.0.0.1",
        "0.0.0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::1",
        "::1",
        "::1]",
        "[::1]x",
        "[::1]:",
        "[::1]:x",
        "[::1]]",
        "[[::1]]",
        "[::1%lo]",
        "[::1%25lo]",
        "[localhost]",
        "[127.0.0.1]",
        "[]",
        "null",
        "*",
    ];

    #[test]
    fn loopback_is_accepted_in_every_plain_spelling() {
        for host in OURS {
            assert!(loopback().allows_host(host), "{host:?}");
            for scheme in ["http", "https", "HTTP"] {
                let origin = format!("{scheme}://{host}");
                assert!(loopback().allows_origin(Some(&origin)), "{origin:?}");
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for host in OTHERS {
            assert!(!loopback().allows_host(host), "{host:?}");
            let origin = format!("http://{host}");
            assert!(!loopback().allows_origin(Some(&origin)), "{origin:?}");
        }
    }

    #[test]
    fn an_absent_origin_passes_and_an_odd_one_does_not() {
        assert!(loopback().allows_origin(None));
        for origin in [
            "",
            "null",
            "localhost",
            "//localhost",
            "http:localhost",
            "http:/localhost",
            "http:///localhost",
            "http://localhost/",
            "http://localhost http://evil.com",
            "file://localhost",
            "ftp://localhost",
            "ws://localhost",
            "chrome-extension://localhost",
            "http://http://localhost",
            " http://localhost",
        ] {
            assert!(!loopback().allows_origin(Some(origin)), "{origin:?}");
        }
    }

    #[test]
    fn listed_hosts_are_accepted_and_their_neighbours_are_not() {
        let listed = ["Box.Example.com", "192.168.1.5", "fd00::5", "[fd00::6]"];
        let rule = HostRule::new(listed).unwrap();
        for host in [
            "box.example.com",
            "BOX.example.com:8443",
            "192.168.1.5:7117",
            "[fd00::5]:7117",
            "[fd00:0::6]",
            "localhost",
        ] {
            assert!(rule.allows_host(host), "{host:?}");
            assert!(rule.allows_origin(Some(&format!("https://{host}"))));
        }
        for host in [
            "example.com",
            "a.box.example.com",
            "box.example.com.",
            "box.example.com.evil.com",
            "192.168.1.50",
            "[fd00::7]",
        ] {
            assert!(!rule.allows_host(host), "{host:?}");
        }
    }

    #[test]
    fn the_address_that_is_listened_on_is_accepted_and_every_address_is_none() {
        let rule = loopback().with_address("192.168.1.5".parse().unwrap());
        assert!(rule.allows_host("192.168.1.5:7117"));
        assert!(!rule.allows_host("192.168.1.6:7117"));
        for all in ["0.0.0.0", "::"] {
            let rule = loopback().with_address(all.parse().unwrap());
            assert!(!rule.allows_host("0.0.0.0") && !rule.allows_host("[::]"));
        }
    }

    #[test]
    fn an_entry_that_is_no_host_is_named() {
        for entry in [
            "",
            "*",
            "*.example.com",
            "http://a",
            "a:80",
            "a/b",
            "a b",
            "127.1",
        ] {
            let error = HostRule::new([entry]).unwrap_err();
            assert_eq!(error, HostRuleError(entry.to_owned()));
        }
        let message = HostRule::new(["a:80"]).unwrap_err().to_string();
        assert!(message.contains("`a:80` in `[server] hosts`"), "{message}");
    }
}
