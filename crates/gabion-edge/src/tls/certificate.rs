//! A certificate as it is served.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::Timestamp;
use gabion_crypto::digest::sha256;
use rustls::SignatureAlgorithm;
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Serialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::name::Name;

/// A chain with its private key, checked to belong together, ready to be shown in a handshake.
#[derive(Clone)]
pub struct ServedCertificate {
    key: Arc<CertifiedKey>,
    facts: Arc<Facts>,
}

/// What is read from the site's certificate once, when it is loaded.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) names: Vec<Name>,
    pub(super) issuer: String,
    pub(super) serial: String,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) sha256: String,
    pub(super) key_type: KeyType,
    pub(super) source: Source,
}

/// Where a certificate came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A PEM file of the operator.
    File(PathBuf),
    /// Gabion's local authority.
    Local,
    /// An ACME server, by its host.
    Acme(String),
    /// Signed by itself, until the first certificate of an ACME server arrives.
    #[serde(rename = "self_signed")]
    SelfSigned,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Local => f.write_str("local authority"),
            Self::Acme(host) => f.write_str(host),
            Self::SelfSigned => f.write_str("self-signed, until the first certificate arrives"),
        }
    }
}

/// The kind of a certificate's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// RSA with this many bits.
    Rsa(usize),
    /// ECDSA on NIST P-256.
    EcdsaP256,
    /// ECDSA on NIST P-384.
    EcdsaP384,
    /// ECDSA on NIST P-521.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
    /// Anything else.
    Other,
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::EcdsaP256 => f.write_str("ECDSA P-256"),
            Self::EcdsaP384 => f.write_str("ECDSA P-384"),
            Self::EcdsaP521 => f.write_str("ECDSA P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other => f.write_str("other"),
        }
    }
}

impl Serialize for KeyType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a chain and a key cannot be served together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableCertificate {
    /// The bytes are no X.509 version 3 certificate.
    #[error("the certificate cannot be read as X.509 version 3")]
    Unreadable,
    /// The key's kind or size is not supported.
    #[error(
        "the private key cannot be used; supported are ECDSA P-256, P-384, P-521, Ed25519 and RSA from 2048 bits"
    )]
    Key,
    /// The key belongs to another certificate.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

impl ServedCertificate {
    /// Puts a chain (the site's certificate first) and its key together.
    ///
    /// # Errors
    /// When the first certificate or the key cannot be used, or they do not belong together.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        source: Source,
    ) -> Result<Self, UnusableCertificate> {
        let facts = Facts::read(chain.first().ok_or(UnusableCertificate::Unreadable)?, source)?;
        let signer =
            super::provider().key_provider.load_private_key(key).map_err(|_| UnusableCertificate::Key)?;
        let key = CertifiedKey::new(chain, signer);
        match key.keys_match() {
            // A signer that cannot show its public key proves itself, or fails, in the first handshake.
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => return Err(UnusableCertificate::Mismatch),
            Err(_) => return Err(UnusableCertificate::Unreadable),
        }
        Ok(Self { key: Arc::new(key), facts: Arc::new(facts) })
    }

    /// The names the certificate stands for, as it lists them.
    pub fn names(&self) -> &[Name] {
        &self.facts.names
    }

    /// The first moment of validity.
    pub fn not_before(&self) -> Timestamp {
        self.facts.not_before
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> Timestamp {
        self.facts.not_after
    }

    /// Where it came from.
    pub fn source(&self) -> &Source {
        &self.facts.source
    }

    /// SHA-256 of the certificate, lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.facts.sha256
    }

    /// From the first to the last moment of validity.
    pub fn life(&self) -> Duration {
        self.not_after().since(self.not_before())
    }

    /// The chain as it is sent, the site's certificate first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    /// Whether a client that understands `schemes` can verify signatures of this key.
    pub(super) fn suits(&self, schemes: &[SignatureScheme]) -> bool {
        self.key.key.choose_scheme(schemes).is_some()
    }

    pub(super) fn is_rsa(&self) -> bool {
        self.key.key.algorithm() == SignatureAlgorithm::RSA
    }
}

impl fmt::Debug for ServedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.facts.fmt(f)
    }
}

impl Facts {
    fn read(der: &CertificateDer<'_>, source: Source) -> Result<Self, UnusableCertificate> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| UnusableCertificate::Unreadable)?;
        let validity = certificate.validity();
        Ok(Self {
            names: names(&certificate),
            issuer: certificate.issuer().to_string(),
            serial: hex(certificate.raw_serial()),
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
            sha256: sha256_hex(der),
            key_type: key_type(&certificate),
            source,
        })
    }
}

/// The DNS and IP names of the certificate. The common name is left out: no client looks at it (RFC 9525
/// section 2). A name that cannot be asked for, such as `f*.example`, is left out too.
fn names(certificate: &X509Certificate<'_>) -> Vec<Name> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    names.value.general_names.iter().filter_map(name).collect()
}

fn name(general: &GeneralName<'_>) -> Option<Name> {
    match general {
        GeneralName::DNSName(text) => text.parse().ok(),
        GeneralName::IPAddress(bytes) => address(bytes).map(Name::Address),
        _ => None,
    }
}

/// An address from the four or sixteen bytes a certificate keeps.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn key_type(certificate: &X509Certificate<'_>) -> KeyType {
    let spki = certificate.public_key();
    let curve = spki.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    match (spki.parsed(), curve) {
        (Ok(PublicKey::RSA(rsa)), _) => KeyType::Rsa(rsa.key_size()),
        (Ok(PublicKey::EC(_)), Some(curve)) if curve == OID_EC_P256 => KeyType::EcdsaP256,
        (Ok(PublicKey::EC(_)), Some(curve)) if curve == OID_NIST_EC_P384 => KeyType::EcdsaP384,
        (Ok(PublicKey::EC(_)), Some(curve)) if curve == OID_NIST_EC_P521 => KeyType::EcdsaP521,
        _ if spki.algorithm.algorithm == OID_SIG_ED25519 => KeyType::Ed25519,
        _ => KeyType::Other,
    }
}

/// The fingerprint browsers and `openssl x509 -fingerprint -sha256` show, as lower-case hex without colons.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::Ca;

    #[test]
    fn the_fingerprint_is_sha_256_in_lower_case_hex() {
        // FIPS 180-4, the example of one block.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), expected);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let ca = Ca::new();
        let chain = ca.served(&["a.example"]).chain().to_vec();
        let key = rcgen::KeyPair::generate().unwrap().into();
        let refused = ServedCertificate::new(chain, key, Source::Local).unwrap_err();
        assert_eq!(refused, UnusableCertificate::Mismatch);
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        let key = || rcgen::KeyPair::generate().unwrap().into();
        for chain in [vec![], vec![CertificateDer::from(vec![0x30, 0])]] {
            let refused = ServedCertificate::new(chain, key(), Source::Local).unwrap_err();
            assert_eq!(refused, UnusableCertificate::Unreadable);
        }
    }
}
