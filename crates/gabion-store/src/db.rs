//! The handle every domain gets.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;

use gabion_core::entropy::draw;
use gabion_core::{Actor, Clock, Entropy, Event, EventId, Secret};
use gabion_crypto::{KeyRing, KeyUse, Seal};
use tokio::sync::{oneshot, watch};

use crate::config::Target;
use crate::health::{Condition, Counters};
use crate::job::{Access, Call, Job};
use crate::journal::Journal;
use crate::mark::Mark;
use crate::migration::{self, Migrations};
use crate::queue::{Queue, Refused};
use crate::{
    Health, Metrics, MigrateError, OpenError, StorageConfig, StoreError, Tx, events, key_ring, start,
};

/// Reads that wait per reading thread before `Busy`.
pub(crate) const READS_WAITING_PER_READER: usize = 256;

/// What the store needs from outside.
#[derive(Clone)]
pub struct StoreDeps {
    /// Times of leases and key rows.
    pub clock: Arc<dyn Clock>,
    /// Keys, seeds and ids.
    pub entropy: Arc<dyn Entropy>,
}

/// A handle on the database; clones share it. When the last clone is gone, waiting work is finished and the
/// threads end; [`Db::close`] waits for that.
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
    // Closes the queues when the last handle goes.
    _closing: Arc<CloseOnDrop>,
}

/// What the handle and the engine's threads share.
pub(crate) struct Shared {
    pub(crate) writes: Queue<Box<dyn Job>>,
    pub(crate) reads: Queue<Box<dyn Job>>,
    pub(crate) condition: Condition,
    pub(crate) counters: Counters,
    /// Wakes the keeper thread; closed when the writers are gone.
    pub(crate) news: Queue<()>,
    pub(crate) newest: watch::Sender<i64>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) epoch: i64,
    pub(crate) rolled_back: Option<RolledBack>,
    /// Whether reads have threads of their own; the in-memory database has one connection for all.
    pub(crate) own_readers: bool,
    pub(crate) target: Target,
    pub(crate) keys: RwLock<Arc<KeyRing>>,
    pub(crate) seal: Seal,
    pub(crate) threads: Mutex<Vec<JoinHandle<()>>>,
}

/// The database was found behind its high-water mark at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// How far it had come.
    pub seen: Mark,
    /// Where it was at start.
    pub found: Mark,
}

/// Closes the keeper's queue when the last writer is gone, so that it numbers what they wrote before it ends.
pub(crate) struct LastWriter(pub(crate) Arc<Shared>);

impl Drop for LastWriter {
    fn drop(&mut self) {
        self.0.news.close();
    }
}

struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Shared {
    pub(crate) fn keys(&self) -> Arc<KeyRing> {
        // The ring is replaced as a whole, so a panic while it was locked left it whole.
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the keeper that there are events without a position.
    pub(crate) fn wake_keeper(&self) {
        // A full queue means that it was told already.
        let _told = self.news.push(());
    }

    pub(crate) fn close(&self) {
        self.reads.close();
        self.writes.close();
    }
}

impl Db {
    /// Opens or creates the database, brings the store's own tables up to date, opens the key ring and starts the
    /// threads. Takes as long as the database needs to answer.
    ///
    /// # Errors
    /// [`OpenError`]; nothing runs then, and another process's use of the database was not disturbed.
    pub async fn open(config: StorageConfig, deps: StoreDeps) -> Result<Self, OpenError> {
        let shared = on_own_thread(move || start::start(&config, &deps)).await??;
        Ok(Self { _closing: Arc::new(CloseOnDrop(Arc::clone(&shared))), shared })
    }

    /// Runs `closure` in a transaction and answers after the commit that makes it durable.
    ///
    /// The closure may run several times and must give the same each time: ids, times and keys are made before it
    /// and moved in. It does no other IO and takes at most a few milliseconds; on SQLite all writers wait for it.
    /// When it returns an error, its writes are undone. A caller that stops waiting may still see it committed.
    ///
    /// # Errors
    /// The closure's own; [`StoreError::Busy`] when too many wait; [`StoreError::Unavailable`] when the database
    /// takes no writes; [`StoreError::OutcomeUnknown`] when the commit's answer was lost for good.
    pub async fn write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let started = Instant::now();
        let result = self.call(closure, Access::Write).await;
        self.shared.counters.answered(started.elapsed());
        result
    }

    /// Runs `closure` on one snapshot of the database, beside the writers. Whatever it writes is refused or undone.
    ///
    /// # Errors
    /// The closure's own; [`StoreError::Busy`] when too many wait; [`StoreError::Unavailable`] when the database
    /// does not answer.
    pub async fn read<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.call(closure, Access::Read).await
    }

    /// Brings the tables of the given domains up to date, in the given order.
    ///
    /// # Errors
    /// [`MigrateError`]; steps before the failing one are applied, the failing one left nothing.
    pub async fn migrate(&self, lists: &[Migrations]) -> Result<(), MigrateError> {
        for list in lists.iter().copied() {
            let applied: Result<_, StoreError> =
                self.read(move |tx| migration::applied(tx, list.domain)).await;
            for step in list.pending(&applied?)? {
                let at = self.shared.clock.now();
                self.write(move |tx| migration::apply(tx, list.domain, step, at)).await?;
            }
        }
        Ok(())
    }

    /// The reading side of the journal.
    pub fn journal(&self) -> Journal {
        Journal::new(self.clone())
    }

    /// The opened key ring.
    pub fn keys(&self) -> Arc<KeyRing> {
        self.shared.keys()
    }

    /// Replaces the key of a use by a new one. What the old one protects stays readable.
    ///
    /// # Errors
    /// As [`Db::write`]; [`StoreError::Busy`] when another rotation was faster.
    pub async fn rotate_key(&self, key_use: KeyUse, by: Actor) -> Result<(), StoreError> {
        let (now, entropy) = (self.shared.clock.now(), &*self.shared.entropy);
        let row = self.keys().rotate(key_use, now, entropy);
        let event = Event::new(&events::KEY_ROTATED, EventId::new(now, entropy), now, by)
            .entity("key", key_use)
            .field("epoch", i64::from(row.epoch));
        let stored = row.clone();
        let written: Result<(), StoreError> = self
            .write(move |tx| {
                key_ring::insert(tx, &stored)?;
                tx.record(&event)
            })
            .await;
        match written {
            Err(error) if error.is_unique() => {
                return Err(StoreError::Busy { reason: "the key is being rotated" });
            }
            written => written?,
        }
        let rows = self.read(key_ring::rows).await?;
        let ring = KeyRing::open(self.shared.seal.clone(), rows)
            .map_err(|_| StoreError::Sealed { what: "the key ring" })?;
        *self.shared.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }

    /// The state of the database. Never waits.
    pub fn health(&self) -> Health {
        self.shared.condition.health(self.shared.writes.depth(), self.shared.writes.lag())
    }

    /// Counts since the database was opened.
    pub fn metrics(&self) -> Metrics {
        self.shared.counters.read()
    }

    /// Set when the database was found behind its high-water mark at this start: somebody put an older copy in
    /// its place. The event `store.rolled_back` tells the same.
    pub fn rolled_back(&self) -> Option<RolledBack> {
        self.shared.rolled_back
    }

    /// Takes no more work, finishes what waits, and gives the database free for another process.
    pub async fn close(self) {
        self.shared.close();
        let threads =
            std::mem::take(&mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let ended =
            on_own_thread(move || threads.into_iter().filter_map(|thread| thread.join().err()).count());
        if let Ok(1..) | Err(_) = ended.await {
            tracing::error!("A database thread had panicked");
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    async fn call<T, E, F>(&self, closure: F, access: Access) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let queue = match access {
            Access::Read if self.shared.own_readers => &self.shared.reads,
            Access::Read | Access::Write => &self.shared.writes,
        };
        if let Some(error) = self.shared.condition.refusal().filter(|_| access == Access::Write) {
            self.shared.counters.refused();
            return Err(error.into());
        }
        let (job, answer) = Call::new(closure, access, Secret::new(draw(&*self.shared.entropy)));
        if let Err((_, refused)) = queue.push(Box::new(job)) {
            self.shared.counters.refused();
            return Err(match refused {
                Refused::Full => StoreError::Busy { reason: "too many requests wait for the database" },
                Refused::Closed => StoreError::Closed,
            }
            .into());
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}

/// Runs blocking work on a thread of its own: the PostgreSQL driver must not run inside a runtime.
pub(crate) async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let (reply, answer) = oneshot::channel();
    std::thread::Builder::new()
        .name("store-task".to_owned())
        .spawn(move || drop(reply.send(work())))
        .map_err(StoreError::unavailable)?;
    answer.await.map_err(|_| StoreError::Panicked { message: "a store task ended early".to_owned() })
}
