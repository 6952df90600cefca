//! Where the host listens, and what keeps others on the way from reading along.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use hostler_server::{Tls, TlsError};

use super::LISTEN;

/// What protects what is said to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cover {
    /// Nothing, so nobody but this machine may be on the way.
    Loopback,
    /// TLS with a certificate that the host makes itself.
    Own,
    /// TLS with the operator's certificate.
    Files { certificate: PathBuf, key: PathBuf },
    /// A proxy of the operator's, which speaks TLS with the world.
    Proxy,
}

/// Reads an address to listen on.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is no address to listen on: write IP:PORT, such as {LISTEN}")
    })
}

impl Cover {
    /// Whether it is enough to listen there: without TLS others could read the
    /// tokens.
    pub(crate) fn allows(&self, address: SocketAddr) -> Result<(), String> {
        if *self != Cover::Loopback || address.ip().is_loopback() {
            return Ok(());
        }
        Err(format!(
            "`{address}` can be reached from other machines, and without TLS they could read the \
             tokens. Choose one:\n  \
             --tls-own                          a certificate that the host makes, and `hostler pair` passes on\n  \
             --tls-cert FILE --tls-key FILE     a certificate of yours\n  \
             --behind-proxy                     a proxy of yours speaks TLS with the world\n  \
             --listen 127.0.0.1:7117            this machine only, reached through a tunnel such as `ssh -L`"
        ))
    }

    /// The certificate, if the host itself has one. `names` are those that it
    /// is called by.
    pub(crate) fn tls(
        &self,
        state_dir: &std::path::Path,
        names: &[String],
    ) -> Result<Option<Tls>, TlsError> {
        match self {
            Cover::Loopback | Cover::Proxy => Ok(None),
            Cover::Own => Tls::own(state_dir, names).map(Some),
            Cover::Files { certificate, key } => Tls::from_files(certificate, key).map(Some),
        }
    }

    /// How another machine addresses a host that listens at `address` and is
    /// called `names`, if that can be known.
    pub(crate) fn url(&self, address: SocketAddr, names: &[String]) -> Option<String> {
        let name = names.first().map(|name| in_url(name));
        if *self == Cover::Proxy {
            return name.map(|name| format!("https://{name}"));
        }
        let port = address.port();
        let ip = address.ip();
        let by_address = || (!ip.is_unspecified()).then(|| in_url(&ip.to_string()));
        match self {
            Cover::Loopback => Some(format!("http://{address}")),
            _ => Some(format!("https://{}:{port}", name.or_else(by_address)?)),
        }
    }
}

/// An IPv6 address stands in brackets.
fn in_url(name: &str) -> String {
    match name.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => name.to_owned(),
    }
}

/// Where programs of this machine reach a host that listens at `address`.
pub(crate) fn from_here(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        listen_address(text).unwrap()
    }

    #[test]
    fn off_loopback_something_must_protect_what_is_said() {
        let files = Cover::Files {
            certificate: "c".into(),
            key: "k".into(),
        };
        for text in ["0.0.0.0:1", "[::]:1", "192.168.1.5:1", "[fd00::5]:1"] {
            let message = Cover::Loopback.allows(address(text)).unwrap_err();
            for way in ["--tls-own", "--tls-cert", "--behind-proxy", "ssh -L"] {
                assert!(message.contains(way), "{message}");
            }
            for cover in [&Cover::Own, &files, &Cover::Proxy] {
                cover.allows(address(text)).unwrap();
            }
        }
        for text in ["127.0.0.1:1", "127.3.2.1:1", "[::1]:1"] {
            Cover::Loopback.allows(address(text)).unwrap();
        }
    }

    #[test]
    fn the_address_for_others_has_the_first_name_or_else_the_ip() {
        let names = ["box.example.com".to_owned(), "other".to_owned()];
        let v6 = ["fd00::5".to_owned()];
        let any = address("0.0.0.0:7117");
        let one = address("192.168.1.5:7117");
        for (cover, listen, names, expected) in [
            (
                Cover::Own,
                any,
                &names[..],
                Some("https://box.example.com:7117"),
            ),
            (Cover::Own, any, &v6[..], Some("https://[fd00::5]:7117")),
            (Cover::Own, one, &[], Some("https://192.168.1.5:7117")),
            (Cover::Own, any, &[], None),
            (
                Cover::Proxy,
                any,
                &names[..],
                Some("https://box.example.com"),
            ),
            (Cover::Proxy, one, &[], None),
            (
                Cover::Loopback,
                LISTEN,
                &names[..],
                Some("http://127.0.0.1:7117"),
            ),
        ] {
            let url = cover.url(listen, names);
            assert_eq!(url.as_deref(), expected, "{cover:?} {listen}");
        }
    }

    #[test]
    fn from_here_every_address_is_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:7", "127.0.0.1:7"),
            ("[::]:7", "[::1]:7"),
            ("192.168.1.5:7", "192.168.1.5:7"),
        ] {
            assert_eq!(from_here(address(listen)), address(expected));
        }
    }
}
