//! Opening a PostgreSQL database.

use std::sync::Arc;

use super::keeper::{self, Keeper, LEASE, LeaseState};
use super::link::Link;
use super::writer::Writer;
use super::{Connection, reader};
use crate::config::{Beside, Target};
use crate::db::{LastWriter, Shared, StoreDeps};
use crate::mark::{self, MarkFile};
use crate::session::Session;
use crate::start::{create_folder_of, open_tables, shared};
use crate::{OpenError, StorageConfig, StoreError};

pub(crate) fn start(
    config: &StorageConfig,
    deps: &StoreDeps,
    target: Target,
    address: &postgres::Config,
    beside: &Beside,
) -> Result<Arc<Shared>, OpenError> {
    let mark_path = beside.file("mark");
    create_folder_of(&mark_path)?;
    let seen =
        mark::read(&mark_path).map_err(|source| OpenError::File { path: mark_path.clone(), source })?;
    let seal_key = config.seal_key.clone().unwrap_or_else(|| beside.file("key"));
    let mut session = locked_session(address)?;
    let opened = open_tables(&mut session, deps, Some(&seal_key), seen, LEASE)?;
    let shared = shared(config, deps, target, opened);
    let Session::Postgres(mut conn) = session else {
        return Err(StoreError::unavailable("a SQLite session where PostgreSQL was opened").into());
    };
    keeper::renew(&mut conn, shared.epoch, LEASE)?;
    let started = spawn(config, address, &shared, *conn, MarkFile::new(mark_path));
    // Threads that did start end when their queues close.
    started.inspect_err(|_| shared.close())?;
    Ok(shared)
}

/// Connects and makes sure that nobody else is active. A process that was killed gives its lock free at once; one
/// that was cut off keeps the lease until it runs out.
pub(crate) fn locked_session(address: &postgres::Config) -> Result<Session, OpenError> {
    let mut conn = Connection::open(address)?;
    if !keeper::try_lock(&mut conn)? {
        // Without a lease to read, the holder of the lock is just making the tables.
        match keeper::lease_state(&mut conn) {
            Ok(LeaseState::RunOut) => tracing::warn!("Taking over a lease that has run out"),
            Ok(LeaseState::Held(holder)) => return Err(OpenError::InUse { holder }),
            Ok(LeaseState::Absent) | Err(_) => {
                return Err(OpenError::InUse { holder: "a process that is just starting".to_owned() });
            }
        }
    }
    Ok(Session::Postgres(Box::new(conn)))
}

fn spawn(
    config: &StorageConfig,
    address: &postgres::Config,
    shared: &Arc<Shared>,
    conn: Connection,
    mark: MarkFile,
) -> Result<(), OpenError> {
    let last = Arc::new(LastWriter(Arc::clone(shared)));
    for number in (1u32..).take(config.writers) {
        let writer = Writer::new(address.clone(), number, Arc::clone(shared), Arc::clone(&last));
        shared.spawn(format!("store-write-{number}"), move || writer.run())?;
    }
    for number in 1..=config.readers {
        let (link, of_thread) = (Link::new(address.clone()), Arc::clone(shared));
        shared.spawn(format!("store-read-{number}"), move || reader::run(link, &of_thread))?;
    }
    let keeper = Keeper::new(Link::with(address.clone(), conn), mark, Arc::clone(shared));
    shared.spawn("store-keeper".to_owned(), move || keeper.run())
}
