//! The front door: listeners, TLS, routes, balancing and proxying.
//!
//! Protects the way between customers and the shop. Has no database and no secret beyond TLS keys, so that it can
//! become its own process; it never changes what a customer sends or the shop answers beyond the headers it
//! documents and what people decided about scripts in pages. What it has to tell goes to an [`EventSink`], what it saw of
//! pages to a [`PageSink`], and all is counted in [`Metrics`].
//!
//! The walk of a request: `listener` (accept, TLS, HTTP) -> `guard` (strict heads and framing) -> `stack` (the order
//! of the defences) -> `trace` (id, client, time, pages) -> `admission` -> `route` -> `rate_limit` ->
//! `redirect` -> `own` -> `gate` -> `waf` -> `upload` -> `pages` -> `headers` -> `proxy` -> `upstream` (place, endpoint,
//! connection) -> `transfer` (bodies on their way).

pub mod access;
mod access_log;
mod admission;
mod body;
mod cdn;
pub mod client_addr;
pub mod config;
pub mod cut;
mod downstream;
pub mod error;
pub mod event;
mod forward;
#[doc(hidden)]
pub mod fuzz;
mod gate;
pub mod guard;
mod h2_watch;
pub mod header_policy;
mod headers;
mod held;
mod hop;
mod layer;
pub mod listener;
mod log;
#[doc(hidden)]
pub mod measure;
pub mod metrics;
mod mirror;
pub mod module;
pub mod network;
mod notes;
pub mod origin;
pub mod own;
pub mod pages;
mod passage;
mod path;
mod proxy;
pub mod proxy_protocol;
pub mod rate_limit;
mod redirect;
mod refusal;
mod route;
pub mod saturation;
pub mod sessions;
pub mod shed;
pub mod sockets;
mod stack;
mod state;
pub mod status;
pub mod telemetry;
pub mod tls;
mod trace;
mod trace_context;
mod transfer;
mod tunnel;
pub mod upload;
pub mod upstream;
pub mod waf;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use gabion_core::{Clock, Entropy, Secret, SiteId};
use gabion_crypto::mac::MacKey;
use gabion_markup::holding::SiteHolding;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use access_log::{redacted_address, redacted_text};
pub use body::{Body, BoxError};
pub use config::EdgeConfig;
pub use cut::Cut;
pub use error::ReloadError;
pub use event::EventSink;
pub use listener::Plane;
pub use metrics::Metrics;
pub use module::Module;
pub use own::{Caller, OwnPages};
pub use pages::{PageSink, Unheard};
pub use refusal::Refusal;
pub use sessions::Sessions;
pub use sockets::Sockets;

use admission::Admission;
use config::QuarantineLimits;
use event::Recorder;
use gate::Knocks;
use held::Room;
use listener::{Listeners, Places};
use metrics::{History, Point, history};
use rate_limit::{Limiter, Sharing};
use state::State;
use tls::Challenges;
use tunnel::Tunnels;
use upload::Quarantine;
use upstream::Support;
use waf::{Machines, Visitors};

gabion_core::id!(
    /// One request; the shop and the customer see it as `X-Request-Id`.
    pub RequestId, "req"
);

impl RequestId {
    /// The id as a header value.
    pub fn header(self) -> http::HeaderValue {
        http::HeaderValue::from_str(self.text().as_str()).expect("an id is a header value")
    }
}

/// What the edge is built from.
pub struct EdgeDeps {
    /// Wall clock, for ids, events and history.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids and nonces: three for a request at most, none for a secret that outlives the process.
    pub entropy: Arc<dyn Entropy>,
    /// Where events go.
    pub events: Arc<dyn EventSink>,
    /// Where goes what was seen of pages.
    pub pages: Arc<dyn PageSink>,
    /// TLS of the public listeners; certificates change inside it.
    pub tls: Arc<rustls::ServerConfig>,
    /// Where listeners come from.
    pub sockets: Arc<Sockets>,
    /// Makes the cookies that keep customers at an endpoint. They survive a restart with the same key.
    pub sticky_key: Secret<[u8; 32]>,
    /// Answers to an ACME server's challenges that wait to be asked for.
    pub challenges: Challenges,
    /// Where bodies wait for their verdict that are too large for memory: in files without a name.
    pub scratch: PathBuf,
    /// Where exact rate limits are counted; none when this process is the only one.
    pub sharing: Option<Sharing>,
    /// Where stopped files are kept, if anywhere.
    pub quarantine: Option<Arc<dyn Quarantine>>,
    /// Who answers Gabion's own pages on the sites, if anybody.
    pub own: Option<Arc<dyn OwnPages>>,
    /// Who knows whose cookies there are, if anybody. Routes with a gate need it.
    pub sessions: Option<Arc<dyn Sessions>>,
}

/// The front door at work. Clones are the same door.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    state: ArcSwap<State>,
    tls: ArcSwap<rustls::ServerConfig>,
    challenges: Challenges,
    metrics: Arc<Metrics>,
    history: Mutex<History>,
    recorder: Recorder,
    support: Support,
    room: Arc<Room>,
    quarantine: Option<Arc<dyn Quarantine>>,
    own: Option<Arc<dyn OwnPages>>,
    sessions: Option<Arc<dyn Sessions>>,
    knocks: Knocks,
    visitors: Visitors,
    machines: Machines,
    watch: Arc<pages::Watch>,
    drills: pages::Drills,
    tunnels: Tunnels,
    sockets: Arc<Sockets>,
    places: Places,
    goodbyes: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Cancelled when the edge stops: listeners close, connections finish what they have begun.
    stop: CancellationToken,
    /// Cancelled when the time to finish is over: connections and tunnels are closed as they are.
    cut: CancellationToken,
    drain: Duration,
    restart_drain: Duration,
    // Changed by `start`, `reload` and `set_bypass` only, one at a time.
    changing: Mutex<Changing>,
}

#[derive(Default)]
struct Changing {
    listeners: Listeners,
    checks: CancellationToken,
}

impl Edge {
    /// Opens the listeners and starts serving.
    ///
    /// # Errors
    /// When a listener cannot be opened or an upstream's CA cannot be read; then nothing is left open.
    pub fn start(config: EdgeConfig, deps: EdgeDeps) -> Result<Self, ReloadError> {
        let (drain, restart_drain) = (config.drain, config.restart_drain);
        let metrics = Arc::new(Metrics::default());
        let cut = CancellationToken::new();
        let tunnels = Tunnels { metrics: Arc::clone(&metrics), tasks: TaskTracker::new(), stop: cut.clone() };
        let recorder = Recorder { sink: deps.events, clock: deps.clock, entropy: deps.entropy };
        let limiter =
            Limiter::new(config.limits.rate_limit_keys_max, recorder.entropy.as_ref(), deps.sharing.as_ref());
        let admission = Arc::new(Admission::new(limiter, recorder.clone()));
        let sticky_key = Arc::new(MacKey::new(&deps.sticky_key));
        let visitors = Visitors::new(recorder.entropy.as_ref());
        let knocks = Knocks::new(recorder.entropy.as_ref());
        let machines = Machines::new(recorder.entropy.as_ref());
        let watch = Arc::new(pages::Watch::new(deps.pages, &metrics, recorder.entropy.as_ref()));
        let support = Support { recorder: recorder.clone(), sticky_key };
        let kept = config.upload.quarantine;
        let state = State::build(config, None, admission, &support, &metrics)?;
        if state.asks_who() && deps.sessions.is_none() {
            return Err(ReloadError::NoSessions);
        }
        let edge = Self(Arc::new(Inner {
            state: ArcSwap::from_pointee(state),
            tls: ArcSwap::new(deps.tls),
            challenges: deps.challenges,
            metrics,
            history: Mutex::new(History::default()),
            recorder,
            support,
            room: Room::new(deps.scratch),
            quarantine: deps.quarantine,
            own: deps.own,
            sessions: deps.sessions,
            knocks,
            visitors,
            machines,
            watch,
            drills: pages::Drills::default(),
            tunnels,
            sockets: deps.sockets,
            places: Places::default(),
            goodbyes: Arc::new(Semaphore::new(downstream::GOODBYES_MAX)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            cut,
            drain,
            restart_drain,
            changing: Mutex::new(Changing::default()),
        }));
        let mut changing = edge.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = changing.listeners.reconcile(&edge, &wanted(&edge.state())) {
            edge.0.stop.cancel();
            return Err(error);
        }
        edge.watch_upstreams(&mut changing);
        edge.export();
        edge.limit_quarantine(kept);
        drop(changing);
        tokio::spawn(edge.clone().keep_history());
        tokio::spawn(shed::watch(edge.clone()));
        tokio::spawn(pages::keep_telling(edge.clone()));
        Ok(edge)
    }

    /// Takes a new configuration. Open connections go on; requests that arrived before finish as they began.
    /// `drain_seconds` stays as it was at the start.
    ///
    /// # Errors
    /// As [`Edge::start`]; then the old configuration stays in force.
    pub fn reload(&self, config: EdgeConfig) -> Result<(), ReloadError> {
        let mut changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.state();
        let inner = &self.0;
        let admission = Arc::clone(&before.admission);
        let kept = config.upload.quarantine;
        let state = State::build(config, Some(&before), admission, &inner.support, &inner.metrics)?;
        if state.asks_who() && inner.sessions.is_none() {
            return Err(ReloadError::NoSessions);
        }
        changing.listeners.reconcile(self, &wanted(&state))?;
        state.upstreams.iter().for_each(|upstream| upstream.enter_force());
        self.0.state.store(Arc::new(state));
        self.watch_upstreams(&mut changing);
        self.export();
        self.limit_quarantine(kept);
        Ok(())
    }

    /// Turns modules off, and all others on.
    pub fn set_bypass(&self, modules: BTreeSet<Module>) {
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&self.state());
        state.bypass = modules;
        self.0.state.store(Arc::new(state));
    }

    /// Holds the pages of all sites to this, from the next request on. Pages of a site that is missing are only looked at.
    pub fn hold_pages(&self, holdings: BTreeMap<SiteId, SiteHolding>) {
        self.0.watch.hold(holdings, &self.0.recorder);
    }

    /// Uses another TLS configuration for connections to come.
    pub fn set_tls(&self, tls: Arc<rustls::ServerConfig>) {
        self.0.tls.store(tls);
    }

    /// Closes the listeners, lets running requests finish for `drain_seconds`, then ends what is left. Returns the
    /// number of connections that had to be cut. The access log is complete then.
    pub async fn stop_and_drain(&self) -> usize {
        self.0.sockets.close();
        self.drain(self.0.drain).await
    }

    /// Stops accepting and ends as [`Edge::stop_and_drain`] does, within `restart_drain_seconds`; but the listening
    /// sockets stay open, so that new connections wait in the system's queue for whoever accepts from them next.
    pub async fn stop_and_hand_over(&self) -> usize {
        self.drain(self.0.restart_drain).await
    }

    async fn drain(&self, time: Duration) -> usize {
        let cut = self.drain_connections(time).await;
        self.0.watch.flush(self.now(), true);
        let state = self.state();
        let finish = move || {
            if let Some(log) = &state.access_log {
                log.finish();
            }
            if let Some(log) = &state.audit_log {
                log.finish();
            }
        };
        if let Err(error) = tokio::task::spawn_blocking(finish).await {
            tracing::error!(%error, "Logs were not finished");
        }
        cut
    }

    async fn drain_connections(&self, time: Duration) -> usize {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tunnels.tasks.close();
        let idle = async || {
            self.0.tasks.wait().await;
            self.0.tunnels.tasks.wait().await;
        };
        if tokio::time::timeout(time, idle()).await.is_ok() {
            return 0;
        }
        let left = self.0.tasks.len() + self.0.tunnels.tasks.len();
        self.0.cut.cancel();
        idle().await;
        left
    }

    /// The addresses really listened on.
    pub fn addresses(&self) -> Vec<(Plane, SocketAddr)> {
        self.0.changing.lock().unwrap_or_else(PoisonError::into_inner).listeners.addresses()
    }

    /// The CDN that requests seem to come through though its addresses are not believed; forgotten with the next
    /// configuration. Anybody can pretend to be one.
    pub fn unbelieved_cdn(&self) -> Option<&'static str> {
        self.state().cdn.get().copied()
    }

    /// Whether every place for a connection is taken.
    pub fn is_full(&self) -> bool {
        self.0.places.is_full(&self.state())
    }

    /// The counters.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// The last hour in steps of [`history::FINE_SECONDS`], oldest first.
    pub fn hour(&self) -> Vec<Point> {
        self.0.history.lock().unwrap_or_else(PoisonError::into_inner).hour()
    }

    /// The last day in steps of five minutes, oldest first.
    pub fn day(&self) -> Vec<Point> {
        self.0.history.lock().unwrap_or_else(PoisonError::into_inner).day()
    }

    fn watch_upstreams(&self, changing: &mut Changing) {
        changing.checks.cancel();
        changing.checks = self.0.stop.child_token();
        for upstream in &self.state().upstreams {
            upstream::health::watch(upstream, &self.0.recorder, &changing.checks);
        }
    }

    fn export(&self) {
        if let Some(telemetry) = &self.state().telemetry {
            telemetry.start(self);
        }
    }

    fn limit_quarantine(&self, limits: QuarantineLimits) {
        if let Some(quarantine) = &self.0.quarantine {
            quarantine.limit(limits);
        }
    }

    /// The time on the wall.
    fn now(&self) -> gabion_core::Timestamp {
        self.0.recorder.clock.now()
    }

    async fn keep_history(self) {
        let period = Duration::from_secs(history::FINE_SECONDS.unsigned_abs());
        let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        while self.0.stop.run_until_cancelled(tick.tick()).await.is_some() {
            let now = self.0.recorder.clock.now();
            self.0.history.lock().unwrap_or_else(PoisonError::into_inner).step(&self.0.metrics, now);
        }
    }

    fn state(&self) -> Arc<State> {
        self.0.state.load_full()
    }

    fn challenges(&self) -> &Challenges {
        &self.0.challenges
    }

    fn server_tls(&self) -> Arc<rustls::ServerConfig> {
        self.0.tls.load_full()
    }

    fn sockets(&self) -> &Sockets {
        &self.0.sockets
    }

    fn places(&self) -> &Places {
        &self.0.places
    }

    fn recorder(&self) -> &Recorder {
        &self.0.recorder
    }

    fn goodbyes(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.goodbyes)
    }

    fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    fn cut(&self) -> &CancellationToken {
        &self.0.cut
    }

    fn room(&self) -> &Arc<Room> {
        &self.0.room
    }

    fn quarantine(&self) -> Option<Arc<dyn Quarantine>> {
        self.0.quarantine.clone()
    }

    fn own_pages(&self) -> Option<&Arc<dyn OwnPages>> {
        self.0.own.as_ref()
    }

    fn sessions(&self) -> Option<&dyn Sessions> {
        self.0.sessions.as_deref()
    }

    fn knocks(&self) -> &Knocks {
        &self.0.knocks
    }

    fn visitors(&self) -> &Visitors {
        &self.0.visitors
    }

    fn machines(&self) -> &Machines {
        &self.0.machines
    }

    fn drills(&self) -> &pages::Drills {
        &self.0.drills
    }

    fn watch(&self) -> &Arc<pages::Watch> {
        &self.0.watch
    }

    fn tunnels(&self) -> &Tunnels {
        &self.0.tunnels
    }

    fn entropy(&self) -> &dyn Entropy {
        self.0.recorder.entropy.as_ref()
    }
}

fn wanted(state: &State) -> Vec<(Plane, SocketAddr)> {
    let https = state.https.iter().map(|address| (Plane::Https, *address));
    https.chain(state.http.iter().map(|address| (Plane::Http, *address))).collect()
}
