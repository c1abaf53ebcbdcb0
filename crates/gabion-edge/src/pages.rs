//! What the shop's pages hand to customers' browsers: looked at while they pass, and held to what people decided.
//!
//! The engine is `gabion-markup`, which reads and changes a page in pieces. Here is what surrounds it: which answers are
//! read at all (`look`), how a compressed one is read (`read`), what goes out (`body`), policies in headers (`policy`),
//! which scripts may run (`judge`), and what is told of it to whom (`tell`, with `book` for what was told already).
//! Browsers' reports end at [`REPORT_PATH`] (`reports`).
//!
//! An answer in which nothing is to be changed leaves byte for byte as it came; only a copy is read.

mod body;
mod book;
mod drill;
mod fingerprint;
mod held;
mod judge;
mod look;
mod path;
mod policy;
mod read;
mod recent;
mod repeat;
mod reports;
mod request;
mod tell;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use gabion_core::{Actor, Entropy, SiteId, Timestamp};
use gabion_markup::holding::SiteHolding;
use gabion_markup::sighting::Sighting;

use crate::Edge;
use crate::config::PagesMode;
use crate::event::{PAGE_POLICY_TOO_LONG, Recorder};
use crate::layer::{Layer, Next, Outcome, Visit};
use crate::metrics::Metrics;
use crate::module::Module;
use crate::rate_limit::{HashKey, Quota, Table};
use book::PageBook;
use fingerprint::Fingerprints;
use held::SiteHeld;
use look::Look;
use read::Coding;
use recent::{Told, nanos};
use repeat::{Repeat, Repeats};
use reports::Reports;

pub use drill::DRILL_HEADER;
pub(crate) use drill::{Drill, Drills};
pub(crate) use reports::{REPORT_PATH, take};

/// Paths that are for nothing in particular whose looks are counted; who was looked at least is forgotten, and looked at anew.
const LOOKS_KEPT_MAX: usize = 8_192;
/// How often the answers of such a path are looked at, and how many at once. What a busy shop serves a thousand times a second
/// is noticed within this time, and costs as much as once.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOKS_AT_ONCE: u32 = 20;

/// Where sightings go. The edge has no database: the binary hands in who keeps account of pages.
pub trait PageSink: Send + Sync {
    /// Takes the sighting, or says `false` and drops it. Never blocks, never fails: a page must not wait for it.
    fn offer(&self, sighting: Sighting) -> bool;
}

/// A sink for whoever keeps no account: takes everything and forgets it.
#[derive(Clone, Copy, Debug)]
pub struct Unheard;

impl PageSink for Unheard {
    fn offer(&self, _: Sighting) -> bool {
        true
    }
}

/// What is known of pages, over all requests. One for the life of the edge.
pub(crate) struct Watch {
    /// Replaced as a whole.
    held: ArcSwap<BTreeMap<SiteId, Arc<SiteHeld>>>,
    /// For sites that nobody decided anything about.
    unheld: Arc<SiteHeld>,
    sink: Arc<dyn PageSink>,
    metrics: Arc<Metrics>,
    key: HashKey,
    fingerprints: Fingerprints,
    looks: Table,
    repeats: Repeats,
    pages: PageBook,
    scripts: Told,
    leaks: Told,
    reports: Reports,
    room: judge::Room,
}

impl Watch {
    /// Knows nothing yet.
    pub(crate) fn new(sink: Arc<dyn PageSink>, metrics: &Arc<Metrics>, entropy: &dyn Entropy) -> Self {
        let key = HashKey::draw(entropy);
        Self {
            held: ArcSwap::default(),
            unheld: Arc::new(SiteHeld::new(SiteHolding::default())),
            sink,
            metrics: Arc::clone(metrics),
            key,
            fingerprints: Fingerprints::new(key),
            looks: Table::new(LOOKS_KEPT_MAX),
            repeats: Repeats::default(),
            pages: PageBook::default(),
            scripts: Told::new(tell::SCRIPTS_KEPT_MAX),
            leaks: Told::new(tell::LEAKS_KEPT_MAX),
            reports: Reports::new(key),
            room: judge::Room::default(),
        }
    }

    /// Pages are held to this from now on. Policies are written here, once, and not for every answer.
    pub(crate) fn hold(&self, holdings: BTreeMap<SiteId, SiteHolding>, recorder: &Recorder) {
        let before = self.held.load_full();
        let held: BTreeMap<_, _> =
            holdings.into_iter().map(|(site, holding)| (site, Arc::new(SiteHeld::new(holding)))).collect();
        for (site, now) in &held {
            let known = before.get(site).map(|before| before.too_long()).unwrap_or_default();
            for (class, bytes) in now.too_long().into_iter().filter(|long| !known.contains(long)) {
                recorder.record(&PAGE_POLICY_TOO_LONG, Actor::System, |event| {
                    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                    event.site(site).field("class", class.as_str()).field("bytes", bytes)
                });
            }
        }
        self.held.store(Arc::new(held));
    }

    /// Tells what was counted and not told for long enough; all of it when the edge ends.
    pub(crate) fn flush(&self, now: Timestamp, is_end: bool) {
        let pages = self.pages.due(now, is_end);
        let reports = self.reports.due(now, is_end);
        for sighting in pages.into_iter().chain(reports) {
            self.offer(sighting);
        }
    }

    /// Whether an answer at this path, which is for nothing in particular, is looked at once more.
    fn looks(&self, site: &SiteId, path: &str, now: Timestamp) -> bool {
        let key = self.key.hash().text(site.as_str()).text(path).finish();
        let quota = Quota::new(1, LOOK_EVERY, LOOKS_AT_ONCE);
        self.looks.count(key, quota, nanos(now)).allowed
    }

    /// What was served before as the script at this address, compressed or not.
    fn repeat(&self, site: &SiteId, target: &str, coding: Coding) -> Repeat {
        let key = self.key.hash().text(site.as_str()).text(target).word(u64::from(coding == Coding::Gzip));
        self.repeats.begin(key.finish())
    }

    fn of(&self, site: &SiteId) -> Arc<SiteHeld> {
        Arc::clone(self.held.load().get(site).unwrap_or(&self.unheld))
    }

    /// Says whether it was taken.
    fn offer(&self, sighting: Sighting) -> bool {
        let taken = self.sink.offer(sighting);
        let counter = if taken { &self.metrics.sightings } else { &self.metrics.sightings_dropped };
        counter.fetch_add(1, Ordering::Relaxed);
        taken
    }

    fn dropped(&self, sightings: u64) {
        self.metrics.sightings_dropped.fetch_add(sightings, Ordering::Relaxed);
    }
}

/// Tells what is due, every [`reports::TOLD_AGAIN`], until the edge stops.
pub(crate) async fn keep_telling(edge: Edge) {
    let mut tick = tokio::time::interval(reports::TOLD_AGAIN);
    while edge.stop().run_until_cancelled(tick.tick()).await.is_some() {
        edge.watch().flush(edge.now(), false);
    }
}

/// Looks at what the shop answers, and holds its pages to what people decided.
#[derive(Clone)]
pub(crate) struct Pages;

impl Layer for Pages {
    async fn call(self, mut visit: Box<Visit>, next: impl Next) -> Outcome {
        let off = visit.matched().route.pages == PagesMode::Off
            || visit.state.bypass.contains(&Module::Pages)
            || !request::may_bring_text(&visit.request);
        if off {
            return next.call(visit).await;
        }
        let look = Look::begin(&mut visit);
        let response = next.call(visit).await?;
        look.answer(response).await
    }
}
