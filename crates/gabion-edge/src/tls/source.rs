//! Where the served certificates come from, and the task that keeps them current.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::{Clock, Entropy, Timestamp};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::TlsError;
use super::acme::{AcmeCertificates, Challenges};
use super::certificate::ServedCertificate;
use super::config::TlsMode;
use super::files::watch::FileCertificates;
use super::files::{FileError, Warning};
use super::local::leaf::LocalCertificates;
use super::local::{Authority, LocalError};
use super::name::Name;
use super::store::{CertificateStore, Renewal};

/// What a source needs from outside.
#[derive(Clone)]
pub struct SourceDeps {
    /// The data folder: the local authority is in `ca`, what ACME servers gave in `acme`.
    pub data: PathBuf,
    /// Judges validity and says when something is due.
    pub clock: Arc<dyn Clock>,
    /// Spreads renewals and repeated attempts.
    pub entropy: Arc<dyn Entropy>,
    /// Where answers to an ACME server's challenges wait to be asked for.
    pub challenges: Challenges,
}

/// Certificates of one configuration.
#[derive(Debug)]
pub enum CertificateSource {
    /// Read from files, loaded again when they are replaced.
    Files(FileCertificates),
    /// Issued by the local authority, renewed in time.
    Local(Box<LocalCertificates>),
    /// Ordered from an ACME server, renewed in time.
    Acme(Box<AcmeCertificates>),
}

/// Something happened to the served certificates after the start.
#[derive(Clone, Debug)]
pub enum CertificateEvent {
    /// A new certificate is served.
    Loaded {
        /// The new certificate.
        certificate: ServedCertificate,
        /// What deserves a look but is served nevertheless.
        warnings: Vec<Warning>,
    },
    /// A new certificate cannot be used. The old one is served on.
    Refused {
        /// What is wrong and what to do; contains no secret.
        reason: String,
    },
    /// A served certificate has come near its end.
    Expiring {
        /// The certificate.
        certificate: ServedCertificate,
        /// Days left at most; 0 when it is over. One of [`NOTICE_DAYS`](super::expiry::NOTICE_DAYS).
        days: u32,
    },
}

impl CertificateEvent {
    pub(super) fn refused(error: &dyn std::error::Error) -> Self {
        let cause = error.source().map(|source| format!(" ({source})")).unwrap_or_default();
        Self::Refused { reason: format!("{error}{cause}") }
    }
}

impl From<FileError> for CertificateEvent {
    fn from(error: FileError) -> Self {
        Self::refused(&error)
    }
}

impl From<LocalError> for CertificateEvent {
    fn from(error: LocalError) -> Self {
        Self::refused(&error)
    }
}

impl fmt::Display for CertificateEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded { certificate, warnings } => {
                let (names, end) = (listed(certificate), certificate.not_after());
                write!(f, "new certificate for {names}, valid until {end}")?;
                warnings.iter().try_for_each(|warning| write!(f, "; {warning}"))
            }
            Self::Refused { reason } => write!(f, "new certificate refused, the old one stays: {reason}"),
            Self::Expiring { certificate, days: 0 } => {
                let (names, end) = (listed(certificate), certificate.not_after());
                write!(f, "the certificate for {names} expired at {end}; browsers refuse it")
            }
            Self::Expiring { certificate, .. } => {
                let (names, end) = (listed(certificate), certificate.not_after());
                write!(f, "the certificate for {names} expires at {end} and was not renewed yet")
            }
        }
    }
}

fn listed(certificate: &ServedCertificate) -> String {
    certificate.names().iter().map(Name::to_string).collect::<Vec<_>>().join(", ")
}

impl CertificateSource {
    /// Reads the files of `mode`, or opens the local authority (created when missing) and takes or issues a
    /// certificate for `names`, or takes what an ACME server gave before. A name without a certificate from there is
    /// served by one of `serving`, the certificates served until now, or by a self-signed one, until the first
    /// arrives; no ACME server is asked yet. Blocks on file access. When a reload of the configuration changed mode,
    /// files or names: open a new source, [`CertificateStore::replace`] the certificates, stop the old task.
    ///
    /// # Errors
    /// When any certificate cannot be served; nothing has changed then, except that a missing authority may have
    /// been created.
    pub fn open(
        mode: &TlsMode,
        names: &[Name],
        serving: &[ServedCertificate],
        deps: &SourceDeps,
    ) -> Result<(Self, Vec<Warning>), TlsError> {
        let now = deps.clock.now();
        match mode {
            TlsMode::Files(files) => {
                let (files, warnings) = FileCertificates::open(files, now)?;
                Ok((Self::Files(files), warnings))
            }
            TlsMode::Local => {
                let authority = Authority::open_or_create(&deps.data.join("ca"), names, deps.clock.as_ref())?;
                let local = LocalCertificates::new(authority, names, now)?;
                Ok((Self::Local(Box::new(local)), Vec::new()))
            }
            TlsMode::Acme(acme) => {
                let acme = AcmeCertificates::open(acme, serving, deps)?;
                Ok((Self::Acme(Box::new(acme)), Vec::new()))
            }
        }
    }

    /// The current certificates, the default first; never empty for a checked [`TlsMode`].
    pub fn certificates(&self) -> Vec<ServedCertificate> {
        match self {
            Self::Files(files) => files.certificates(),
            Self::Local(local) => vec![local.certificate().clone()],
            Self::Acme(acme) => acme.certificates(),
        }
    }

    /// When each certificate is renewed, by its SHA-256.
    fn renewals(&self) -> HashMap<String, Renewal> {
        match self {
            Self::Files(_) => HashMap::new(),
            Self::Local(local) => {
                let renewal = Renewal { next: Some(local.renewal()), last_error: None };
                HashMap::from([(local.certificate().sha256().to_owned(), renewal)])
            }
            Self::Acme(acme) => acme.renewals(),
        }
    }

    /// Looks for what changed or is due and serves it through `store`; tells what happened, also that a served
    /// certificate comes to its end. Files are read beside the other tasks; an ACME server may take minutes.
    async fn refresh(self, store: &CertificateStore, now: Timestamp) -> (Self, Vec<CertificateEvent>) {
        let looked = |mut files: Self, events: fn(&mut Self, Timestamp) -> Vec<CertificateEvent>| {
            spawn_blocking(move || {
                let events = events(&mut files, now);
                (files, events)
            })
        };
        let (source, mut events) = match self {
            Self::Acme(mut acme) => {
                let events = Box::pin(acme.look(now)).await;
                (Self::Acme(acme), events)
            }
            files => looked(files, Self::look).await.expect("reading certificates does not panic"),
        };
        if events.iter().any(|event| matches!(event, CertificateEvent::Loaded { .. })) {
            store.replace(source.certificates()).expect("a source that loaded a certificate has one");
        }
        store.set_renewals(source.renewals());
        events.extend(store.expiring(now));
        (source, events)
    }

    /// The look of a source that only touches files.
    fn look(&mut self, now: Timestamp) -> Vec<CertificateEvent> {
        match self {
            Self::Files(files) => files.look(now),
            Self::Local(local) => local.look(now).into_iter().collect(),
            Self::Acme(_) => Vec::new(),
        }
    }

    /// Refreshes `store` every `every` until `stop`; logs every event and tells it to `report`.
    pub async fn keep_current(
        mut self,
        store: CertificateStore,
        every: Duration,
        clock: Arc<dyn Clock>,
        report: impl Fn(CertificateEvent) + Send,
        stop: CancellationToken,
    ) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let refreshed = stop.run_until_cancelled(self.refresh(&store, clock.now())).await;
            let Some((source, events)) = refreshed else { return };
            self = source;
            events.iter().for_each(log);
            events.into_iter().for_each(&report);
        }
    }
}

fn log(event: &CertificateEvent) {
    match event {
        CertificateEvent::Loaded { warnings, .. } if warnings.is_empty() => info!("{event}"),
        _ => warn!("{event}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::{At, Ca, DAY, Folder, NOW, deps};
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn a_replaced_pair_is_served_and_reported_until_the_task_is_stopped() {
        let (folder, ca) = (Folder::new(), Ca::new());
        let files = folder.write_pair(&ca.pair(&["shop.example"]));
        let mode = TlsMode::Files(vec![files]);
        let (source, _) = CertificateSource::open(&mode, &[], &[], &deps(&folder)).unwrap();
        let store = CertificateStore::new(source.certificates()).unwrap();
        folder.write_pair(&ca.pair_until(&["new.example"], NOW.after(DAY * 2)));

        let (sender, mut events) = mpsc::unbounded_channel();
        let report = move |event| sender.send(event).expect("the test listens");
        let (stop, every) = (CancellationToken::new(), Duration::from_millis(1));
        let task = source.keep_current(store.clone(), every, Arc::new(At(NOW)), report, stop.clone());
        let task = tokio::spawn(task);
        let event = events.recv().await.unwrap();
        assert!(event.to_string().starts_with("new certificate for new.example, valid until "), "{event}");
        assert_eq!(store.certificates()[0].names()[0].to_string(), "new.example");
        let event = events.recv().await.unwrap();
        assert!(event.to_string().starts_with("the certificate for new.example expires at "), "{event}");
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test]
    async fn the_local_mode_serves_the_configured_names_and_says_when_it_renews() {
        let folder = Folder::new();
        let names = ["shop.localhost".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let open = || CertificateSource::open(&TlsMode::Local, &names, &[], &deps(&folder)).unwrap().0;
        let source = open();
        assert_eq!(source.certificates()[0].names(), names);
        let store = CertificateStore::new(source.certificates()).unwrap();
        let (source, events) = source.refresh(&store, NOW).await;
        assert_eq!(events.len(), 0);
        let next = store.renewal(store.certificates()[0].sha256()).next;
        assert_eq!(next, Some(NOW.after(DAY * 60)));
        let (source, events) = source.refresh(&store, NOW.after(DAY * 70)).await;
        assert_eq!(events.len(), 1);
        assert_eq!(store.certificates()[0].chain(), source.certificates()[0].chain());
    }
}
