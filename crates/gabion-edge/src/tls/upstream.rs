//! TLS toward upstreams. Their certificates are always verified; there is no switch to skip it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use gabion_core::Blame;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::config::MinVersion;
use super::files::{FileError, read_certificates, read_chain, read_key};
use crate::config::ClientIdentity;

/// Certificates in a bundle of authorities. All public roots together are about 150.
pub const BUNDLE_CERTIFICATES_MAX: usize = 1000;

/// Why upstream TLS cannot be configured.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamTlsError {
    /// The bundle of authorities cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A certificate of the bundle cannot be an authority.
    #[error("{}:{line}: this certificate cannot be trusted as an authority", path.display())]
    BadAuthority {
        /// The bundle.
        path: PathBuf,
        /// Where the certificate begins, counted from 1.
        line: usize,
    },
    /// More than [`BUNDLE_CERTIFICATES_MAX`].
    #[error("{}: {count} certificates, at most {BUNDLE_CERTIFICATES_MAX} are read", path.display())]
    BundleTooLong {
        /// The bundle.
        path: PathBuf,
        /// Certificates found.
        count: usize,
    },
    /// Neither a host name nor an address.
    #[error("{0:?} is no host name or IP address an upstream certificate could be verified for")]
    BadServerName(String),
    /// The cryptographic library refused the configuration, or a key that is not its certificate's.
    #[error("upstream TLS cannot be configured")]
    Library(#[from] rustls::Error),
}

impl UpstreamTlsError {
    /// Who has to act.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Library(_) => Blame::Bug,
            _ => Blame::Operator,
        }
    }
}

/// A client for upstreams: TLS 1.2 or 1.3, offering `alpn` in this order. Certificates must lead to a public
/// root (Mozilla's list, built in), or, with `ca`, to a certificate of that PEM file and to nothing else. Blocks
/// on reading the file; one configuration serves all connections to the upstream and remembers its sessions.
///
/// # Errors
/// When the bundle cannot be read or one of its certificates cannot be an authority.
pub fn client_config(ca: Option<&Path>, alpn: &[&[u8]]) -> Result<Arc<ClientConfig>, UpstreamTlsError> {
    let roots = match ca {
        Some(path) => read_bundle(path)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let mut config = ClientConfig::builder_with_provider(super::provider())
        .with_protocol_versions(super::versions(MinVersion::Tls12))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

/// The same client, showing a certificate to upstreams that ask for one. Blocks on reading the files.
///
/// # Errors
/// When a file cannot be read or the key does not fit.
pub fn with_identity(
    client: &ClientConfig,
    identity: &ClientIdentity,
) -> Result<Arc<ClientConfig>, UpstreamTlsError> {
    let (chain, _) = read_chain(&identity.cert)?;
    let key = read_key(&identity.key)?;
    let certified = CertifiedKey::from_der(chain, key.der, client.crypto_provider())?;
    let mut client = client.clone();
    client.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
    Ok(Arc::new(client))
}

/// A client that talks to whoever answers. Only for finding out whether somebody does: nothing is sent over it, and what
/// it hears proves nothing.
pub fn whoever_answers() -> &'static Arc<ClientConfig> {
    static CLIENT: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
        let config = ClientConfig::builder_with_provider(super::provider())
            .with_protocol_versions(super::versions(MinVersion::Tls12))
            .expect("the provider knows TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Whoever(super::provider())))
            .with_no_client_auth();
        Arc::new(config)
    });
    &CLIENT
}

/// Believes every certificate, and checks that its key is there.
#[derive(Debug)]
struct Whoever(Arc<CryptoProvider>);

impl ServerCertVerifier for Whoever {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The name an upstream's certificate is verified for: `verify_name` where the operator set one, because the
/// endpoint is an address or an internal alias, else the endpoint's own host. IPv6 with or without brackets.
///
/// # Errors
/// When the text is neither a host name nor an address.
pub fn server_name(host: &str, verify_name: Option<&str>) -> Result<ServerName<'static>, UpstreamTlsError> {
    let name = verify_name.unwrap_or(host);
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    ServerName::try_from(bare.to_owned())
        .map_err(|_| UpstreamTlsError::BadServerName(gabion_core::limits::cut(name, 100).into_owned()))
}

fn read_bundle(path: &Path) -> Result<RootCertStore, UpstreamTlsError> {
    let certificates = read_certificates(path)?;
    let count = certificates.len();
    if count > BUNDLE_CERTIFICATES_MAX {
        return Err(UpstreamTlsError::BundleTooLong { path: path.to_owned(), count });
    }
    let mut roots = RootCertStore::empty();
    for (certificate, line) in certificates {
        roots.add(certificate).map_err(|_| UpstreamTlsError::BadAuthority { path: path.to_owned(), line })?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::{Ca, Folder, handshake_again};
    use crate::tls::{CertificateStore, TlsSettings, server_config};

    fn server(ca: &Ca) -> Arc<rustls::ServerConfig> {
        let store = CertificateStore::new(vec![ca.served(&["shop.internal", "10.0.0.5"])]).unwrap();
        server_config(&store, &TlsSettings::default()).unwrap()
    }

    #[test]
    fn a_bundle_is_trusted_instead_of_the_public_roots() {
        let (folder, ca, other) = (Folder::new(), Ca::new(), Ca::new());
        folder.replace("ca.pem", &format!("{}{}", other.pem(), ca.pem()));
        let with_bundle = client_config(Some(&folder.path("ca.pem")), &[b"http/1.1"]).unwrap();
        let (client, _) = handshake_again(&with_bundle, &server(&ca), "shop.internal").unwrap();
        assert_eq!(client.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert!(handshake_again(&with_bundle, &server(&ca), "10.0.0.5").is_ok());
        assert!(handshake_again(&with_bundle, &server(&Ca::new()), "shop.internal").is_err());
        assert!(handshake_again(&with_bundle, &server(&ca), "other.internal").is_err());
        let public = client_config(None, &[]).unwrap();
        assert!(handshake_again(&public, &server(&ca), "shop.internal").is_err());
    }

    #[test]
    fn an_upstream_that_asks_for_a_certificate_gets_the_configured_one() {
        let (folder, ca) = (Folder::new(), Ca::new());
        folder.replace("ca.pem", &ca.pem());
        let mut roots = RootCertStore::empty();
        roots.add(ca.der()).unwrap();
        let provider = crate::tls::provider();
        let strict =
            rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let strict = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .unwrap()
            .with_client_cert_verifier(strict.build().unwrap())
            .with_cert_resolver(Arc::new(
                CertificateStore::new(vec![ca.served(&["shop.internal"])]).unwrap(),
            ));
        let strict = Arc::new(strict);
        let plain = client_config(Some(&folder.path("ca.pem")), &[]).unwrap();
        assert!(handshake_again(&plain, &strict, "shop.internal").is_err());
        let files = folder.write_pair(&ca.pair(&["gabion.internal"]));
        let identity = ClientIdentity { cert: files.cert.clone(), key: files.key.clone() };
        let known = with_identity(&plain, &identity).unwrap();
        assert!(handshake_again(&known, &strict, "shop.internal").is_ok());
        let foreign = folder.path("foreign.key");
        folder.replace("foreign.key", &ca.pair(&["other.internal"]).key);
        assert!(with_identity(&plain, &ClientIdentity { cert: files.cert, key: foreign }).is_err());
    }

    #[test]
    fn bundles_that_cannot_be_used_say_where() {
        let (folder, ca) = (Folder::new(), Ca::new());
        let refusal = |text: &str| {
            folder.replace("ca.pem", text);
            client_config(Some(&folder.path("ca.pem")), &[]).unwrap_err().to_string()
        };
        assert!(refusal("").contains("ca.pem: no -----BEGIN CERTIFICATE----- found"));
        let broken = format!("{}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", ca.pem());
        let line = ca.pem().lines().count() + 1;
        assert!(refusal(&broken).contains(&format!("ca.pem:{line}: ")));
        assert!(refusal(&ca.pem().repeat(1001)).contains("1001 certificates, at most 1000"));
    }

    #[test]
    fn the_verified_name_is_the_override_or_the_host() {
        let name = |host, verify| server_name(host, verify).map(|name| name.to_str().into_owned());
        assert_eq!(name("10.0.0.5", Some("shop.internal")).unwrap(), "shop.internal");
        assert_eq!(name("shop.example", None).unwrap(), "shop.example");
        assert_eq!(name("[::1]", None).unwrap(), "::1");
        assert!(matches!(name("a b", None), Err(UpstreamTlsError::BadServerName(text)) if text == "a b"));
    }
}
