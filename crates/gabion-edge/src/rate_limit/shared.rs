//! Counting of exact limits: with everybody who shares the database, and alone while it does not answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gabion_core::{Actor, Secret};

use super::gcra::{Decision, Quota};
use super::key::HashKey;
use super::lately::MINUTE;
use super::table::Table;
use crate::event::{COUNTED_ALONE, Recorder};

/// Counts for everybody who shares it. The edge has no database: the binary hands in the store's counter.
pub trait SharedCounter: Send + Sync {
    /// Counts a request of `key`; none without an answer. Ends soon: a visitor waits for it.
    fn count(&self, key: u64, quota: Quota) -> Pin<Box<dyn Future<Output = Option<Counted>> + Send + '_>>;
}

/// What a [`SharedCounter`] says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whether it fits the limit; only then it counts.
    pub allowed: bool,
    /// Nanoseconds that the theoretical arrival time lies ahead.
    pub ahead: u64,
}

/// A counter and what its keys are hashed with.
#[derive(Clone)]
pub struct Sharing {
    /// The counter.
    pub counter: Arc<dyn SharedCounter>,
    /// The same for everybody who shares the counter, and after a restart.
    pub key: Secret<[u8; 16]>,
}

/// A shared counter at work.
pub(crate) struct Shared {
    pub(crate) key: HashKey,
    counter: Arc<dyn SharedCounter>,
    alone: AtomicU64,
    /// The minute, counted from 1, in which it was told last; 0 for never.
    told: AtomicU64,
}

impl Shared {
    pub(crate) fn new(sharing: &Sharing) -> Self {
        Self {
            key: HashKey::from(sharing.key.expose()),
            counter: Arc::clone(&sharing.counter),
            alone: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }

    /// Requests that this node counted alone.
    pub(crate) fn alone(&self) -> u64 {
        self.alone.load(Ordering::Relaxed)
    }

    /// Counts a request. `table` holds what the counter last said of its keys: who is above a limit by that is refused
    /// without asking, so that a flood costs the database no more than the limit allows.
    pub(crate) async fn count(
        &self,
        table: &Table,
        recorder: &Recorder,
        hash: u64,
        quota: Quota,
        now: u64,
    ) -> Decision {
        let known = quota.decide(table.tat(hash), now);
        if !known.allowed {
            return known;
        }
        let Some(Counted { allowed, ahead }) = self.counter.count(hash, quota).await else {
            self.note_alone(recorder, now);
            return table.count(hash, quota, now);
        };
        // The answer is older than its arrival: this never says more than the counter would.
        let tat = now.saturating_add(ahead);
        table.raise(hash, tat, now);
        quota.decision(allowed, tat, now)
    }

    /// Counts, and records an event once a minute.
    fn note_alone(&self, recorder: &Recorder, now: u64) {
        self.alone.fetch_add(1, Ordering::Relaxed);
        let minute = now / MINUTE + 1;
        if self.told.swap(minute, Ordering::Relaxed) != minute {
            recorder.record(&COUNTED_ALONE, Actor::System, |event| event);
        }
    }
}
