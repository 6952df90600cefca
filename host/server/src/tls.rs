//! The certificate of a host that other machines may reach.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use hostler_auth::Fingerprint;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// Certificate and key of its own, in the state directory.
const OWN_FILE: &str = "tls.pem";

/// A file with a chain and a key has some KiB.
const MAX_FILE: u64 = 1024 * 1024;

/// What is spoken inside: WebSockets need HTTP/1.1.
const ALPN: &[u8] = b"http/1.1";

/// How the host proves who it is, and hides what is said. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    fingerprint: Fingerprint,
    own: bool,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Certificate and key do not do together.
    #[error("{path} cannot be used as the certificate of this host: {message}")]
    Unusable {
        /// The file of the certificate.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl Tls {
    /// From PEM files of the operator's. They are read now; a certificate that
    /// is renewed counts from the next start.
    ///
    /// # Errors
    /// They cannot be read, or do not belong together.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::read(certificate, key, false)
    }

    /// The host's own certificate, made at the first start. Nobody signed it:
    /// clients know it by its fingerprint, so it may last.
    ///
    /// # Errors
    /// It cannot be made, kept or read.
    pub fn own(state_dir: &Path, names: &[String]) -> Result<Self, TlsError> {
        let path = state_dir.join(OWN_FILE);
        let known = path.try_exists().map_err(|error| file(&path, &error))?;
        if !known {
            write_own(state_dir, &path, names)?;
        }
        Self::read(&path, &path, true)
    }

    fn read(certificate: &Path, key: &Path, own: bool) -> Result<Self, TlsError> {
        let unusable = |message: String| TlsError::Unusable {
            path: certificate.to_owned(),
            message: if own {
                format!(
                    "{message}. Delete it, and the next start makes another; machines that were paired must be paired again"
                )
            } else {
                message
            },
        };
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(&read(certificate)?).collect();
        let chain = chain.map_err(|error| unusable(format!("it is no PEM: {error}")))?;
        let Some(first) = chain.first() else {
            return Err(unusable("it has no CERTIFICATE in PEM".into()));
        };
        let fingerprint = Fingerprint::of(first);
        let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| {
            let shown = key.display();
            unusable(format!(
                "its key, {shown}, has no PRIVATE KEY in PEM: {error}"
            ))
        })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, secret))
            .map_err(|error| unusable(error.to_string()))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self {
            config: Arc::new(config),
            fingerprint,
            own,
        })
    }

    /// Of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Nobody but the fingerprint vouches for it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let meta = fs::metadata(path).map_err(|error| file(path, &error))?;
    if !meta.is_file() || meta.len() > MAX_FILE {
        let error = io::Error::other("it is no plain file of at most 1 MiB");
        return Err(file(path, &error));
    }
    fs::read(path).map_err(|error| file(path, &error))
}

/// One file for both, so that there is no moment with half of it.
fn write_own(folder: &Path, path: &Path, names: &[String]) -> Result<(), TlsError> {
    let made = |error: rcgen::Error| TlsError::Unusable {
        path: path.to_owned(),
        message: format!("it could not be made: {error}"),
    };
    let mut names = names.to_vec();
    names.push("localhost".into());
    let own = rcgen::generate_simple_self_signed(names).map_err(made)?;
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(".tls-")
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(folder)?;
        file.write_all(own.cert.pem().as_bytes())?;
        file.write_all(own.signing_key.serialize_pem().as_bytes())?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.error),
        }
    };
    write().map_err(|error: io::Error| file(path, &error))
}

fn file(path: &Path, error: &io::Error) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_certificate_is_made_once_and_its_key_is_the_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["box.example.com".to_owned(), "192.168.1.5".to_owned()];
        let first = Tls::own(folder.path(), &names).unwrap();
        let again = Tls::own(folder.path(), &[]).unwrap();
        assert_eq!(first.fingerprint(), again.fingerprint());
        assert!(first.is_own());
        let mode = fs::metadata(folder.path().join(OWN_FILE)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn files_of_the_operators_are_taken_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let own = Tls::own(folder.path(), &[]).unwrap();
        let file = folder.path().join(OWN_FILE);
        let given = Tls::from_files(&file, &file).unwrap();
        assert_eq!(given.fingerprint(), own.fingerprint());
        assert!(!given.is_own());
    }

    #[test]
    fn what_is_no_certificate_or_key_is_told_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        Tls::own(folder.path(), &[]).unwrap();
        let good = folder.path().join(OWN_FILE);
        let (empty, odd) = (folder.path().join("empty"), folder.path().join("odd"));
        fs::write(&empty, "").unwrap();
        fs::write(&odd, "-----BEGIN CERTIFICATE-----\n!!\n").unwrap();
        let missing = folder.path().join("missing");
        for (certificate, key, part) in [
            (&missing, &good, "missing"),
            (&good, &missing, "missing"),
            (&empty, &good, "no CERTIFICATE"),
            (&good, &empty, "no PRIVATE KEY"),
            (&odd, &good, "odd"),
            (&folder.path().to_owned(), &good, "no plain file"),
        ] {
            let error = Tls::from_files(certificate, key).unwrap_err().to_string();
            assert!(error.contains(part), "{part}: {error}");
        }
        // A key that is another's.
        let other = tempfile::tempdir().unwrap();
        Tls::own(other.path(), &[]).unwrap();
        let error = Tls::from_files(&good, &other.path().join(OWN_FILE)).unwrap_err();
        assert!(matches!(error, TlsError::Unusable { .. }), "{error}");
    }
}
