//! Reading threads, each with its own read-only connection.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;

use super::{open_reader, statement};
use crate::db::Shared;
use crate::job::{Job, Outcome};
use crate::tx::Conn;
use crate::{StoreError, Tx};

/// Serves reads until the queue is closed and empty. Each read sees one snapshot.
pub(crate) fn run(path: &PathBuf, shared: &Arc<Shared>) {
    let mut conn = None;
    while let Some(job) = shared.reads.pop() {
        conn = match conn.take().map_or_else(|| open_reader(path), Ok) {
            Ok(open) => serve(open, job, shared),
            Err(error) => {
                job.answer(Outcome::Lost(error));
                None
            }
        };
    }
}

/// Answers one read. The connection is given back unless it did not work.
fn serve(conn: Connection, mut job: Box<dyn Job>, shared: &Shared) -> Option<Connection> {
    if let Err(error) = statement::execute(&conn, "BEGIN", &[]) {
        job.answer(Outcome::Lost(error));
        return None;
    }
    let keys = shared.keys();
    let seed = job.seed().clone();
    let mut tx = Tx::new(Conn::Sqlite(&conn), &seed, Some(&keys));
    job.run(&mut tx);
    let failed = tx.has_failed();
    job.answer(Outcome::AsRun);
    let ended: Result<_, StoreError> = statement::execute(&conn, "ROLLBACK", &[]);
    (ended.is_ok() && !failed).then_some(conn)
}
