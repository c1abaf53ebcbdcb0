//! Rate counters that several processes share over PostgreSQL, and that outlive a restart.
//!
//! Beside the engine: own threads with a connection each, no lease, no journal. Whoever counts is never held up for
//! long: an answer that does not come in time is given up, and nobody asks again for [`PAUSE`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::config::Target;
use crate::queue::Queue;
use crate::{OpenError, StorageConfig, StoreError, pg};

/// How long nobody asks a database that did not answer.
pub const PAUSE: Duration = Duration::from_secs(1);

/// Counting threads, each with a connection.
const THREADS: usize = 4;

/// Counts that wait. A thread answers thousands a second, so that more would wait longer than visitors do.
const WAITING_MAX: usize = 256;

/// 73 years in nanoseconds: three of them added up still fit a BIGINT.
const NANOSECONDS_MAX: i64 = i64::MAX / 4;

/// A handle on the counters; clones share it. The threads end when the last one is gone.
#[derive(Clone)]
pub struct Counter(Arc<Inner>);

struct Inner {
    asks: Arc<Queue<Ask>>,
    patience: Duration,
    opened: Instant,
    /// Milliseconds after `opened` until which nobody asks.
    paused_until: AtomicU64,
}

/// One request to be counted.
pub(crate) struct Ask {
    pub(crate) key: i64,
    pub(crate) interval: i64,
    pub(crate) tolerance: i64,
    pub(crate) reply: oneshot::Sender<Result<Counted, StoreError>>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whether it fits the limit; only then it counts.
    pub allowed: bool,
    /// Nanoseconds that the next request at exactly the allowed rate lies ahead.
    pub ahead: u64,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.asks.close();
    }
}

impl Counter {
    /// Starts the threads; they connect with the first count. None on SQLite, where one process owns the database and
    /// counts alone. A count is given up after `patience`. The tables have to be there: [`crate::Db::open`] makes them.
    ///
    /// # Errors
    /// [`OpenError::Config`], or when a thread cannot be started.
    pub fn open(config: &StorageConfig, patience: Duration) -> Result<Option<Self>, OpenError> {
        let Target::Postgres { config: address, .. } = config.target()? else { return Ok(None) };
        let asks = Arc::new(Queue::new(WAITING_MAX));
        let inner = Inner { asks, patience, opened: Instant::now(), paused_until: AtomicU64::new(0) };
        for number in 1..=THREADS {
            let (address, asks) = ((*address).clone(), Arc::clone(&inner.asks));
            std::thread::Builder::new()
                .name(format!("store-count-{number}"))
                .spawn(move || pg::counter::run(address, &asks, patience))
                .map_err(StoreError::unavailable)?;
        }
        Ok(Some(Self(Arc::new(inner))))
    }

    /// Counts a request of `key`, of which one may come every `interval` nanoseconds and early by as much as
    /// `tolerance` allows. Exact for all processes on the database: the row is locked while it is decided, and only
    /// the database's clock is read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer in time, and for [`PAUSE`] after that at once;
    /// [`StoreError::Busy`] when too many wait; [`StoreError::Statement`] when the table is not there.
    pub async fn count(&self, key: u64, interval: u64, tolerance: u64) -> Result<Counted, StoreError> {
        let inner = &self.0;
        if inner.after(Duration::ZERO) < inner.paused_until.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("it did not answer a moment ago"));
        }
        let (reply, answer) = oneshot::channel();
        let (interval, tolerance) = (bounded(interval), bounded(tolerance));
        let ask = Ask { key: key.cast_signed(), interval, tolerance, reply };
        inner.asks.push(ask).map_err(|_| StoreError::Busy { reason: "too many counts wait" })?;
        let counted = match tokio::time::timeout(inner.patience, answer).await {
            Ok(answered) => answered.unwrap_or(Err(StoreError::Closed)),
            Err(_) => Err(StoreError::unavailable("it took too long to count")),
        };
        if counted.is_err() {
            inner.paused_until.store(inner.after(PAUSE), Ordering::Relaxed);
        }
        counted
    }
}

impl Inner {
    /// So long from now, in milliseconds after the start.
    fn after(&self, time: Duration) -> u64 {
        u64::try_from((self.opened.elapsed() + time).as_millis()).unwrap_or(u64::MAX)
    }
}

fn bounded(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(NANOSECONDS_MAX).min(NANOSECONDS_MAX)
}
