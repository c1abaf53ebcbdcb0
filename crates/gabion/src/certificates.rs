//! The certificates of the public listeners and of the control plane, kept current.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gabion_core::{Actor, Clock, Entropy, Event, EventId, Timestamp};
use gabion_edge::EventSink;
use gabion_edge::event::{CERTIFICATE_CHANGED, CERTIFICATE_REFUSED};
use gabion_edge::tls::{
    CertificateEvent, CertificateInfo, CertificateSource, CertificateStore, Name, TlsError, TlsMode,
    TlsSettings, inventory, server_config,
};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Names the control plane always answers to.
pub(crate) const CONTROL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What certificates need from outside.
#[derive(Clone)]
pub(crate) struct Deps {
    /// Judges validity.
    pub(crate) clock: Arc<dyn Clock>,
    /// Event ids.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Where changes are told.
    pub(crate) events: Arc<dyn EventSink>,
}

/// The certificates of one installation.
pub(crate) struct Certificates {
    deps: Deps,
    public: Kept,
    control: Kept,
    // Changed by `reload` only.
    settings: Mutex<TlsSettings>,
}

/// One store and the task that keeps it current.
struct Kept {
    store: CertificateStore,
    stop: Mutex<CancellationToken>,
}

/// What one listener shows.
struct Wanted {
    mode: TlsMode,
    folder: PathBuf,
    names: Vec<Name>,
}

impl Wanted {
    /// The control plane's own: always from the local authority, which in local mode also serves the sites.
    fn both(config: &Config) -> (Self, Self) {
        let folder = config.data_folder().join("ca");
        let control = || CONTROL_NAMES.iter().map(|name| name.parse().expect("our own names are good"));
        let sites = config.names().expect("names were checked with the configuration");
        let mode = config.tls_mode();
        let mut all: Vec<Name> = sites.clone();
        all.extend(control().filter(|name| !sites.contains(name)));
        let names = if mode == TlsMode::Local { all } else { control().collect() };
        let public = Self { mode, folder: folder.clone(), names: names.clone() };
        (public, Self { mode: TlsMode::Local, folder, names })
    }
}

impl Certificates {
    /// Opens the certificates of a configuration. Blocks on files.
    ///
    /// # Errors
    /// When a certificate cannot be served: which file, and what to do.
    pub(crate) fn open(config: &Config, deps: Deps) -> Result<Self, TlsError> {
        let (public, control) = Wanted::both(config);
        let settings = config.sections.tls.clone();
        Ok(Self {
            public: Kept::open(&public, &settings, &deps)?,
            control: Kept::open(&control, &settings, &deps)?,
            settings: Mutex::new(settings),
            deps,
        })
    }

    /// TLS of the public listeners.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub(crate) fn public_tls(&self) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        server_config(&self.public.store, &self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// TLS of the control plane.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub(crate) fn control_tls(&self) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        server_config(&self.control.store, &TlsSettings::default())
    }

    /// Takes over a new configuration. Open connections keep what they have. Returns a new TLS configuration for the
    /// public listeners when the settings changed; resumable sessions end with the old one.
    ///
    /// # Errors
    /// As [`Certificates::open`]; the old certificates stay.
    pub(crate) fn reload(&self, config: &Config) -> Result<Option<Arc<rustls::ServerConfig>>, TlsError> {
        let (public, control) = Wanted::both(config);
        let new = config.sections.tls.clone();
        self.public.reload(&public, &new, &self.deps)?;
        self.control.reload(&control, &new, &self.deps)?;
        let changed = {
            let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = settings.min_version != new.min_version;
            *settings = new;
            changed
        };
        changed.then(|| self.public_tls()).transpose()
    }

    /// What the public listeners serve now.
    pub(crate) fn inventory(&self, now: Timestamp) -> Vec<CertificateInfo> {
        inventory(&self.public.store, now)
    }
}

impl Kept {
    fn open(wanted: &Wanted, settings: &TlsSettings, deps: &Deps) -> Result<Self, TlsError> {
        let source = wanted.source(deps)?;
        let store = CertificateStore::new(source.certificates()).expect("a checked mode has a certificate");
        let kept = Self { store, stop: Mutex::new(CancellationToken::new()) };
        kept.keep_current(source, settings, deps);
        Ok(kept)
    }

    fn reload(&self, wanted: &Wanted, settings: &TlsSettings, deps: &Deps) -> Result<(), TlsError> {
        let source = wanted.source(deps)?;
        self.store.replace(source.certificates()).expect("a checked mode has a certificate");
        self.keep_current(source, settings, deps);
        Ok(())
    }

    fn keep_current(&self, source: CertificateSource, settings: &TlsSettings, deps: &Deps) {
        let stop = CancellationToken::new();
        let before =
            std::mem::replace(&mut *self.stop.lock().unwrap_or_else(PoisonError::into_inner), stop.clone());
        before.cancel();
        let report = deps.clone();
        let report = move |event| report.report(&event);
        let (store, clock) = (self.store.clone(), Arc::clone(&deps.clock));
        tokio::spawn(source.keep_current(store, settings.reload_every(), clock, report, stop));
    }
}

impl Wanted {
    fn source(&self, deps: &Deps) -> Result<CertificateSource, TlsError> {
        let (source, warnings) =
            CertificateSource::open(&self.mode, &self.folder, &self.names, deps.clock.as_ref())?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        Ok(source)
    }
}

impl Deps {
    fn report(&self, event: &CertificateEvent) {
        let (kind, text) = match event {
            CertificateEvent::Loaded { .. } => (&CERTIFICATE_CHANGED, event.to_string()),
            CertificateEvent::Refused { reason } => (&CERTIFICATE_REFUSED, reason.clone()),
        };
        let now = self.clock.now();
        let id = EventId::new(now, self.entropy.as_ref());
        self.events.offer(Event::new(kind, id, now, Actor::System).field("what", text));
    }
}
