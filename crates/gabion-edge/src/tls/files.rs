//! Certificates and keys from the operator's PEM files.

pub mod watch;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gabion_core::{Blame, Secret, Timestamp};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::certificate::{ServedCertificate, Source, UnusableCertificate};
use super::config::CertificateFiles;
use super::inventory::Validity;
use super::pem::{Section, sections};

/// Bytes of one PEM file. A chain has a few kilobytes, a bundle of all public roots about 250.
pub const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// Certificates in one chain. Public chains have two to four; every one is sent in every full handshake.
pub const CHAIN_CERTIFICATES_MAX: usize = 10;

/// Why a certificate, key or bundle file cannot be used. The text names the file and what to do; it never
/// contains bytes of a key.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the file and the line, counted from 1")]
pub enum FileError {
    /// The file cannot be opened or read.
    #[error("{}: cannot be read; check the path and that the account Gabion runs as may read it", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// More than [`PEM_BYTES_MAX`].
    #[error("{}: larger than {PEM_BYTES_MAX} bytes; is this the right file?", path.display())]
    TooLarge { path: PathBuf },
    /// A PEM section does not end.
    #[error("{}:{line}: this section has no matching -----END line; the file was cut or mixed up", path.display())]
    Unfinished { path: PathBuf, line: usize },
    /// A PEM section holds something else than base64.
    #[error("{}:{line}: this section is not valid base64; copy the file again", path.display())]
    Encoding { path: PathBuf, line: usize },
    /// No certificate in the file.
    #[error("{}: no -----BEGIN CERTIFICATE----- found; convert DER with `openssl x509 -inform der`", path.display())]
    NoCertificate { path: PathBuf },
    /// The certificate file holds a key instead.
    #[error("{}: holds a private key and no certificate; are cert and key swapped?", path.display())]
    Swapped { path: PathBuf },
    /// More than [`CHAIN_CERTIFICATES_MAX`].
    #[error("{}: {count} certificates, at most {CHAIN_CERTIFICATES_MAX} make a chain; a bundle of roots does not belong here", path.display())]
    ChainTooLong { path: PathBuf, count: usize },
    /// A certificate that is none.
    #[error("{}:{line}: this certificate cannot be read as X.509 version 3", path.display())]
    BadCertificate { path: PathBuf, line: usize },
    /// No key in the file.
    #[error("{}: no private key found; expected PEM with BEGIN PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY", path.display())]
    NoKey { path: PathBuf },
    /// The key asks for a passphrase.
    #[error("{}:{line}: the private key is encrypted and Gabion must start unattended; decrypt it with `openssl pkey -in FILE -out NEW` and protect NEW with mode 0600", path.display())]
    EncryptedKey { path: PathBuf, line: usize },
    /// The key's kind or size is not supported.
    #[error("{}:{line}: this private key cannot be used; supported are ECDSA P-256, P-384, P-521, Ed25519 and RSA from 2048 bits", path.display())]
    BadKey { path: PathBuf, line: usize },
    /// The key belongs to a later certificate of the file.
    #[error("{}:{line}: the private key belongs to this certificate; put it first, before the intermediates", cert.display())]
    ChainOrder { cert: PathBuf, line: usize },
    /// The key belongs to another certificate.
    #[error("{}: the private key does not belong to the certificate in {}; compare `openssl pkey -pubout` with `openssl x509 -pubkey`", key.display(), cert.display())]
    Mismatch { cert: PathBuf, key: PathBuf },
}

impl FileError {
    /// Who has to act.
    pub const fn blame(&self) -> Blame {
        Blame::Operator
    }
}

/// Something about a pair of files that deserves a look but is served nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the file and what was found there")]
pub enum Warning {
    /// Browsers refuse the certificate.
    Expired { path: PathBuf, since: Timestamp },
    /// Browsers refuse the certificate until then; or the machine's clock is wrong.
    NotYetValid { path: PathBuf, until: Timestamp },
    /// Other accounts of the machine can read the key.
    KeyReadable { path: PathBuf, mode: u32 },
    /// Clients cannot match the certificate to any name.
    NoNames { path: PathBuf },
    /// A certificate did not sign the one before it: clients may be unable to follow the chain.
    BrokenChain { path: PathBuf, line: usize },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { path, since } => {
                write!(f, "{}: expired at {since}; browsers refuse it, renew it", path.display())
            }
            Self::NotYetValid { path, until } => {
                write!(f, "{}: not valid before {until}; check the machine's clock", path.display())
            }
            Self::KeyReadable { path, mode } => {
                let path = path.display();
                write!(f, "{path}: mode {mode:04o} lets other accounts read the key; run `chmod 0600 {path}`")
            }
            Self::NoNames { path } => {
                write!(f, "{}: lists no DNS name or address; browsers refuse it", path.display())
            }
            Self::BrokenChain { path, line } => {
                write!(
                    f,
                    "{}:{line}: did not sign the certificate before it; check the order",
                    path.display()
                )
            }
        }
    }
}

/// Reads a chain and its key and checks that they belong together. What is odd but can be served is returned
/// beside the certificate, judged at `now`.
///
/// # Errors
/// See [`FileError`].
pub fn load(
    files: &CertificateFiles,
    now: Timestamp,
) -> Result<(ServedCertificate, Vec<Warning>), FileError> {
    let (chain, lines) = read_chain(&files.cert)?;
    let key = read_key(&files.key)?;
    let source = Source::File(files.cert.clone());
    let certificate = ServedCertificate::new(chain.clone(), key.der.clone_key(), source.clone())
        .map_err(|unusable| explain(unusable, files, &chain, &lines, &key))?;
    let mut warnings = Vec::new();
    warnings.extend(validity_warning(&certificate, &files.cert, now));
    warnings
        .extend(key.readable_by_others.map(|mode| Warning::KeyReadable { path: files.key.clone(), mode }));
    if certificate.names().is_empty() {
        warnings.push(Warning::NoNames { path: files.cert.clone() });
    }
    let broken = broken_link(&chain).map(|at| lines[at]);
    warnings.extend(broken.map(|line| Warning::BrokenChain { path: files.cert.clone(), line }));
    Ok((certificate, warnings))
}

/// Reads all certificates of a PEM file, for example a bundle of certificate authorities.
///
/// # Errors
/// When the file cannot be read, holds no certificate or a broken one.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<(CertificateDer<'static>, usize)>, FileError> {
    let text = read(path)?;
    let sections = split(path, &text.bytes)?;
    let certificates = sections.iter().filter(|section| section.label == "CERTIFICATE");
    let decoded: Vec<_> =
        certificates.map(|section| decode_certificate(path, section)).collect::<Result<_, _>>()?;
    match decoded.is_empty() {
        false => Ok(decoded),
        true if sections.iter().any(|section| section.label.ends_with("PRIVATE KEY")) => {
            Err(FileError::Swapped { path: path.to_owned() })
        }
        true => Err(FileError::NoCertificate { path: path.to_owned() }),
    }
}

fn decode_certificate(
    path: &Path,
    section: &Section<'_>,
) -> Result<(CertificateDer<'static>, usize), FileError> {
    let line = section.line;
    let der = CertificateDer::from_pem_slice(section.bytes)
        .map_err(|_| FileError::Encoding { path: path.to_owned(), line })?;
    match X509Certificate::from_der(&der) {
        Ok(_) => Ok((der, line)),
        Err(_) => Err(FileError::BadCertificate { path: path.to_owned(), line }),
    }
}

pub(super) fn read_chain(path: &Path) -> Result<(Vec<CertificateDer<'static>>, Vec<usize>), FileError> {
    let certificates = read_certificates(path)?;
    if certificates.len() > CHAIN_CERTIFICATES_MAX {
        return Err(FileError::ChainTooLong { path: path.to_owned(), count: certificates.len() });
    }
    Ok(certificates.into_iter().unzip())
}

/// A private key, where it stands, and the file mode if that is too open. The bytes are wiped when dropped.
pub(super) struct Key {
    pub(super) der: PrivateKeyDer<'static>,
    line: usize,
    readable_by_others: Option<u32>,
}

pub(super) fn read_key(path: &Path) -> Result<Key, FileError> {
    let text = read(path)?;
    let sections = split(path, &text.bytes)?;
    let section = sections
        .iter()
        .find(|section| section.label.ends_with("PRIVATE KEY"))
        .ok_or_else(|| FileError::NoKey { path: path.to_owned() })?;
    let (path, line) = (path.to_owned(), section.line);
    // RFC 1421 section 4.6.1.1 marks keys that OpenSSL encrypted the old way by a header.
    let encrypted_header = section.bytes.windows(10).any(|window| window == b",ENCRYPTED");
    if section.label.starts_with("ENCRYPTED") || encrypted_header {
        return Err(FileError::EncryptedKey { path, line });
    }
    // The decoder's error is dropped: it may quote the line it stumbled over.
    let Ok(der) = PrivateKeyDer::from_pem_slice(section.bytes) else {
        return Err(FileError::Encoding { path, line });
    };
    let readable_by_others = (text.mode & 0o044 != 0).then_some(text.mode & 0o7777);
    Ok(Key { der, line, readable_by_others })
}

struct Text {
    bytes: Secret<Vec<u8>>,
    mode: u32,
}

fn read(path: &Path) -> Result<Text, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    let mut bytes = Vec::new();
    file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(Text { bytes: Secret::new(bytes), mode })
}

fn split<'a>(path: &Path, text: &'a Secret<Vec<u8>>) -> Result<Vec<Section<'a>>, FileError> {
    sections(text.expose())
        .map_err(|unfinished| FileError::Unfinished { path: path.to_owned(), line: unfinished.line })
}

/// Turns what is wrong into where it is wrong.
fn explain(
    unusable: UnusableCertificate,
    files: &CertificateFiles,
    chain: &[CertificateDer<'static>],
    lines: &[usize],
    key: &Key,
) -> FileError {
    let cert = files.cert.clone();
    match unusable {
        UnusableCertificate::Unreadable => FileError::BadCertificate { path: cert, line: lines[0] },
        UnusableCertificate::Key => FileError::BadKey { path: files.key.clone(), line: key.line },
        UnusableCertificate::Mismatch => {
            let belongs = |der: &CertificateDer<'static>| {
                ServedCertificate::new(vec![der.clone()], key.der.clone_key(), Source::Local).is_ok()
            };
            match chain.iter().position(belongs) {
                Some(at) => FileError::ChainOrder { cert, line: lines[at] },
                None => FileError::Mismatch { cert, key: files.key.clone() },
            }
        }
    }
}

fn validity_warning(certificate: &ServedCertificate, cert: &Path, now: Timestamp) -> Option<Warning> {
    let (path, since, until) = (cert.to_owned(), certificate.not_after(), certificate.not_before());
    match Validity::at(now, until, since) {
        Validity::Valid => None,
        Validity::Expired => Some(Warning::Expired { path, since }),
        Validity::NotYet => Some(Warning::NotYetValid { path, until }),
    }
}

/// The position of the first certificate that is not named as issuer by the one before it.
fn broken_link(chain: &[CertificateDer<'static>]) -> Option<usize> {
    let names = |der: &CertificateDer<'static>| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some((certificate.issuer().as_raw().to_vec(), certificate.subject().as_raw().to_vec()))
    };
    let linked = |pair: &[CertificateDer<'static>]| match (names(&pair[0]), names(&pair[1])) {
        (Some((issuer, _)), Some((_, subject))) => issuer == subject,
        _ => false,
    };
    chain.windows(2).position(|pair| !linked(pair)).map(|at| at + 1)
}

#[cfg(test)]
mod tests;
