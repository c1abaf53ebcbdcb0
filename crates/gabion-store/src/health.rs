//! What the operator sees of the database: whether it takes writes, how full it is, how fast it answers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gabion_core::{Clock, Timestamp};
use tracing::{error, info};

use crate::StoreError;

/// The state of the database, for `/readyz` and the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether writes are taken.
    pub writable: bool,
    /// Why not, in words for the operator.
    pub reason: Option<String>,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// Writes that wait.
    pub queue_depth: usize,
    /// How long the oldest of them has waited.
    pub lag: Duration,
}

/// Whether writes are taken, shared between the engine's threads and every caller.
pub(crate) struct Condition {
    clock: Arc<dyn Clock>,
    stopped: AtomicBool,
    state: Mutex<State>,
}

struct State {
    reason: Option<String>,
    since: Timestamp,
    ended: bool,
}

impl Condition {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let state = State { reason: None, since: clock.now(), ended: false };
        Self { clock, stopped: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// The error every write gets now, if any.
    pub(crate) fn refusal(&self) -> Option<StoreError> {
        if !self.stopped.load(Ordering::Acquire) {
            return None;
        }
        self.lock().reason.as_ref().map(StoreError::unavailable)
    }

    /// Stops writing. The first reason stays until [`Condition::resume`]: it is the cause, later ones follow from it.
    pub(crate) fn stop(&self, reason: &str) {
        let mut state = self.lock();
        if state.reason.is_none() {
            error!(reason, "Writing to the database stopped: {reason}");
            state.reason = Some(reason.to_owned());
            state.since = self.clock.now();
        }
        self.stopped.store(true, Ordering::Release);
    }

    /// Stops writing until the process starts anew.
    pub(crate) fn end(&self, reason: &str) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        error!(reason, "Writing to the database ended: {reason}");
        state.reason = Some(reason.to_owned());
        state.since = self.clock.now();
        state.ended = true;
        self.stopped.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.stopped.load(Ordering::Acquire) && self.lock().ended
    }

    /// Takes writes again after a probe succeeded.
    pub(crate) fn resume(&self) {
        if !self.stopped.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.lock();
        if state.ended {
            return;
        }
        info!("Writing to the database goes on");
        state.reason = None;
        state.since = self.clock.now();
        self.stopped.store(false, Ordering::Release);
    }

    pub(crate) fn health(&self, queue_depth: usize, lag: Duration) -> Health {
        let state = self.lock();
        Health {
            writable: state.reason.is_none(),
            reason: state.reason.clone(),
            since: state.since,
            queue_depth,
            lag,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the condition")
    }
}

/// Upper bounds of the write latency histogram, in microseconds. The last bucket has no bound.
pub const LATENCY_BOUNDS_MICROS: [u64; 10] =
    [500, 1_000, 2_000, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_000_000];

/// Counts since the database was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Writes that were committed and acknowledged.
    pub writes: u64,
    /// Commits that carried them. `writes / groups` is the mean group size.
    pub groups: u64,
    /// Writes in the largest group so far.
    pub group_size_max: u64,
    /// Writes refused because the queue was full or writing had stopped.
    pub refused: u64,
    /// Groups that were lost as a whole.
    pub groups_failed: u64,
    /// Closures run again after a serialization conflict or a lost connection.
    pub retries: u64,
    /// Writes by latency, from call to answer; bucket `i` ends at [`LATENCY_BOUNDS_MICROS`]`[i]`.
    pub latency: [u64; LATENCY_BOUNDS_MICROS.len() + 1],
    /// Sum of those latencies in microseconds.
    pub latency_micros_sum: u64,
}

/// The live counters behind [`Metrics`].
#[derive(Default)]
pub(crate) struct Counters {
    writes: AtomicU64,
    groups: AtomicU64,
    group_size_max: AtomicU64,
    refused: AtomicU64,
    groups_failed: AtomicU64,
    retries: AtomicU64,
    latency: [AtomicU64; LATENCY_BOUNDS_MICROS.len() + 1],
    latency_micros_sum: AtomicU64,
}

impl Counters {
    pub(crate) fn committed(&self, size: usize) {
        let size = size as u64;
        self.writes.fetch_add(size, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.group_size_max.fetch_max(size, Ordering::Relaxed);
    }

    pub(crate) fn group_failed(&self) {
        self.groups_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        self.latency[bucket].fetch_add(1, Ordering::Relaxed);
        self.latency_micros_sum.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Metrics {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Metrics {
            writes: load(&self.writes),
            groups: load(&self.groups),
            group_size_max: load(&self.group_size_max),
            refused: load(&self.refused),
            groups_failed: load(&self.groups_failed),
            retries: load(&self.retries),
            latency: std::array::from_fn(|bucket| load(&self.latency[bucket])),
            latency_micros_sum: load(&self.latency_micros_sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use gabion_core::SystemClock;

    use super::*;

    #[test]
    fn the_first_reason_stays_until_writing_goes_on() {
        let condition = Condition::new(Arc::new(SystemClock));
        condition.stop("disk full");
        condition.stop("queue stuck");
        assert_eq!(condition.health(0, Duration::ZERO).reason.as_deref(), Some("disk full"));
        condition.resume();
        assert!(condition.refusal().is_none() && condition.health(0, Duration::ZERO).writable);
    }

    #[test]
    fn an_end_is_final() {
        let condition = Condition::new(Arc::new(SystemClock));
        condition.end("file replaced");
        condition.resume();
        assert!(condition.has_ended());
    }

    #[test]
    fn latencies_fall_into_the_bucket_whose_bound_they_reach() {
        let counters = Counters::default();
        for micros in [1, 500, 501, 3_000_000] {
            counters.answered(Duration::from_micros(micros));
        }
        let metrics = counters.read();
        assert_eq!((metrics.latency[0], metrics.latency[1], metrics.latency[10]), (2, 1, 1));
    }
}
