//! The edge's own lane for its volume of events: blocked, limited, challenged, failed requests.
//!
//! A flood of them must never delay a payment, so they do not go through the journal: they have their own SQLite
//! file, are written without waiting for the disk, are not sealed, and are bounded in every direction. Above a
//! budget per second, events of one key become one event with a `count`; what does not fit at all is dropped,
//! counted, and told by a `store.lane_dropped` event. The lane works while the main database is dead.
//!
//! Personal fields are stored as they are: the edge holds no keys. Retention is what erases them.

mod aggregate;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use gabion_core::{Clock, Entropy, Event, EventId, Secret};
use tokio::sync::watch;

use crate::db::on_own_thread;
use crate::job::{Access, Call, Job};
use crate::journal::read::{self, Direction};
use crate::journal::{Entry, Filter, View};
use crate::queue::Queue;
use crate::sqlite::files::Lock;
use crate::sqlite::{self, reader};
use crate::{OpenError, StoreError, Tx};

/// Reads that wait before `Busy`.
const READS_WAITING_MAX: usize = 64;

/// What the lane takes and keeps.
#[derive(Clone, Debug)]
pub struct LaneConfig {
    /// Events that wait for the writer. Above it they are dropped and counted.
    pub queue_length: usize,
    /// Events of one second that are kept one by one. Above it they are counted by key.
    pub events_per_second_max: u32,
    /// Rows kept; the oldest go first.
    pub rows_max: u64,
    /// Bytes of the file's content; the oldest rows go first.
    pub bytes_max: u64,
    /// Names of the fields that make the key, beside kind, site and severity. They take few different values.
    pub key_fields: Vec<String>,
}

impl Default for LaneConfig {
    /// 200 events a second in full, 500,000 rows, 256 MiB.
    fn default() -> Self {
        Self {
            queue_length: 16_384,
            events_per_second_max: 200,
            rows_max: 500_000,
            bytes_max: 256 * 1024 * 1024,
            key_fields: ["status", "rule", "route", "upstream", "reason"].map(str::to_owned).to_vec(),
        }
    }
}

/// What became of the events offered since the lane was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneStats {
    /// All of them.
    pub offered: u64,
    /// Rows written, aggregates included.
    pub written: u64,
    /// Events that went into an aggregate.
    pub aggregated: u64,
    /// Events that are lost: queue full, too many keys, or the file could not be written.
    pub dropped: u64,
}

/// A handle on the lane; clones share it.
#[derive(Clone)]
pub struct Lane {
    shared: Arc<Shared>,
    // Closes the queues when the last handle goes.
    _closing: Arc<CloseOnDrop>,
}

struct Shared {
    events: Queue<Event>,
    reads: Arc<Queue<Box<dyn Job>>>,
    newest: watch::Sender<i64>,
    counters: Counters,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Counters {
    offered: AtomicU64,
    written: AtomicU64,
    aggregated: AtomicU64,
    dropped: AtomicU64,
}

struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Shared {
    fn close(&self) {
        self.events.close();
        self.reads.close();
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(StoreError::unavailable)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }
}

impl Lane {
    /// Opens or creates the file and starts its threads.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another process has it, [`OpenError::Store`] when the file does not open. The
    /// edge can go on without a lane.
    pub async fn open(
        path: PathBuf,
        config: LaneConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        let shared = on_own_thread(move || start(path, config, clock, entropy)).await??;
        Ok(Self { _closing: Arc::new(CloseOnDrop(Arc::clone(&shared))), shared })
    }

    /// Hands an event over. Never waits and never fails: an event that finds no room is counted as dropped.
    pub fn offer(&self, event: Event) {
        self.shared.counters.offered.fetch_add(1, Ordering::Relaxed);
        if self.shared.events.push(event).is_err() {
            self.shared.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Events behind `after`, oldest first; as [`crate::Journal::read`]. Old positions disappear by retention.
    ///
    /// # Errors
    /// As [`crate::Db::read`].
    pub async fn read(
        &self,
        after: i64,
        limit: usize,
        filter: Filter,
        view: View,
    ) -> Result<Vec<Entry>, StoreError> {
        self.call(move |tx| read::page(tx, Direction::After(after), limit, &filter, view)).await
    }

    /// Events before `before`, newest first; as [`crate::Journal::read_back`].
    ///
    /// # Errors
    /// As [`crate::Db::read`].
    pub async fn read_back(
        &self,
        before: Option<i64>,
        limit: usize,
        filter: Filter,
        view: View,
    ) -> Result<Vec<Entry>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        self.call(move |tx| read::page(tx, Direction::Before(before), limit, &filter, view)).await
    }

    /// The event of this id, by its index; as [`crate::Journal::find`]. None also once retention took it.
    ///
    /// # Errors
    /// As [`crate::Db::read`].
    pub async fn find(&self, id: EventId, view: View) -> Result<Option<Entry>, StoreError> {
        self.call(move |tx| read::find(tx, id, view)).await
    }

    /// The newest position; 0 when there was never one.
    pub fn newest(&self) -> i64 {
        *self.shared.newest.borrow()
    }

    /// Wakes whenever the newest position moved, within 250 ms of the event; aggregates come when their second
    /// is over.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.shared.newest.subscribe()
    }

    /// What became of the events so far.
    pub fn stats(&self) -> LaneStats {
        let Counters { offered, written, aggregated, dropped } = &self.shared.counters;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LaneStats {
            offered: load(offered),
            written: load(written),
            aggregated: load(aggregated),
            dropped: load(dropped),
        }
    }

    /// Takes no more events, writes what waits, and gives the file free.
    pub async fn close(self) {
        self.shared.close();
        let threads =
            std::mem::take(&mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let ended =
            on_own_thread(move || threads.into_iter().filter_map(|thread| thread.join().err()).count());
        if let Ok(1..) | Err(_) = ended.await {
            tracing::error!("A thread of the lane had panicked");
        }
    }

    async fn call<T, F>(&self, closure: F) -> Result<T, StoreError>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        // Nothing is derived from this seed: the lane encrypts nothing.
        let (job, answer) = Call::new(closure, Access::Read, Secret::new([0; 32]));
        match self.shared.reads.push(Box::new(job)) {
            Ok(()) => answer.await.unwrap_or(Err(StoreError::Closed)),
            Err((_, crate::queue::Refused::Closed)) => Err(StoreError::Closed),
            Err((_, crate::queue::Refused::Full)) => {
                Err(StoreError::Busy { reason: "too many requests wait for the lane" })
            }
        }
    }
}

fn start(
    path: PathBuf,
    config: LaneConfig,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<Shared>, OpenError> {
    crate::start::create_folder_of(&path)?;
    let lock = Lock::take(&path.with_added_extension("lock"))?;
    let conn = sqlite::open_lane(&path, config.bytes_max)?;
    let newest = writer::newest(&conn)?;
    let shared = Arc::new(Shared {
        events: Queue::new(config.queue_length),
        reads: Arc::new(Queue::new(READS_WAITING_MAX)),
        newest: watch::Sender::new(newest),
        counters: Counters::default(),
        threads: Mutex::new(Vec::new()),
    });
    let reads = Arc::clone(&shared.reads);
    let writer = writer::Writer::new(conn, config, clock, entropy, Arc::clone(&shared));
    let started = shared
        .spawn("lane-read", move || reader::run(&path, &reads, || None))
        .and_then(|()| shared.spawn("lane-write", move || writer.run(lock)));
    // A thread that did start ends when its queue closes.
    started.inspect_err(|_| shared.close())?;
    Ok(shared)
}
