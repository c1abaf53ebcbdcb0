//! Gabion's own certificate authority, for machines without a public name: demos, development, internal shops.
//!
//! Its root can only vouch for the names it was created for, `localhost` and the loopback addresses, and only
//! for TLS servers: whoever steals its key cannot impersonate the rest of the internet to a machine that trusts
//! it. The issued certificate is kept beside the root, so that a restart shows the one browsers were told to accept.

pub mod constraints;
pub mod install;
pub mod leaf;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gabion_core::{Blame, Clock, Secret, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::certificate::{ServedCertificate, Source, UnusableCertificate, sha256_hex};
use super::folder::{Folder, FolderError};
use super::name::Name;
use super::pem;
use constraints::Permitted;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Life of a root: long, because replacing it means installing it again on every machine.
pub const ROOT_LIFE: Duration = Duration::from_secs(3650 * DAY.as_secs());

/// Life of an issued certificate. Renewed after two thirds of it, see [`leaf::LocalCertificates`].
pub const LEAF_LIFE: Duration = Duration::from_secs(90 * DAY.as_secs());

/// How far validity starts in the past, for clients whose clock is behind.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

/// Names one authority vouches for: each stands in the root, which goes to clients' stores, and in every leaf.
pub const NAMES_MAX: usize = 100;

const ROOT_FILE: &str = "root.crt";
const KEY_FILE: &str = "root.key";
/// The issued certificate and its key in one file, so that they cannot be torn apart.
const LEAF_FILE: &str = "leaf.pem";

/// Age at which an issued certificate is renewed: two thirds of its life, so that a month is left to notice trouble.
pub const RENEWED_AFTER: Duration = Duration::from_secs(LEAF_LIFE.as_secs() / 3 * 2);

/// Why the local authority cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the file concerned and what was found")]
pub enum LocalError {
    /// The folder or a file in it cannot be read or written.
    #[error("{}: the local certificate authority cannot be read or written here", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The root is there, its key is not.
    #[error("{}: the root certificate has no key beside it; restore {KEY_FILE}, or re-create the root and install it again", root.display())]
    KeyMissing { root: PathBuf },
    /// A file of the authority is not what it was written as.
    #[error("{}: damaged; restore it, or re-create the root and install it again", path.display())]
    Damaged { path: PathBuf },
    /// Root and key are not a pair.
    #[error("{}: the key does not belong to {ROOT_FILE}; restore both from one backup, or re-create the root and install it again", key.display())]
    Mismatch { key: PathBuf },
    /// The root was limited to other names.
    #[error("the local root {} may not vouch for {name}: it was created for {permitted}; re-create the root and install it again, or change the names back", root.display())]
    NotCovered { root: PathBuf, name: Name, permitted: Permitted },
    /// The root's ten years are over, or the clock is wrong.
    #[error("the local root {} expired at {since}; check the machine's clock, or re-create the root and install it again", root.display())]
    RootExpired { root: PathBuf, since: Timestamp },
    /// More than [`NAMES_MAX`].
    #[error("{count} names, at most {NAMES_MAX} can have a local certificate")]
    TooManyNames { count: usize },
    /// Certificates need a name.
    #[error("no name to issue a local certificate for")]
    NoNames,
    /// The certificate library refused.
    #[error("a local certificate cannot be made")]
    Library(#[from] rcgen::Error),
    /// What the certificate library made cannot be served.
    #[error("a local certificate cannot be served")]
    Unusable(#[from] UnusableCertificate),
}

impl From<FolderError> for LocalError {
    fn from(FolderError { path, source }: FolderError) -> Self {
        Self::Io { path, source }
    }
}

impl LocalError {
    /// Who has to act.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Library(_) | Self::Unusable(_) => Blame::Bug,
            _ => Blame::Operator,
        }
    }
}

/// The local certificate authority of one data folder.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    root_path: PathBuf,
    root_pem: String,
    common_name: String,
    permitted: Permitted,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Authority {
    /// Opens the authority in `folder`, or creates it there for `names` when there is none. What is created is on
    /// disk, synced, before this returns: the folder with mode 0700, the key with 0600. Safe to call from two
    /// processes at once; one interrupted while creating is completed. Blocks on file access.
    ///
    /// # Errors
    /// When the files cannot be used; a root that does not cover `names` is only noticed by
    /// [`issue`](Self::issue).
    pub fn open_or_create(folder: &Path, names: &[Name], clock: &dyn Clock) -> Result<Self, LocalError> {
        let folder = Folder::locked(folder)?;
        match (folder.read(ROOT_FILE)?, folder.read_key(KEY_FILE)?) {
            (Some(root), Some(key)) => Self::open(&folder, root, &key),
            (Some(_), None) => Err(LocalError::KeyMissing { root: folder.path(ROOT_FILE) }),
            // The key is written first: a root was never completed, and never installed anywhere.
            (None, _) => Self::create(&folder, names, clock.now()),
        }
    }

    /// Creates a new root for `names`, with a new key. The old root stays as `root.crt.old`, so that it can be
    /// uninstalled; its key is gone for good. Every client must install the new root. Blocks on file access.
    ///
    /// # Errors
    /// When the folder cannot be written or `names` are too many.
    pub fn recreate(folder: &Path, names: &[Name], clock: &dyn Clock) -> Result<Self, LocalError> {
        let folder = Folder::locked(folder)?;
        folder.set_aside(ROOT_FILE)?;
        Self::create(&folder, names, clock.now())
    }

    fn create(folder: &Folder, names: &[Name], now: Timestamp) -> Result<Self, LocalError> {
        check_count(names)?;
        let key = KeyPair::generate()?;
        let root = root_params(&key, &Permitted::for_names(names), now).self_signed(&key)?;
        let key = Secret::new(key.serialize_pem());
        folder.write(KEY_FILE, key.expose().as_bytes(), 0o600)?;
        folder.write(ROOT_FILE, root.pem().as_bytes(), 0o644)?;
        Self::open(folder, root.pem(), &key)
    }

    fn open(folder: &Folder, root_pem: String, key: &Secret<String>) -> Result<Self, LocalError> {
        let (root_path, key_path) = (folder.path(ROOT_FILE), folder.path(KEY_FILE));
        let damaged = || LocalError::Damaged { path: root_path.clone() };
        let key =
            KeyPair::from_pem(key.expose()).map_err(|_| LocalError::Damaged { path: key_path.clone() })?;
        let root = CertificateDer::from_pem_slice(root_pem.as_bytes()).map_err(|_| damaged())?;
        let (_, certificate) = X509Certificate::from_der(&root).map_err(|_| damaged())?;
        let public = certificate.public_key().subject_public_key.as_ref();
        if public != key.public_key_raw() {
            return Err(LocalError::Mismatch { key: key_path });
        }
        let common_name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        let (validity, permitted) = (certificate.validity(), Permitted::of(&certificate));
        Ok(Self {
            common_name: common_name.ok_or_else(damaged)?.to_owned(),
            permitted: permitted.ok_or_else(damaged)?,
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
            issuer: Issuer::from_ca_cert_der(&root, key).map_err(|_| damaged())?,
            root_pem,
            root_path,
            root,
        })
    }

    /// Issues a certificate for `names` with a new key, valid from an hour before `now` for [`LEAF_LIFE`], but
    /// not longer than the root.
    ///
    /// # Errors
    /// [`LocalError::NotCovered`] for a name the root may not vouch for, [`LocalError::RootExpired`] when the
    /// root's time is over, and when `names` are none or too many.
    pub fn issue(&self, names: &[Name], now: Timestamp) -> Result<ServedCertificate, LocalError> {
        check_names(names)?;
        let (chain, key) = self.sign(names, now)?;
        Ok(ServedCertificate::new(chain, key.into(), Source::Local)?)
    }

    /// The kept certificate for exactly `names` when there is one that is not due for renewal at `now`; else a new
    /// one, on disk with mode 0600 before this returns. Blocks on file access.
    ///
    /// # Errors
    /// As [`issue`](Self::issue), and when the folder cannot be read or written.
    pub fn current(&self, names: &[Name], now: Timestamp) -> Result<ServedCertificate, LocalError> {
        let folder = self.root_path.parent().expect("the root lies in a folder");
        let folder = Folder::locked(folder)?;
        let kept = folder.read_key(LEAF_FILE)?.and_then(|pem| self.kept(&pem, names, now));
        if let Some(kept) = kept {
            return Ok(kept);
        }
        check_names(names)?;
        let (chain, key) = self.sign(names, now)?;
        let pem = pem::write(&chain, &key);
        folder.write(LEAF_FILE, pem.expose().as_bytes(), 0o600)?;
        Ok(ServedCertificate::new(chain, key.into(), Source::Local)?)
    }

    /// What the leaf file holds, when this root signed it for these names and it is young enough. Anything else is
    /// replaced: nobody but Gabion writes the file.
    fn kept(&self, pem: &Secret<String>, names: &[Name], now: Timestamp) -> Option<ServedCertificate> {
        let kept = pem::read(pem, Source::Local).ok()?;
        let (_, certificate) = X509Certificate::from_der(&kept.chain()[0]).ok()?;
        let (_, root) = X509Certificate::from_der(&self.root).ok()?;
        let ours = certificate.issuer() == root.subject();
        let fresh = kept.not_before() <= now && !is_due(&kept, now);
        (ours && fresh && kept.names() == names).then_some(kept)
    }

    fn sign(
        &self,
        names: &[Name],
        now: Timestamp,
    ) -> Result<(Vec<CertificateDer<'static>>, KeyPair), LocalError> {
        if now >= self.not_after {
            return Err(LocalError::RootExpired { root: self.root_path.clone(), since: self.not_after });
        }
        if let Some(name) = names.iter().find(|name| !self.permitted.covers(name)) {
            let (root, permitted) = (self.root_path.clone(), self.permitted.clone());
            return Err(LocalError::NotCovered { root, name: name.clone(), permitted });
        }
        let key = KeyPair::generate()?;
        let params = self.leaf_params(names, now)?;
        Ok((vec![params.signed_by(&key, &self.issuer)?.into()], key))
    }

    fn leaf_params(&self, names: &[Name], now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::new(names.iter().map(Name::to_string).collect::<Vec<_>>())?;
        params.distinguished_name = common_name("Gabion local certificate");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let start = now.before(BACKDATED).max(self.not_before);
        set_validity(&mut params, start, now.after(LEAF_LIFE).min(self.not_after));
        Ok(params)
    }

    /// The root certificate as PEM: what clients install. Contains no secret.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root certificate as DER.
    pub fn root_der(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// Where the root certificate lies.
    pub fn root_path(&self) -> &Path {
        &self.root_path
    }

    /// The root's name as certificate stores list it; different for every root.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// What the root may vouch for.
    pub fn permitted(&self) -> &Permitted {
        &self.permitted
    }

    /// The last moment of the root's validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

/// Whether a certificate of the local authority is old enough to be renewed, or not valid at `now` because the clock
/// was set.
fn is_due(certificate: &ServedCertificate, now: Timestamp) -> bool {
    let issued_at = certificate.not_before().after(BACKDATED);
    now.since(issued_at) >= RENEWED_AFTER || now < certificate.not_before() || now > certificate.not_after()
}

fn check_names(names: &[Name]) -> Result<(), LocalError> {
    check_count(names)?;
    if names.is_empty() { Err(LocalError::NoNames) } else { Ok(()) }
}

fn check_count(names: &[Name]) -> Result<(), LocalError> {
    match names.len() {
        count if count > NAMES_MAX => Err(LocalError::TooManyNames { count }),
        _ => Ok(()),
    }
}

fn root_params(key: &KeyPair, permitted: &Permitted, now: Timestamp) -> CertificateParams {
    // Eight digits of the key's hash keep roots apart in stores that list them by name.
    let id = sha256_hex(key.public_key_raw());
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(&format!("Gabion local CA {}", &id[..8]));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.name_constraints = Some(permitted.to_extension());
    set_validity(&mut params, now.before(BACKDATED), now.after(ROOT_LIFE));
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Sets the validity of a certificate to be made, to the second, between 1970 and 9999.
pub(super) fn set_validity(params: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    /// 9999-12-31T23:59:59Z, the last moment of RFC 5280 section 4.1.2.5.
    const END_OF_TIME: u64 = 253_402_300_799;
    let since_epoch =
        |at: Timestamp| Duration::from_secs(u64::try_from(at.seconds()).unwrap_or(0).min(END_OF_TIME));
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(from);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(until);
}

#[cfg(test)]
mod tests;
