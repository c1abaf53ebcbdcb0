//! An edge whose certificates come from an ACME server, under a clock that the test moves.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::{Clock, SystemClock, Timestamp};
use gabion_edge::tls::{
    AcmeMode, CertificateEvent, CertificateInfo, CertificateSource, CertificateStore, Challenges, SourceDeps,
    TlsMode, TlsSettings, inventory, server_config,
};
use gabion_edge::{Edge, EdgeDeps, Plane};
use gabion_test::client::{Whole, Wire};
use gabion_test::{SeededEntropy, Shop, TestClock};
use rustls_pki_types::CertificateDer;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::front::{Events, Setup, names, shop, soon};

/// The names of the shop.
pub(crate) const NAMES: [&str; 2] = ["shop.example", "www.shop.example"];

/// The server at `directory`, whose own certificate leads to `ca`; one certificate for all names.
pub(crate) fn mode(directory: String, ca: &Path) -> AcmeMode {
    AcmeMode {
        directory,
        contact: vec!["mailto:owner@shop.example".to_owned()],
        challenge: None,
        eab: None,
        ca: Some(ca.to_owned()),
        profile: None,
        groups: vec![names(&NAMES)],
    }
}

pub(crate) struct Certified {
    pub(crate) edge: Edge,
    pub(crate) clock: TestClock,
    store: CertificateStore,
    events: UnboundedReceiver<CertificateEvent>,
    stop: CancellationToken,
    _shop: Shop,
}

impl Certified {
    /// Starts the edge with what `data` holds. The server is asked from [`run`](Self::run) on.
    pub(crate) async fn start(mode: &AcmeMode, data: &Path) -> (Self, impl FnOnce()) {
        let (clock, challenges) = (TestClock::at(SystemClock.now()), Challenges::default());
        let deps = SourceDeps {
            data: data.to_owned(),
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(7)),
            challenges: challenges.clone(),
        };
        let (source, _) = CertificateSource::open(&TlsMode::Acme(mode.clone()), &[], &[], &deps).unwrap();
        let store = CertificateStore::new(source.certificates()).unwrap();
        let shop = shop("tea").await;
        let deps = EdgeDeps {
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(1)),
            events: Arc::new(Events::default()),
            pages: Arc::new(gabion_edge::Unheard),
            tls: server_config(&store, &TlsSettings::default()).unwrap(),
            sockets: Arc::default(),
            sticky_key: gabion_core::Secret::new([5; 32]),
            challenges,
            scratch: std::env::temp_dir(),
            sharing: None,
            quarantine: None,
            own: None,
            sessions: None,
        };
        let edge = Edge::start(Setup::of(&[&shop]).config(), deps).unwrap();
        let (sender, events) = unbounded_channel();
        // A test that is over does not listen any more.
        let report = move |event| drop(sender.send(event));
        let stop = CancellationToken::new();
        let every = Duration::from_millis(5);
        let task = source.keep_current(store.clone(), every, Arc::new(clock.clone()), report, stop.clone());
        let run = || drop(tokio::spawn(task));
        (Self { edge, clock, store, events, stop, _shop: shop }, run)
    }

    pub(crate) fn address(&self, plane: Plane) -> SocketAddr {
        self.edge.addresses().into_iter().find(|(found, _)| *found == plane).unwrap().1
    }

    /// The next thing that happens to the certificates.
    pub(crate) async fn event(&mut self) -> CertificateEvent {
        soon(self.events.recv()).await.expect("the task goes on")
    }

    /// Waits for a new certificate; a try that fails on the way is a failure of the test.
    #[track_caller]
    pub(crate) fn arrives(&mut self) -> impl Future<Output = CertificateInfo> {
        let caller = std::panic::Location::caller();
        async move {
            match self.event().await {
                CertificateEvent::Loaded { .. } => self.shown(),
                other => panic!("{caller}: {other}"),
            }
        }
    }

    /// Waits for a failed try and gives the reason.
    #[track_caller]
    pub(crate) fn refused(&mut self) -> impl Future<Output = String> {
        let caller = std::panic::Location::caller();
        async move {
            match self.event().await {
                CertificateEvent::Refused { reason } => reason,
                other => panic!("{caller}: {other}"),
            }
        }
    }

    /// The first certificate as the console shows it.
    pub(crate) fn shown(&self) -> CertificateInfo {
        inventory(&self.store, self.clock.now()).remove(0)
    }

    /// Waits until the next order is planned for another moment than `before`.
    pub(crate) async fn planned_anew(&self, before: Option<Timestamp>) -> Timestamp {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        let planned = async {
            loop {
                ticks.tick().await;
                if let Some(next) = self.shown().next_renewal.filter(|next| Some(*next) != before) {
                    return next;
                }
            }
        };
        soon(planned).await
    }

    /// Asks the shop as a customer who trusts `root`.
    pub(crate) async fn ask(&self, name: &str, root: &CertificateDer<'static>) -> Whole {
        let mut wire = soon(Wire::tls(self.address(Plane::Https), name, root)).await;
        soon(wire.ask("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")).await
    }
}

impl Drop for Certified {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
