//! The operator's console: server-rendered pages over the domains' read models, and the same facts as JSON.
//!
//! Protects the operator from guessing: one sentence says whether customers are served, and every change is asked
//! for twice or can be taken back, has a reason, and is written down by whoever makes it ([`control::Control`],
//! [`gabion_pages::Pages`]). The console holds no state and no SQL of its own, reads nothing unbounded, and never shows
//! a personal field to who may not see it.
//!
//! The walk of a request: [`gabion_web::Plane`] -> [`gabion_web::auth::layer`] -> a handler of `page` or `api`, whose
//! arguments say who may call it -> a read model (`traffic`, `standing`, `feed`) -> a template or JSON.
//!
//! The binary merges [`Console::pages`], [`Console::api`] and [`Console::probes`] with identity's routers, puts all of
//! them behind [`gabion_web::auth::layer`] and hands [`Console::error_page`] to the plane.

mod access;
mod alarm;
mod api;
pub mod control;
mod feed;
mod mailbox;
mod metrics;
mod notice;
mod page;
mod probe;
mod problem;
mod shell;
mod standing;
mod steer;
mod toml_value;
mod traffic;
pub mod uploads;
mod words;

use std::sync::Arc;

use axum::Router;
use gabion_core::{Clock, Entropy, Timestamp};
use gabion_edge::Edge;
use gabion_outbound::mail::Mail;
use gabion_page::shell::Shell;
use gabion_pages::Pages;
use gabion_store::Db;
use gabion_store::lane::Lane;
use gabion_web::plane::ErrorPage;
use gabion_web::{Csrf, Principal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use control::Control;
use feed::Feed;
use uploads::Uploads;

/// Event streams open at once, over all browsers. One more is answered 503; each costs a task and a few kilobytes.
const STREAMS_MAX: usize = 64;

/// What the console is built from.
pub struct Deps {
    /// The front door, for its state and counters.
    pub edge: Edge,
    /// What can be changed.
    pub control: Arc<dyn Control>,
    /// The database, for its journal and health.
    pub db: Db,
    /// The edge's own events.
    pub lane: Lane,
    /// What the shop's pages run.
    pub pages: Pages,
    /// Stopped uploads.
    pub uploads: Arc<dyn Uploads>,
    /// What is written to customers.
    pub mail: Mail,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for kept answers of the API.
    pub entropy: Arc<dyn Entropy>,
    /// Tokens of forms; the same as in the authentication layer.
    pub csrf: Csrf,
}

/// The console. Clones are the same one.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    edge: Edge,
    control: Arc<dyn Control>,
    db: Db,
    feed: Feed,
    pages: Pages,
    uploads: Arc<dyn Uploads>,
    mail: Mail,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    csrf: Csrf,
    started_at: Timestamp,
    streams: Arc<Semaphore>,
    /// Cancelled when the control plane stops: event streams never end by themselves.
    stop: CancellationToken,
}

impl Console {
    /// Builds the console. Nothing runs until a request comes.
    pub fn new(deps: Deps) -> Self {
        let feed = Feed::new(deps.db.journal(), deps.lane);
        Self(Arc::new(Inner {
            edge: deps.edge,
            control: deps.control,
            db: deps.db,
            feed,
            pages: deps.pages,
            uploads: deps.uploads,
            mail: deps.mail,
            started_at: deps.clock.now(),
            clock: deps.clock,
            entropy: deps.entropy,
            csrf: deps.csrf,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop: CancellationToken::new(),
        }))
    }

    /// The pages, with whole paths, and the static files under `/assets/` that identity's pages need too.
    pub fn pages(&self) -> Router {
        page::router().with_state(self.clone())
    }

    /// The JSON API, with whole paths: `/api/v1/...` and `/api/openapi.json`. Merge it, do not nest it.
    pub fn api(&self) -> Router {
        api::router().with_state(self.clone())
    }

    /// `/healthz` and `/readyz` for anyone, `/metrics` for keys with `read`, signed-in staff and loopback peers.
    pub fn probes(&self) -> Router {
        probe::router().with_state(self.clone())
    }

    /// The frame of a page for whoever is signed in: navigation, notices, form token. `current` is the navigation
    /// entry's address, such as `/staff`. Identity's pages take theirs from here too.
    pub fn shell(&self, principal: &Principal, title: &str, current: &str) -> Shell {
        shell::shell(self, principal, title, current)
    }

    /// How browsers see problems, for [`gabion_web::Plane`].
    pub fn error_page(&self) -> ErrorPage {
        page::error::page(self.clone())
    }

    /// The metrics page in the Prometheus text format.
    pub fn metrics_page(&self) -> String {
        metrics::page(self)
    }

    /// Ends the open event streams, so that the control plane can stop. Browsers try again by themselves.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}
