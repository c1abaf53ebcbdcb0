//! What a shop's pages run: inventory, decisions, changes, third parties, evidence.
//!
//! Protects the customer's browser: it keeps account of every script and every place that pages send to, of who
//! approved what and why, and makes of it what whoever serves the pages holds them to ([`SiteHolding`]). What it must
//! never do: keep what belongs to a customer (addresses come without queries), change what pages are held to without
//! a person's decision and its event in the same transaction, or let strangers fill it: everything has a limit.
//!
//! The walk: whoever serves pages offers a [`Sighting`](gabion_markup::sighting::Sighting) to the [`sink`] -> [`Pages::take`] makes [`ingest`] facts of it
//! and writes them, with a [`change`] and its event for what is new -> a person looks at [`overview`] and [`script`]s
//! and makes a [`decision`] -> [`Pages::holdings`] wakes whoever serves the pages. [`proposal`] says what a policy would
//! break, [`look`] visits payment pages from outside, [`evidence`] says who knew and approved what, signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use gabion_core::{Clock, Entropy, SiteId, Timestamp};
use gabion_markup::holding::SiteHolding;
use gabion_store::Db;
use tokio::sync::watch;

pub mod change;
pub mod class;
pub mod company;
pub mod config;
pub mod decision;
pub mod destination;
mod drill;
pub mod error;
pub mod event;
pub mod evidence;
mod held;
mod identity;
pub mod ingest;
pub mod look;
pub mod overview;
pub mod proposal;
pub mod script;
pub mod sink;
pub mod statement;
mod store;
pub mod task;
pub mod third_party;

pub use config::{ConfigError, LooksSection};
pub use error::PagesError;
pub use identity::{ChangeId, DecisionId, DestinationId, Entered, ScriptId, SeenBy, Status, UnknownWord};
pub use sink::{PagesSink, channel};
pub use store::MIGRATIONS;

/// What this domain needs from outside. The binary has brought [`MIGRATIONS`] up to date before.
#[derive(Clone)]
pub struct Deps {
    /// Everything that is kept; its key ring signs evidence.
    pub db: Db,
    /// Times of decisions, looks and what is kept for how long.
    pub clock: Arc<dyn Clock>,
    /// Ids of decisions and batches.
    pub entropy: Arc<dyn Entropy>,
}

/// The handle on this domain; clones share it.
#[derive(Clone)]
pub struct Pages(Arc<Inner>);

struct Inner {
    config: LooksSection,
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    holdings: watch::Sender<Holdings>,
    refreshing: tokio::sync::Mutex<()>,
    /// Something was seen.
    seen: tokio::sync::Notify,
}

/// What the pages of every known site are held to.
pub type Holdings = Arc<BTreeMap<SiteId, SiteHolding>>;

impl Pages {
    /// The handle. [`Pages::refresh`] reads what pages are held to; until then [`Pages::holdings`] is empty.
    pub fn new(config: LooksSection, deps: Deps) -> Self {
        let Deps { db, clock, entropy } = deps;
        let (holdings, refreshing, seen) = Default::default();
        Self(Arc::new(Inner { config, db, clock, entropy, holdings, refreshing, seen }))
    }

    /// What pages are held to, whenever it changes.
    pub fn holdings(&self) -> watch::Receiver<Holdings> {
        self.0.holdings.subscribe()
    }

    fn config(&self) -> &LooksSection {
        &self.0.config
    }

    fn db(&self) -> &Db {
        &self.0.db
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn entropy(&self) -> &dyn Entropy {
        &*self.0.entropy
    }
}

/// Runs what takes long, such as reading scripts, beside the threads that others wait for.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
