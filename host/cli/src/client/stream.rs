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
    /// Nobody is there.
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
        Ok(Err(error)) => Err(StreamError::Tls(error)),
        Err(_) => Err(StreamError::Silent),
    }
}

fn is_other_certificate(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(
        inner,
        Some(rustls::Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure
        ))
    )
}
