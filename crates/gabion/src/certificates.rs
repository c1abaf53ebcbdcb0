//! The certificates of the public listeners and of the control plane, kept current.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gabion_core::{Actor, Clock, Entropy, Event, EventId, Severity, Timestamp};
use gabion_edge::EventSink;
use gabion_edge::event::{CERTIFICATE_CHANGED, CERTIFICATE_EXPIRING, CERTIFICATE_REFUSED};
use gabion_edge::tls::acme::LOOK_EVERY;
use gabion_edge::tls::{
    CertificateEvent, CertificateInfo, CertificateSource, CertificateStore, Challenges, Name,
    ServedCertificate, SourceDeps, TlsError, TlsMode, TlsSettings, inventory, server_config,
};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Names the control plane always answers to.
pub(crate) const CONTROL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// From this many days before the end on, somebody must act.
const CRITICAL_DAYS: u32 = 7;

/// What certificates need from outside.
#[derive(Clone)]
pub(crate) struct Deps {
    /// Judges validity.
    pub(crate) clock: Arc<dyn Clock>,
    /// Event ids.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Where changes are told.
    pub(crate) events: Arc<dyn EventSink>,
    /// Where answers to an ACME server wait to be asked for.
    pub(crate) challenges: Challenges,
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
    current: Mutex<Current>,
}

/// What a store holds, and the task that keeps it so.
struct Current {
    wanted: Wanted,
    stop: CancellationToken,
}

/// What one listener shows.
#[derive(Clone, PartialEq, Eq)]
struct Wanted {
    mode: TlsMode,
    data: PathBuf,
    names: Vec<Name>,
    look_every: Duration,
}

impl Wanted {
    /// The control plane's own: always from the local authority, which in local mode also serves the sites.
    fn both(config: &Config) -> (Self, Self) {
        let data = config.data_folder();
        let control = || CONTROL_NAMES.iter().map(|name| name.parse().expect("our own names are good"));
        let sites = config.names().expect("names were checked with the configuration");
        let mode = config.tls_mode();
        let mut all: Vec<Name> = sites.clone();
        all.extend(control().filter(|name| !sites.contains(name)));
        let names: Vec<Name> = if mode == TlsMode::Local { all } else { control().collect() };
        let reload_every = config.sections.tls.reload_every();
        let look_every = if let TlsMode::Acme(_) = mode { LOOK_EVERY } else { reload_every };
        let public = Self { mode, data, names, look_every };
        let control = Self { mode: TlsMode::Local, look_every: reload_every, ..public.clone() };
        (public, control)
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
            public: Kept::open(public, &deps)?,
            control: Kept::open(control, &deps)?,
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
        self.public.reload(public, &self.deps)?;
        self.control.reload(control, &self.deps)?;
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
    fn open(wanted: Wanted, deps: &Deps) -> Result<Self, TlsError> {
        let source = wanted.source(&[], deps)?;
        let store = CertificateStore::new(source.certificates()).expect("a checked mode has a certificate");
        let stop = keep_current(source, &store, &wanted, deps);
        Ok(Self { store, current: Mutex::new(Current { wanted, stop }) })
    }

    /// Opens the certificates again where something else is wanted. Otherwise they stay: a browser that was told to
    /// trust one would ask again for every new one.
    fn reload(&self, wanted: Wanted, deps: &Deps) -> Result<(), TlsError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.wanted == wanted {
            return Ok(());
        }
        let source = wanted.source(&self.store.certificates(), deps)?;
        self.store.replace(source.certificates()).expect("a checked mode has a certificate");
        let stop = keep_current(source, &self.store, &wanted, deps);
        current.stop.cancel();
        *current = Current { wanted, stop };
        Ok(())
    }
}

/// Keeps a store current until the token is cancelled.
fn keep_current(
    source: CertificateSource,
    store: &CertificateStore,
    wanted: &Wanted,
    deps: &Deps,
) -> CancellationToken {
    let stop = CancellationToken::new();
    let (report, clock) = (deps.clone(), Arc::clone(&deps.clock));
    let report = move |event| report.report(&event);
    tokio::spawn(source.keep_current(store.clone(), wanted.look_every, clock, report, stop.clone()));
    stop
}

impl Wanted {
    fn source(&self, serving: &[ServedCertificate], deps: &Deps) -> Result<CertificateSource, TlsError> {
        let deps = SourceDeps {
            data: self.data.clone(),
            clock: Arc::clone(&deps.clock),
            entropy: Arc::clone(&deps.entropy),
            challenges: deps.challenges.clone(),
        };
        let (source, warnings) = CertificateSource::open(&self.mode, &self.names, serving, &deps)?;
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
            CertificateEvent::Expiring { .. } => (&CERTIFICATE_EXPIRING, event.to_string()),
        };
        let now = self.clock.now();
        let id = EventId::new(now, self.entropy.as_ref());
        let mut told = Event::new(kind, id, now, Actor::System).field("what", text);
        if matches!(event, CertificateEvent::Expiring { days, .. } if *days <= CRITICAL_DAYS) {
            told.severity = Severity::Critical;
        }
        self.events.offer(told);
    }
}
