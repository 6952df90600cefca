//! A connection to exactly one address.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{IpAddr as TlsAddress, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OnceCell,
};
use tokio_rustls::TlsConnector;
use url::Host;

use crate::{
    error::chain,
    request::{MAX_HEADER_BYTES, MAX_HEADERS},
    target::{Scheme, Target},
};

/// How long one address may take, so that the next one gets its turn. A lost
/// SYN is sent again after 1 and 3 seconds.
const CONNECT_TIME: Duration = Duration::from_secs(8);

/// The half of a connection that takes requests.
pub(crate) type Sender = http1::SendRequest<Full<Bytes>>;

/// Whose certificates are believed.
#[derive(Debug, Clone, Default)]
pub enum Authorities {
    /// Those of the system; read when they are first needed.
    #[default]
    System,
    /// These.
    These(Arc<RootCertStore>),
}

#[derive(Debug, Default)]
pub(crate) struct Dialler {
    authorities: Authorities,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Dialler {
    pub(crate) fn new(authorities: Authorities) -> Self {
        Self {
            authorities,
            tls: OnceCell::new(),
        }
    }

    /// The error is a sentence without the target.
    pub(crate) async fn connect(&self, target: &Target, address: IpAddr) -> Result<Sender, String> {
        let connecting = async {
            let tcp = TcpStream::connect((address, target.port))
                .await
                .map_err(|error| error.to_string())?;
            // Requests are written whole.
            tcp.set_nodelay(true).map_err(|error| error.to_string())?;
            match target.scheme {
                Scheme::Http => handshake(tcp).await,
                Scheme::Https => {
                    let connector = TlsConnector::from(self.tls().await?);
                    let name = server_name(&target.host)?;
                    let tls = connector.connect(name, tcp).await;
                    handshake(tls.map_err(|error| format!("TLS: {error}"))?).await
                }
            }
        };
        tokio::time::timeout(CONNECT_TIME, connecting)
            .await
            .map_err(|_| format!("no connection within {} s", CONNECT_TIME.as_secs()))?
            .map_err(|error| format!("cannot connect to {address}: {error}"))
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, String> {
        let made = self.tls.get_or_try_init(|| async {
            let roots = match &self.authorities {
                Authorities::These(roots) => roots.clone(),
                Authorities::System => {
                    let read = tokio::task::spawn_blocking(system_authorities).await;
                    Arc::new(read.map_err(|error| error.to_string())??)
                }
            };
            let mut config =
                ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                    .with_safe_default_protocol_versions()
                    .map_err(|error| error.to_string())?
                    .with_root_certificates(roots)
                    .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok(Arc::new(config))
        });
        made.await.cloned()
    }
}

fn system_authorities() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (known, _) = roots.add_parsable_certificates(found.certs);
    if known == 0 {
        return Err(
            "this system has no certificates of authorities (install ca-certificates, or \
                    set SSL_CERT_FILE)"
                .into(),
        );
    }
    Ok(roots)
}

fn server_name(host: &Host) -> Result<ServerName<'static>, String> {
    Ok(match host {
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|_| format!("{name:?} is no name that a certificate can have"))?,
        Host::Ipv4(address) => ServerName::IpAddress(TlsAddress::from(IpAddr::from(*address))),
        Host::Ipv6(address) => ServerName::IpAddress(TlsAddress::from(IpAddr::from(*address))),
    })
}

async fn handshake<S>(stream: S) -> Result<Sender, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| chain(&error))?;
    // It ends when the sender and the body of its last response are dropped.
    tokio::spawn(async move {
        // Whoever waits for a response or a body is told there.
        let _ = connection.await;
    });
    Ok(sender)
}

/// The addresses of a target's host as they stand in its URL.
pub(crate) fn literal(host: &Host) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    }
}

/// For a name that does not resolve.
pub(crate) fn unresolved(name: &str, error: Option<&io::Error>) -> String {
    match error {
        Some(error) => format!("{name} has no address: {error}"),
        None => format!("{name} has no address"),
    }
}
