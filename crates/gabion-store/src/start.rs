//! From settings to running threads.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use gabion_core::entropy::draw;
use gabion_core::{Actor, Event, EventId, Secret};
use gabion_crypto::{KeyRing, Seal};
use tokio::sync::watch;

use crate::config::{Beside, Target};
use crate::db::{LastWriter, READS_WAITING_PER_READER, RolledBack, Shared, StoreDeps};
use crate::health::{Condition, Counters};
use crate::housekeeping::{Housekeeping, MARK_EVERY};
use crate::job::Seed;
use crate::journal::read::newest;
use crate::mark::{Mark, MarkFile};
use crate::queue::{Queue, Waited};
use crate::session::Session;
use crate::sqlite::files::{Identity, Lock};
use crate::sqlite::writer::{Answers, Place, Writer};
use crate::{OpenError, StorageConfig, StoreError, events, key_ring, lease, mark, migration, sqlite};

pub(crate) fn start(config: &StorageConfig, deps: &StoreDeps) -> Result<Arc<Shared>, OpenError> {
    let target = config.target()?;
    match &target {
        Target::Memory => start_memory(config, deps),
        Target::Sqlite { path, beside } => start_sqlite(config, deps, target.clone(), path, beside),
        Target::Postgres { config: address, beside } => {
            crate::pg::start::start(config, deps, target.clone(), address, beside)
        }
    }
}

/// What opening a database finds out before its threads start.
pub(crate) struct Opened {
    pub(crate) keys: KeyRing,
    pub(crate) seal: Seal,
    pub(crate) epoch: i64,
    pub(crate) newest: i64,
    pub(crate) rolled_back: Option<RolledBack>,
}

/// Brings the store's tables up to date, compares with the mark, raises the epoch and opens the key ring.
pub(crate) fn open_tables(
    session: &mut Session,
    deps: &StoreDeps,
    seal_key: Option<&Path>,
    seen: Option<Mark>,
    lease_expires_after: Duration,
) -> Result<Opened, OpenError> {
    let now = deps.clock.now();
    let seed: Seed = Secret::new(draw(&*deps.entropy));
    session.bootstrap()?;
    session.migrate(&migration::STORE, &seed, now)?;
    let rolled_back_id = EventId::new(now, &*deps.entropy);
    session.transact(&seed, None, |tx| {
        let found = Mark { epoch: lease::current(tx)?, position: newest(tx)? };
        let rolled_back = seen.filter(|seen| found.is_behind(*seen)).map(|seen| RolledBack { seen, found });
        let epoch_min = seen.map_or(0, |seen| seen.epoch);
        let holder = format!("process {}", std::process::id());
        let epoch = lease::take(tx, epoch_min, &holder, now.after(lease_expires_after))?;
        let (keys, seal) = key_ring::open(tx, seal_key, now, &*deps.entropy)?;
        if let Some(rolled_back) = rolled_back {
            tx.record(&rolled_back_event(rolled_back, rolled_back_id, now))?;
        }
        Ok(Opened { keys, seal, epoch, newest: newest(tx)?, rolled_back })
    })
}

fn rolled_back_event(rolled_back: RolledBack, id: EventId, at: gabion_core::Timestamp) -> Event {
    let RolledBack { seen, found } = rolled_back;
    tracing::error!(?seen, ?found, "The database is behind what it was: an older copy was put in its place");
    Event::new(&events::ROLLED_BACK, id, at, Actor::System)
        .field("position_seen", seen.position)
        .field("position_found", found.position)
        .field("epoch_seen", seen.epoch)
        .field("epoch_found", found.epoch)
}

pub(crate) fn shared(
    config: &StorageConfig,
    deps: &StoreDeps,
    target: Target,
    opened: Opened,
) -> Arc<Shared> {
    let own_readers = !matches!(target, Target::Memory);
    Arc::new(Shared {
        writes: Queue::new(config.queue_length),
        reads: Queue::new(config.readers * READS_WAITING_PER_READER),
        condition: Condition::new(Arc::clone(&deps.clock)),
        counters: Counters::default(),
        news: Queue::new(1),
        newest: watch::Sender::new(opened.newest),
        clock: Arc::clone(&deps.clock),
        entropy: Arc::clone(&deps.entropy),
        epoch: opened.epoch,
        rolled_back: opened.rolled_back,
        own_readers,
        target,
        keys: RwLock::new(Arc::new(opened.keys)),
        seal: opened.seal,
        threads: Mutex::new(Vec::new()),
    })
}

impl Shared {
    /// Starts a thread that [`crate::Db::close`] waits for.
    pub(crate) fn spawn(&self, name: String, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread: JoinHandle<()> =
            std::thread::Builder::new().name(name).spawn(work).map_err(StoreError::unavailable)?;
        self.threads.lock().expect("no thread panics while it holds the list").push(thread);
        Ok(())
    }
}

fn start_memory(config: &StorageConfig, deps: &StoreDeps) -> Result<Arc<Shared>, OpenError> {
    let mut session = Session::memory()?;
    let opened = open_tables(&mut session, deps, None, None, Duration::ZERO)?;
    let shared = shared(config, deps, Target::Memory, opened);
    spawn_writer(&shared, session, Place::Memory)?;
    Ok(shared)
}

fn start_sqlite(
    config: &StorageConfig,
    deps: &StoreDeps,
    target: Target,
    path: &Path,
    beside: &Beside,
) -> Result<Arc<Shared>, OpenError> {
    create_folder_of(path)?;
    let lock = Arc::new(Lock::take(&beside.file("lock"))?);
    let seal_key = config.seal_key.clone().unwrap_or_else(|| beside.file("key"));
    let mark_path = beside.file("mark");
    let seen =
        mark::read(&mark_path).map_err(|source| OpenError::File { path: mark_path.clone(), source })?;
    let mut session = Session::sqlite(path)?;
    let opened = open_tables(&mut session, deps, Some(&seal_key), seen, Duration::ZERO)?;
    let identity = Identity::of(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    let shared = shared(config, deps, target, opened);
    let started = spawn_sqlite(config, &shared, session, path, identity, lock, MarkFile::new(mark_path));
    // Threads that did start end when their queues close.
    started.inspect_err(|_| shared.close())?;
    Ok(shared)
}

fn spawn_sqlite(
    config: &StorageConfig,
    shared: &Arc<Shared>,
    session: Session,
    path: &Path,
    identity: Identity,
    lock: Arc<Lock>,
    mark: MarkFile,
) -> Result<(), OpenError> {
    spawn_writer(shared, session, Place::File { path: path.to_owned(), identity, _lock: Arc::clone(&lock) })?;
    for number in 1..=config.readers {
        let (path, of_thread) = (path.to_owned(), Arc::clone(shared));
        shared.spawn(format!("store-read-{number}"), move || {
            sqlite::reader::run(&path, &of_thread.reads, || Some(of_thread.keys()));
        })?;
    }
    let of_thread = Arc::clone(shared);
    shared.spawn("store-keeper".to_owned(), move || {
        keep(&of_thread, mark);
        drop(lock);
    })
}

fn spawn_writer(shared: &Arc<Shared>, session: Session, place: Place) -> Result<(), OpenError> {
    let Session::Sqlite(conn) = session else {
        return Err(StoreError::unavailable("a PostgreSQL session where SQLite was opened").into());
    };
    let answers = Arc::new(Answers::new());
    let writer = Writer::new(conn, place, Arc::clone(&answers), Arc::clone(shared));
    shared.spawn("store-answer".to_owned(), move || answers.run())?;
    let last = LastWriter(Arc::clone(shared));
    shared.spawn("store-write".to_owned(), move || {
        writer.run();
        drop(last);
    })
}

/// Does the housekeeping until the writer is gone.
fn keep(shared: &Arc<Shared>, mark: MarkFile) {
    let mut housekeeping = Housekeeping::new(mark, Arc::clone(shared));
    while shared.news.pop_group(1, Some(MARK_EVERY), &mut Vec::new()) != Waited::Closed {
        housekeeping.turn();
    }
    housekeeping.finish();
}

pub(crate) fn create_folder_of(path: &Path) -> Result<(), OpenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let created: io::Result<()> = folder.map_or(Ok(()), std::fs::create_dir_all);
    created.map_err(|source| OpenError::File { path: path.to_owned(), source })
}
