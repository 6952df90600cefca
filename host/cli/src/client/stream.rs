//! A connection to an address, plain or TLS.

use std::{io, sync::Arc, time::Duration};

use hostler_auth::Fingerprint;
use rustls::{CertificateError, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;

use super::{address::Address, tls};

/// How long it may take to be connected, and again to agree on TLS.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// Why there is no connection. What was to be reached stands before it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// Nobody is there, or no longer.
    #[error("{0}")]
    Connect(io::Error),
    /// Somebody is there, and says nothing.
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Silent,
    /// Somebody else is there, or the host got another certificate.
    #[error(
        "its certificate is not the one of the pairing. If the host has made a new one, pair again \
         (on its machine: hostler pair); if not, somebody is in between"
    )]
    OtherCertificate,
    /// Not to be trusted, or no TLS.
    #[error("TLS: {0}")]
    Tls(io::Error),
    /// This machine cannot do it.
    #[error("{0:#}")]
    Local(anyhow::Error),
}

/// Connects; `pin` is the certificate that it must be.
pub(crate) async fn open(
    address: &Address,
    pin: Option<Fingerprint>,
) -> Result<Stream, StreamError> {
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let stream = match timeout(PATIENCE, connecting).await {
        Ok(stream) => stream.map_err(StreamError::Connect)?,
        Err(_) => return Err(StreamError::Silent),
    };
    // Each message is small and someone waits for it.
    stream.set_nodelay(true).map_err(StreamError::Connect)?;
    if !address.tls {
        return Ok(Either::Left(stream));
    }
    let config = tls::config(pin).map_err(StreamError::Local)?;
    let name = ServerName::try_from(address.host.clone())
        .map_err(|error| StreamError::Tls(io::Error::other(error)))?;
    let connector = TlsConnector::from(Arc::new(config));
    match timeout(PATIENCE, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Either::Right(stream)),
        Ok(Err(error)) if is_other_certificate(&error) => Err(StreamError::OtherCertificate),
        Ok(Err(error)) if of_tls(&error).is_some() => Err(StreamError::Tls(error)),
        // It broke on the way, which says nothing about who is there.
        Ok(Err(error)) => Err(StreamError::Connect(error)),
        Err(_) => Err(StreamError::Silent),
    }
}

/// What TLS itself says against the other side.
fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn is_other_certificate(error: &io::Error) -> bool {
    matches!(
        of_tls(error),
        Some(rustls::Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure
        ))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    /// What comes of a host that says this to a TLS greeting and is gone.
    async fn after(said: &'static [u8]) -> StreamError {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_buf(&mut Vec::new()).await.unwrap();
            stream.write_all(said).await.unwrap();
        };
        let address = Address::parse(&format!("https://127.0.0.1:{port}")).unwrap();
        let pin = Some(Fingerprint::of(b"x"));
        let (opened, ()) = tokio::join!(open(&address, pin), host);
        opened.unwrap_err()
    }

    #[tokio::test]
    async fn a_host_that_goes_away_while_tls_is_agreed_on_is_not_there() {
        let error = after(b"").await;
        assert!(matches!(error, StreamError::Connect(_)), "{error}");
    }

    #[tokio::test]
    async fn what_speaks_no_tls_is_not_to_be_trusted() {
        let error = after(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        assert!(matches!(error, StreamError::Tls(_)), "{error}");
    }
}
