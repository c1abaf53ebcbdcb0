//! TLS of the listeners and toward upstreams: which certificate is shown, where it comes from, what is agreed.
//!
//! A [`CertificateSource`] reads or issues certificates and keeps them current; a [`CertificateStore`] holds
//! what is served right now and answers every handshake by server name; [`server_config`] says what may be
//! negotiated. Replacing certificates never touches an open connection.

pub mod acme;
pub mod certificate;
pub mod client_hello;
pub mod config;
pub mod expiry;
pub mod files;
pub mod folder;
pub mod inventory;
pub mod ja4;
pub mod local;
pub mod name;
mod pem;
pub mod source;
pub mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod upstream;

use std::sync::Arc;

use gabion_core::Blame;
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::ServerSessionMemoryCache;
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};

pub use acme::{AcmeMode, Challenges};
pub use certificate::ServedCertificate;
pub use config::{MinVersion, TlsMode, TlsSettings};
pub use inventory::{CertificateInfo, Validity, inventory};
pub use ja4::Ja4;
pub use name::Name;
pub use source::{CertificateEvent, CertificateSource, SourceDeps};
pub use store::CertificateStore;

/// Sessions remembered for TLS 1.2 clients without ticket support; the oldest is forgotten first. All others
/// carry their session themselves, in a ticket. About 200 bytes each.
const SESSIONS_MAX: usize = 1024;

/// Protocols offered on every listener, the preferred one first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Anything that keeps TLS from starting.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The `[tls]` section contradicts itself.
    #[error(transparent)]
    Settings(#[from] config::InvalidTlsSettings),
    /// A certificate or key file cannot be used.
    #[error(transparent)]
    File(#[from] files::FileError),
    /// The local certificate authority cannot be used.
    #[error(transparent)]
    Local(#[from] local::LocalError),
    /// What ACME servers gave before, or the key to their accounts, cannot be read.
    #[error(transparent)]
    Acme(#[from] acme::AcmeError),
    /// The cryptographic library refused the configuration.
    #[error("TLS cannot be configured")]
    Library(#[from] rustls::Error),
}

impl TlsError {
    /// Who has to act.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Library(_) => Blame::Bug,
            Self::Settings(_) | Self::File(_) | Self::Local(_) | Self::Acme(_) => Blame::Operator,
        }
    }
}

/// The ciphers of every TLS connection of Gabion, the preferred one first, newer versions before older ones: keys of
/// 256 bits before those of 128, AES before ChaCha20 because nearly every processor has instructions for it, and
/// certificates with ECDSA before RSA.
const CIPHERS: [SupportedCipherSuite; 9] = [
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

/// The ciphers and key exchanges of every TLS connection of Gabion: hybrid post-quantum first, so that recorded
/// traffic stays closed to a later quantum computer, then the classical groups for older peers.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    Arc::new(CryptoProvider {
        cipher_suites: CIPHERS.to_vec(),
        kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1],
        ..aws_lc_rs::default_provider()
    })
}

fn versions(min: MinVersion) -> &'static [&'static SupportedProtocolVersion] {
    static TLS13_ONLY: [&SupportedProtocolVersion; 1] = [&version::TLS13];
    match min {
        MinVersion::Tls12 => rustls::ALL_VERSIONS,
        MinVersion::Tls13 => &TLS13_ONLY,
    }
}

/// What a listener negotiates, with certificates from `store`: TLS 1.2 or newer (or 1.3 only), HTTP/2 before
/// HTTP/1.1, no client certificates, no early data (it can be replayed). Of the ciphers a client offers, our order
/// picks. Sessions resume for up to 12 hours with tickets whose keys live in memory and change every 6 hours; a new
/// configuration starts new ticket keys, so build one only when the settings changed, and
/// [`CertificateStore::replace`] the certificates otherwise.
///
/// # Errors
/// [`TlsError::Library`] when the machine gives no randomness for the ticket keys.
pub fn server_config(
    store: &CertificateStore,
    settings: &TlsSettings,
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions(settings.min_version))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(store.clone()));
    config.ignore_client_order = true;
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
    Ok(Arc::new(config))
}
