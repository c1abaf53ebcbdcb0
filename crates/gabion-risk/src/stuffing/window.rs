//! Distinct things seen lately.

use std::collections::BTreeSet;
use std::time::Duration;

use gabion_core::Timestamp;

use super::PAIRS_KEPT_MAX;

/// At most [`PAIRS_KEPT_MAX`] distinct things with the time each was last seen.
#[derive(Debug)]
pub(super) struct Window<T>(Vec<(T, Timestamp)>);

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Eq> Window<T> {
    /// Notes a thing. Says whether it was not there before; what was is seen again now.
    pub(super) fn insert(&mut self, thing: T, window: Duration, now: Timestamp) -> bool {
        self.forget(window, now);
        if let Some((_, seen)) = self.0.iter_mut().find(|(known, _)| *known == thing) {
            *seen = now;
            return false;
        }
        if self.0.len() == PAIRS_KEPT_MAX {
            let oldest = self.0.iter().enumerate().min_by_key(|(_, (_, seen))| *seen).map(|(at, _)| at);
            self.0.swap_remove(oldest.expect("a full window has an oldest"));
        }
        self.0.push((thing, now));
        true
    }

    /// Forgets what was last seen longer ago than `window`.
    pub(super) fn forget(&mut self, window: Duration, now: Timestamp) {
        self.0.retain(|(_, seen)| now.since(*seen) < window);
    }

    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn distinct<U: Ord>(&self, part: impl Fn(&T) -> U) -> usize {
        self.0.iter().map(|(thing, _)| part(thing)).collect::<BTreeSet<_>>().len()
    }
}
