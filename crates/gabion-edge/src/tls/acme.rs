//! Certificates from an ACME server (RFC 8555): ordered, kept on disk, renewed in time.
//!
//! What was once issued is served from the start, whether or not the server can be reached; where nothing was issued
//! yet, a stand-in is served until the first certificate arrives. A renewal is planned by what the server suggests
//! (RFC 9773) or else at two thirds of the life, and repeated with growing pauses when it fails. The old certificate
//! goes on serving meanwhile. Keys never leave the folder, which only its owner can read.

mod account;
pub(crate) mod challenge;
mod client;
pub mod config;
mod order;
mod plan;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::blame::chain;
use gabion_core::limits::cut;
use gabion_core::{Secret, Timestamp};
use instant_acme::CertificateIdentifier;
use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::certificate::{ServedCertificate, Source, UnusableCertificate};
use super::folder::{Folder, FolderError};
use super::source::{CertificateEvent, SourceDeps};
use super::store::Renewal;
use super::upstream::{UpstreamTlsError, client_config};
use super::{Name, pem};
use account::Binding;
pub use challenge::{ACME_TLS, Challenges};
use client::Http;
pub use config::{AcmeMode, AcmeSection, ChallengeKind, InvalidAcme};
use order::Wanted;
use plan::{Due, Pause, Plan};

/// How often it is looked whether something is due.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Time for one order from beginning to end.
const ORDER_TIMEOUT: Duration = Duration::from_secs(300);

/// Life of a stand-in. It is made anew at every start.
const STAND_IN_LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Bytes of a server's explanation that are shown.
const DETAIL_BYTES_SHOWN: usize = 300;

/// Why there is no new certificate.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what was concerned and what the server said")]
pub enum AcmeError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The account file is not what it was written as.
    #[error("{}: damaged; restore it, or remove it and a new account is made", path.display())]
    DamagedAccount { path: PathBuf },
    /// The HMAC key cannot be used.
    #[error("{}: {reason}", path.display())]
    HmacKey { path: PathBuf, reason: &'static str },
    /// `tls.acme.ca` cannot be used.
    #[error(transparent)]
    Ca(#[from] UpstreamTlsError),
    /// No answer.
    #[error("the ACME server cannot be reached")]
    Unreachable { source: Box<dyn std::error::Error + Send + Sync>, retry_at: Option<Timestamp> },
    /// An answer that is none, or that it cannot answer now.
    #[error("the ACME server does not answer as it should: {detail}")]
    Unexpected { detail: String, retry_at: Option<Timestamp> },
    /// An order took too long.
    #[error("the ACME server did not finish in time")]
    Slow,
    /// A rate limit.
    #[error("the ACME server asks to wait: {detail}")]
    RateLimited { detail: String, retry_at: Option<Timestamp> },
    /// The account was removed at the server.
    #[error("the ACME server does not know the account any more; a new one is made at the next try")]
    AccountGone,
    /// Another order has replaced the certificate.
    #[error("the ACME server says that the certificate was replaced already")]
    AlreadyReplaced,
    /// Any other refusal.
    #[error("the ACME server refuses: {detail}")]
    Refused { detail: String },
    /// The server does not know this way of proving the name.
    #[error("the ACME server offers no {} for {name}", kind.as_str())]
    NotOffered { name: String, kind: ChallengeKind },
    /// The server looked and did not find the answer.
    #[error("{name} could not be verified by {}: {detail}; {}", kind.as_str(), hint(*kind))]
    NotProved { name: String, kind: ChallengeKind, detail: String },
    /// The certificate is not the one that was ordered.
    #[error("the ACME server issued a certificate that does not fit: {reason}")]
    Useless { reason: String },
    /// The certificate library refused.
    #[error("a key or request cannot be made")]
    Library(#[from] rcgen::Error),
    /// What came or was made cannot be served.
    #[error("a certificate cannot be served")]
    Unusable(#[from] UnusableCertificate),
}

/// What a challenge needs from outside.
const fn hint(kind: ChallengeKind) -> &'static str {
    match kind {
        ChallengeKind::Http01 => "port 80 of that name must lead to Gabion from everywhere",
        ChallengeKind::TlsAlpn01 => {
            "port 443 of that name must lead to Gabion, with nothing in between that ends TLS"
        }
    }
}

impl AcmeError {
    fn from_library(error: instant_acme::Error, http: &Http) -> Self {
        use instant_acme::Error;
        let retry_at = http.retry_at();
        match error {
            Error::Api(problem) => {
                let kind = problem.r#type.as_deref().unwrap_or_default();
                let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
                let detail = cut(&problem.to_string(), DETAIL_BYTES_SHOWN).into_owned();
                match kind {
                    "rateLimited" => Self::RateLimited { detail, retry_at },
                    "accountDoesNotExist" => Self::AccountGone,
                    "alreadyReplaced" => Self::AlreadyReplaced,
                    "serverInternal" | "badNonce" => Self::Unexpected { detail, retry_at },
                    _ => Self::Refused { detail },
                }
            }
            Error::Other(source) => Self::Unreachable { source, retry_at },
            Error::Timeout(_) => Self::Slow,
            Error::Unsupported(what) => Self::Refused { detail: format!("it does not support {what}") },
            error => Self::Unexpected { detail: error.to_string(), retry_at },
        }
    }

    const fn pause(&self) -> Pause {
        match self {
            Self::Unreachable { .. }
            | Self::Unexpected { .. }
            | Self::Slow
            | Self::AccountGone
            | Self::AlreadyReplaced
            | Self::Folder(_) => Pause::Short,
            _ => Pause::Long,
        }
    }

    const fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::Unreachable { retry_at, .. }
            | Self::Unexpected { retry_at, .. }
            | Self::RateLimited { retry_at, .. } => *retry_at,
            _ => None,
        }
    }
}

/// The certificates of one ACME account.
pub struct AcmeCertificates {
    mode: AcmeMode,
    folder: PathBuf,
    binding: Option<Binding>,
    tls: Arc<ClientConfig>,
    deps: SourceDeps,
    groups: Vec<Group>,
}

/// One certificate and what is planned for it.
struct Group {
    names: Vec<Name>,
    /// The certificate; or stand-ins until it arrives.
    served: Vec<ServedCertificate>,
    plan: Plan,
    kind: ChallengeKind,
    last_error: Option<String>,
}

impl std::fmt::Debug for AcmeCertificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AcmeCertificates").field("directory", &self.mode.directory).finish_non_exhaustive()
    }
}

impl AcmeCertificates {
    /// Takes what the server gave before out of the folder. A group of names without a certificate is served by those
    /// of `serving` that stand for some of its names, else by a self-signed one. The server is not asked yet. Blocks
    /// on file access.
    ///
    /// # Errors
    /// When the folder, the HMAC key or the server's root cannot be read.
    pub fn open(
        mode: &AcmeMode,
        serving: &[ServedCertificate],
        deps: &SourceDeps,
    ) -> Result<Self, AcmeError> {
        let folder = deps.data.join("acme").join(folder_name(&mode.directory));
        let now = deps.clock.now();
        let mut known = kept(&Folder::locked(&folder)?, &Source::Acme(mode.host()))?;
        known.retain(|certificate| now <= certificate.not_after());
        known.extend(serving.iter().filter(|one| *one.source() != Source::SelfSigned).cloned());
        let groups = mode.groups.iter().map(|names| Group::open(names, mode, &known, now));
        Ok(Self {
            groups: groups.collect::<Result<_, _>>()?,
            binding: mode.eab.as_ref().map(Binding::read).transpose()?,
            tls: client_config(mode.ca.as_deref(), &[b"http/1.1"])?,
            mode: mode.clone(),
            deps: deps.clone(),
            folder,
        })
    }

    /// What is served, the default first.
    pub fn certificates(&self) -> Vec<ServedCertificate> {
        self.groups.iter().flat_map(|group| group.served.clone()).collect()
    }

    /// What is planned for each certificate, by its SHA-256.
    pub(super) fn renewals(&self) -> HashMap<String, Renewal> {
        let planned = |group: &Group| {
            let renewal = Renewal { next: Some(group.plan.next()), last_error: group.last_error.clone() };
            let served = group.served.iter().map(|one| one.sha256().to_owned());
            served.map(|sha256| (sha256, renewal.clone())).collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(planned).collect()
    }

    /// Does the first thing that is due: one order, or one question to the server. Takes as long as the server does,
    /// minutes at most. A reason for failure is told when it is not the one of the try before.
    pub(super) async fn look(&mut self, now: Timestamp) -> Vec<CertificateEvent> {
        let mut due =
            self.groups.iter().enumerate().filter_map(|(at, group)| Some((at, group.plan.due(now)?)));
        match due.next() {
            None => Vec::new(),
            Some((at, Due::Ask)) => {
                self.ask(at, now).await;
                Vec::new()
            }
            Some((at, Due::Order)) => self.order(at, now).await.into_iter().collect(),
        }
    }

    /// Asks the server when the certificate should be renewed. RFC 9773.
    async fn ask(&mut self, at: usize, now: Timestamp) {
        let suggested = async {
            let http = self.http();
            let account = account::open(&self.folder, &self.mode, self.binding.as_ref(), &http).await?;
            let id = identifier(&self.groups[at].served[0])?;
            account.renewal_info(&id).await.map_err(|error| AcmeError::from_library(error, &http))
        };
        let suggested = suggested.await;
        let plan = &mut self.groups[at].plan;
        match suggested {
            Ok((info, again)) => {
                let moment = |at: i64| Timestamp::from_seconds(at);
                let window = &info.suggested_window;
                let window = (moment(window.start.unix_timestamp()), moment(window.end.unix_timestamp()));
                plan.suggest(window, again, now, self.deps.entropy.as_ref());
            }
            Err(error) => {
                tracing::debug!(error = chain(&error), "No suggestion when to renew");
                plan.not_suggested(now);
            }
        }
    }

    /// Orders a certificate and serves it, or plans the next try.
    async fn order(&mut self, at: usize, now: Timestamp) -> Option<CertificateEvent> {
        let obtained = tokio::time::timeout(ORDER_TIMEOUT, self.obtain(at));
        let obtained = obtained.await.unwrap_or(Err(AcmeError::Slow));
        let group = &mut self.groups[at];
        match obtained {
            Ok(certificate) => {
                group.plan = Plan::of(&certificate, now);
                group.last_error = None;
                group.served = vec![certificate.clone()];
                Some(CertificateEvent::Loaded { certificate, warnings: Vec::new() })
            }
            Err(error) => {
                group.fail(&error, self.mode.challenge, now, &self.deps);
                let reason = chain(&error);
                let new = group.last_error.as_ref() != Some(&reason);
                group.last_error = Some(reason.clone());
                new.then_some(CertificateEvent::Refused { reason })
            }
        }
    }

    async fn obtain(&self, at: usize) -> Result<ServedCertificate, AcmeError> {
        let group = &self.groups[at];
        let http = self.http();
        let account = account::open(&self.folder, &self.mode, self.binding.as_ref(), &http).await?;
        let replaces = group.plan.is_suggested().then(|| identifier(&group.served[0])).transpose()?;
        let profile = self.mode.profile.as_deref();
        let wanted = Wanted { names: &group.names, kind: group.kind, profile, replaces };
        let obtained = order::obtain(&account, &http, wanted, &self.deps.challenges).await;
        if matches!(obtained, Err(AcmeError::AccountGone)) {
            account::forget(&self.folder)?;
        }
        let (chain, key) = obtained?;
        self.keep(&group.names, &chain, &key)
    }

    /// Checks what came and puts it on disk before it is served.
    fn keep(&self, names: &[Name], chain: &str, key: &KeyPair) -> Result<ServedCertificate, AcmeError> {
        let useless = |reason: String| AcmeError::Useless { reason };
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| useless("it is no PEM".to_owned()))?;
        let text = pem::write(&chain, key);
        let certificate = pem::read(&text, Source::Acme(self.mode.host()))?;
        if let Some(missing) = names.iter().find(|name| !certificate.names().contains(name)) {
            return Err(useless(format!("{missing} is not in it")));
        }
        if self.deps.clock.now() > certificate.not_after() {
            return Err(useless("it is over already; check the machine's clock".to_owned()));
        }
        Folder::locked(&self.folder)?.write(&file_name(&names[0]), text.expose().as_bytes(), 0o600)?;
        Ok(certificate)
    }

    fn http(&self) -> Http {
        Http::new(Arc::clone(&self.tls), Arc::clone(&self.deps.clock))
    }
}

impl Group {
    fn open(
        names: &[Name],
        mode: &AcmeMode,
        known: &[ServedCertificate],
        now: Timestamp,
    ) -> Result<Self, AcmeError> {
        let ours = Source::Acme(mode.host());
        let same = |one: &&ServedCertificate| *one.source() == ours && same_names(one.names(), names);
        let newest = known.iter().filter(same).max_by_key(|one| one.not_after());
        let (served, plan) = match newest {
            Some(kept) => (vec![kept.clone()], Plan::of(kept, now)),
            None => (stand_ins(names, known, now)?, Plan::at_once(now)),
        };
        let kind = mode.challenge.unwrap_or(ChallengeKind::Http01);
        Ok(Self { names: names.to_vec(), served, plan, kind, last_error: None })
    }

    fn fail(&mut self, error: &AcmeError, fixed: Option<ChallengeKind>, now: Timestamp, deps: &SourceDeps) {
        if matches!(error, AcmeError::AlreadyReplaced) {
            self.plan.forget_suggestion();
        }
        let unproved = matches!(error, AcmeError::NotProved { .. } | AcmeError::NotOffered { .. });
        if unproved && fixed.is_none() {
            self.kind = self.kind.other();
        }
        self.plan.fail(error.pause(), error.retry_at(), now, deps.entropy.as_ref());
    }
}

fn same_names(one: &[Name], other: &[Name]) -> bool {
    one.len() == other.len() && one.iter().all(|name| other.contains(name))
}

/// What is shown until the certificate for `names` arrives: every known certificate with one of the names, so that a
/// name that worked goes on working; else one that nobody trusts, so that Gabion can start and proxy.
fn stand_ins(
    names: &[Name],
    known: &[ServedCertificate],
    now: Timestamp,
) -> Result<Vec<ServedCertificate>, AcmeError> {
    let stands = |one: &&ServedCertificate| one.names().iter().any(|name| names.contains(name));
    let found: Vec<_> = known.iter().filter(stands).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.iter().map(Name::to_string).collect::<Vec<_>>())?;
    super::local::set_validity(&mut params, now.before(Duration::from_secs(3600)), now.after(STAND_IN_LIFE));
    let chain = vec![params.self_signed(&key)?.into()];
    Ok(vec![ServedCertificate::new(chain, key.into(), Source::SelfSigned)?])
}

/// How the server calls the certificate. RFC 9773 section 4.1.
fn identifier(certificate: &ServedCertificate) -> Result<CertificateIdentifier<'static>, AcmeError> {
    let id = CertificateIdentifier::try_from(&certificate.chain()[0]);
    id.map(CertificateIdentifier::into_owned)
        .map_err(|reason| AcmeError::Useless { reason: reason.to_string() })
}

/// The certificates of a folder. A file that cannot be read is reported and ordered again.
fn kept(folder: &Folder, source: &Source) -> Result<Vec<ServedCertificate>, AcmeError> {
    let mut all = Vec::new();
    for name in folder.names()?.iter().filter(|name| name.ends_with(".pem")) {
        let Some(text) = folder.read_key(name)? else { continue };
        match pem::read(&Secret::new(text.expose().clone()), source.clone()) {
            Ok(certificate) => all.push(certificate),
            Err(error) => {
                let path = folder.path(name);
                tracing::warn!(%error, path = %path.display(), "{} cannot be used: {error}", path.display());
            }
        }
    }
    Ok(all)
}

/// The file of the certificate whose first name is `name`.
fn file_name(name: &Name) -> String {
    format!("{name}.pem")
}

/// The folder of a directory: its URL without the scheme, in letters that every file system knows. The account and
/// the certificates of staging and production never mix.
fn folder_name(directory: &str) -> String {
    let bare = directory.strip_prefix("https://").unwrap_or(directory);
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let name: String = bare.chars().map(plain).collect();
    name.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests;
