//! One SQLite connection behind a mutex, used from blocking threads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::limits::Limit;
use rusqlite::{Connection, InterruptHandle};
use tokio::runtime::Handle;

use crate::fault::Fault;

/// Time one visit to the database may take. An injected query that counts to infinity is interrupted then.
const QUERY_TIME_MAX: Duration = Duration::from_secs(2);
/// Database size in pages of 4 KiB, 128 MiB in all. Above it SQLite answers "full" and the shop 507.
const PAGES_MAX: i64 = 32_768;
/// Bytes of one value, so that an injected `zeroblob` cannot take the machine's memory.
const VALUE_BYTES_MAX: i32 = 1_000_000;
/// Memory SQLite may take in this process, for queries that pile up rows. Beyond it the query fails.
const HEAP_BYTES_MAX: i64 = 128 * 1024 * 1024;

/// The shop's database.
#[derive(Clone)]
pub(crate) struct Db {
    connection: Arc<Mutex<Connection>>,
    interrupt: Arc<InterruptHandle>,
}

impl Db {
    /// Opens or creates the database and brings its tables up.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Db> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "max_page_count", PAGES_MAX)?;
        // Piled-up rows stay in memory, where they are bounded, instead of the system's temporary folder.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "hard_heap_limit", HEAP_BYTES_MAX)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.execute_batch(include_str!("schema.sql"))?;
        let interrupt = Arc::new(connection.get_interrupt_handle());
        Ok(Db { connection: Arc::new(Mutex::new(connection)), interrupt })
    }

    /// Runs `work` on a blocking thread, alone on the connection, for at most [`QUERY_TIME_MAX`].
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    {
        let db = self.clone();
        on_blocking_thread(move |runtime| {
            let mut connection = db.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let interrupt = db.interrupt.clone();
            let watchdog = runtime.spawn(async move {
                tokio::time::sleep(QUERY_TIME_MAX).await;
                interrupt.interrupt();
            });
            let result = work(&mut connection);
            watchdog.abort();
            result
        })
        .await
    }

    /// Runs the first filling, which may take longer than a request may.
    pub(crate) async fn set_up(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> rusqlite::Result<()> {
        let db = self.clone();
        on_blocking_thread(move |_| work(&mut db.connection.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
    }
}

/// Runs `work` where it may block; a panic in it goes on in the caller.
pub(crate) async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce(&Handle) -> T + Send + 'static,
) -> T {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || work(&runtime))
        .await
        .unwrap_or_else(|stopped| std::panic::resume_unwind(stopped.into_panic()))
}
