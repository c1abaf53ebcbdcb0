//! The SQLite engine: one writer thread with group commit, reading threads, one lock file.

pub(crate) mod files;
pub(crate) mod reader;
pub(crate) mod statement;
pub(crate) mod writer;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;

/// How long a statement waits for a foreign process, such as a shell, that holds the database. Our own threads
/// never wait for each other.
const FOREIGN_LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Statements each connection keeps prepared.
const STATEMENTS_CACHED: usize = 256;

/// Opens the file for writing and creates it when it is not there. WAL keeps readers going during a commit;
/// `synchronous=FULL` makes the commit wait until the log is on the disk.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    files::create_private(path).map_err(StoreError::unavailable)?;
    let conn = Connection::open_with_flags(path, flags).map_err(|error| statement::error("open", error))?;
    settle(
        &conn,
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;
         PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192; PRAGMA journal_size_limit=67108864;",
    )?;
    Ok(conn)
}

/// Opens the file for reading only.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(|error| statement::error("open", error))?;
    settle(&conn, "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-2048;")?;
    Ok(conn)
}

/// Opens a database that lives as long as the connection.
pub(crate) fn open_memory() -> Result<Connection, StoreError> {
    let conn = Connection::open_in_memory().map_err(|error| statement::error("open", error))?;
    settle(&conn, "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;")?;
    Ok(conn)
}

/// Opens the lane's file: a crash of the machine may lose its last seconds, never its structure.
pub(crate) fn open_lane(path: &Path, bytes_max: u64) -> Result<Connection, StoreError> {
    files::create_private(path).map_err(StoreError::unavailable)?;
    let conn = Connection::open(path).map_err(|error| statement::error("open", error))?;
    // The hard end is a quarter above what trimming aims for.
    let pages_max = (bytes_max + bytes_max / 4) / 4096;
    settle(
        &conn,
        &format!(
            "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA trusted_schema=OFF;
             PRAGMA cache_size=-2048; PRAGMA journal_size_limit=8388608; PRAGMA max_page_count={pages_max};"
        ),
    )?;
    statement::batch(&conn, include_str!("../migrations/sqlite/lane.sql"))?;
    Ok(conn)
}

fn settle(conn: &Connection, pragmas: &str) -> Result<(), StoreError> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    conn.busy_timeout(FOREIGN_LOCK_PATIENCE).map_err(|error| statement::error("open", error))?;
    statement::batch(conn, pragmas)
}
