//! Where the served certificates come from, and the task that keeps them current.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::{Clock, Timestamp};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::TlsError;
use super::certificate::ServedCertificate;
use super::config::TlsMode;
use super::files::watch::FileCertificates;
use super::files::{FileError, Warning};
use super::local::leaf::LocalCertificates;
use super::local::{Authority, LocalError};
use super::name::Name;
use super::store::CertificateStore;

/// Certificates of one configuration.
#[derive(Debug)]
pub enum CertificateSource {
    /// Read from files, loaded again when they are replaced.
    Files(FileCertificates),
    /// Issued by the local authority, renewed in time.
    Local(Box<LocalCertificates>),
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
}

impl CertificateEvent {
    fn refused(error: &dyn std::error::Error) -> Self {
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
                let names: Vec<String> = certificate.names().iter().map(Name::to_string).collect();
                let (names, end) = (names.join(", "), certificate.not_after());
                write!(f, "new certificate for {names}, valid until {end}")?;
                warnings.iter().try_for_each(|warning| write!(f, "; {warning}"))
            }
            Self::Refused { reason } => write!(f, "new certificate refused, the old one stays: {reason}"),
        }
    }
}

impl CertificateSource {
    /// Reads the files of `mode`, or opens the local authority in `authority_folder` (created when missing) and
    /// issues a certificate for `names`. Blocks on file access. When a reload of the configuration changed mode,
    /// files or names: open a new source, [`CertificateStore::replace`] the certificates, stop the old task.
    ///
    /// # Errors
    /// When any certificate cannot be served; nothing has changed then, except that a missing authority may have
    /// been created.
    pub fn open(
        mode: &TlsMode,
        authority_folder: &Path,
        names: &[Name],
        clock: &dyn Clock,
    ) -> Result<(Self, Vec<Warning>), TlsError> {
        match mode {
            TlsMode::Files(files) => {
                let (files, warnings) = FileCertificates::open(files, clock.now())?;
                Ok((Self::Files(files), warnings))
            }
            TlsMode::Local => {
                let authority = Authority::open_or_create(authority_folder, names, clock)?;
                let local = LocalCertificates::new(authority, names, clock.now())?;
                Ok((Self::Local(Box::new(local)), Vec::new()))
            }
        }
    }

    /// The current certificates, the default first; never empty for a checked [`TlsMode`].
    pub fn certificates(&self) -> Vec<ServedCertificate> {
        match self {
            Self::Files(files) => files.certificates(),
            Self::Local(local) => vec![local.certificate().clone()],
        }
    }

    fn look(&mut self, now: Timestamp) -> Vec<CertificateEvent> {
        match self {
            Self::Files(files) => files.look(now),
            Self::Local(local) => local.look(now).into_iter().collect(),
        }
    }

    /// Looks for what changed or is due and serves it through `store`. Every event is logged and returned.
    /// Blocks on file access.
    pub fn refresh(&mut self, store: &CertificateStore, now: Timestamp) -> Vec<CertificateEvent> {
        let events = self.look(now);
        let loaded = |event: &CertificateEvent| matches!(event, CertificateEvent::Loaded { .. });
        if events.iter().any(loaded) {
            store.replace(self.certificates()).expect("a source that loaded a certificate has one");
        }
        events.iter().for_each(log);
        events
    }

    /// Refreshes `store` every `every` until `stop`, and tells `report` every event.
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
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let (store, now) = (store.clone(), clock.now());
            let looked = spawn_blocking(move || {
                let events = self.refresh(&store, now);
                (self, events)
            });
            let events;
            (self, events) = looked.await.expect("reading certificates does not panic");
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
    use crate::tls::testing::{At, Ca, Folder, NOW};
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn a_replaced_pair_is_served_and_reported_until_the_task_is_stopped() {
        let (folder, ca) = (Folder::new(), Ca::new());
        let files = folder.write_pair(&ca.pair(&["shop.example"]));
        let mode = TlsMode::Files(vec![files]);
        let (source, _) = CertificateSource::open(&mode, &folder.path("ca"), &[], &At(NOW)).unwrap();
        let store = CertificateStore::new(source.certificates()).unwrap();
        folder.write_pair(&ca.pair(&["new.example"]));

        let (sender, mut events) = mpsc::unbounded_channel();
        let report = move |event| sender.send(event).expect("the test listens");
        let (stop, every) = (CancellationToken::new(), Duration::from_millis(1));
        let task = source.keep_current(store.clone(), every, Arc::new(At(NOW)), report, stop.clone());
        let task = tokio::spawn(task);
        let event = events.recv().await.unwrap();
        assert!(event.to_string().starts_with("new certificate for new.example, valid until "), "{event}");
        assert_eq!(store.certificates()[0].names()[0].to_string(), "new.example");
        stop.cancel();
        task.await.unwrap();
    }

    #[test]
    fn the_local_mode_serves_the_configured_names() {
        let folder = Folder::new();
        let names = ["shop.localhost".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let open =
            || CertificateSource::open(&TlsMode::Local, &folder.path("ca"), &names, &At(NOW)).unwrap().0;
        let mut source = open();
        assert_eq!(source.certificates()[0].names(), names);
        let store = CertificateStore::new(source.certificates()).unwrap();
        assert!(source.refresh(&store, NOW).is_empty());
        let later = NOW.after(Duration::from_secs(70 * 24 * 60 * 60));
        assert_eq!(source.refresh(&store, later).len(), 1);
        assert_eq!(store.certificates()[0].chain(), source.certificates()[0].chain());
    }
}
