//! Which scripts of one page run, and whether the page is served at all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use gabion_markup::holding::{ScriptKey, Stage};
use gabion_markup::page::{Page, Script};
use gabion_markup::{Judge, Judgement, PageClass, Partial};

use super::held::SiteHeld;
use crate::metrics::Metrics;

/// Bytes of one page that are held until all of its scripts are known. Checkout pages have under 500 KiB. In a longer one,
/// scripts that nobody decided about do not run.
pub(super) const HELD_PAGE_BYTES_MAX: u64 = 2 << 20;
/// Bytes of held pages over all requests. Above it, as above.
const HELD_PAGES_BYTES_MAX: u64 = 64 << 20;

/// Judges the scripts of one page.
pub(super) struct Bench {
    held: Arc<SiteHeld>,
    class: PageClass,
    /// Whether `integrity` is put in: only where browsers are to keep to what was decided.
    pins: bool,
    /// Whether the page is held until all of its scripts are known.
    holds: AtomicBool,
    /// Whether scripts run that nobody decided about.
    stops: AtomicBool,
    /// What nobody decided about, the first of it.
    undecided: OnceLock<String>,
    metrics: Arc<Metrics>,
}

impl Bench {
    pub(super) fn new(held: &Arc<SiteHeld>, class: PageClass, metrics: &Arc<Metrics>) -> Self {
        Self {
            held: Arc::clone(held),
            class,
            pins: held.class(class).stage == Stage::Enforce,
            holds: AtomicBool::new(false),
            stops: AtomicBool::new(false),
            undecided: OnceLock::new(),
            metrics: Arc::clone(metrics),
        }
    }

    /// The page is held: what nobody decided about is remembered.
    pub(super) fn hold(&self) {
        self.holds.store(true, Ordering::Relaxed);
    }

    /// The page is not held, or no longer: what nobody decided about does not run.
    pub(super) fn stop(&self) {
        self.holds.store(false, Ordering::Relaxed);
        self.stops.store(true, Ordering::Relaxed);
    }

    /// The first thing in a held page that nobody decided about.
    pub(super) fn undecided(&self) -> Option<&str> {
        self.undecided.get().map(String::as_str)
    }

    /// All of a held page is known now: event handlers count too, and so does what could not be read.
    pub(super) fn look_over(&self, page: &Page) {
        if !self.holds.load(Ordering::Relaxed) {
            return;
        }
        let decided = self.held.holding.by_class.get(&self.class);
        let handlers = page.handlers.iter().map(|handler| ScriptKey::Handler(handler.hash));
        let mut undecided = handlers
            .filter(|key| decided.is_none_or(|held| !held.authorized.contains(key)))
            .map(|key| key.to_string());
        let hides =
            [Partial::Scripts, Partial::Handlers, Partial::Memory, Partial::Encoding, Partial::Length];
        let hidden = hides.into_iter().find(|partial| page.partial.contains(partial));
        if let Some(what) = undecided.next().or_else(|| hidden.map(|partial| partial.sentence().to_owned())) {
            self.undecided.get_or_init(|| what);
        }
    }
}

impl Judge for Bench {
    fn judge(&self, script: &Script, is_whole: bool) -> Judgement {
        self.metrics.scripts_judged.fetch_add(1, Ordering::Relaxed);
        match self.held.holding.judgement(self.class, script, is_whole) {
            Judgement::Authorize { .. } if !self.pins => Judgement::Authorize { integrity: None },
            Judgement::Pass if self.stops.load(Ordering::Relaxed) => Judgement::Deny,
            Judgement::Pass => {
                if self.holds.load(Ordering::Relaxed) {
                    self.undecided.get_or_init(|| ScriptKey::of(&script.source).to_string());
                }
                Judgement::Pass
            }
            other => other,
        }
    }
}

/// How much is held of pages, over all requests.
#[derive(Default)]
pub(super) struct Room(Arc<AtomicU64>);

/// What one page takes of it, until this is dropped.
pub(super) struct Share {
    room: Arc<AtomicU64>,
    bytes: u64,
}

impl Room {
    pub(super) fn share(&self) -> Share {
        Share { room: Arc::clone(&self.0), bytes: 0 }
    }
}

impl Share {
    /// Takes more, if there is any left.
    pub(super) fn take(&mut self, bytes: u64) -> bool {
        let more = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= HELD_PAGES_BYTES_MAX);
        let taken = self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        self.bytes += if taken { bytes } else { 0 };
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_bounded_and_comes_back() {
        let room = Room::default();
        let (mut one, mut other) = (room.share(), room.share());
        assert!(one.take(HELD_PAGES_BYTES_MAX) && !other.take(1));
        drop(one);
        assert!(other.take(HELD_PAGES_BYTES_MAX));
    }
}
