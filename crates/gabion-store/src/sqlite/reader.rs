//! Reading threads, each with its own read-only connection.

use std::path::Path;
use std::sync::Arc;

use gabion_crypto::KeyRing;
use rusqlite::Connection;

use super::{open_reader, statement};
use crate::job::{Job, Outcome};
use crate::queue::Queue;
use crate::tx::Conn;

/// Serves reads until the queue is closed and empty. Each read sees one snapshot.
pub(crate) fn run(path: &Path, reads: &Queue<Box<dyn Job>>, keys: impl Fn() -> Option<Arc<KeyRing>>) {
    let mut conn = None;
    while let Some(job) = reads.pop() {
        conn = match conn.take().map_or_else(|| open_reader(path), Ok) {
            Ok(open) => serve(open, job, keys().as_ref()),
            Err(error) => {
                job.answer(Outcome::Lost(error));
                None
            }
        };
    }
}

/// Answers one read. The connection is given back unless it did not work.
fn serve(conn: Connection, mut job: Box<dyn Job>, keys: Option<&Arc<KeyRing>>) -> Option<Connection> {
    if let Err(error) = statement::execute(&conn, "BEGIN", &[]) {
        job.answer(Outcome::Lost(error));
        return None;
    }
    let (_, progress) = job.run(Conn::Sqlite(&conn), keys);
    job.answer(Outcome::AsRun);
    let ended = statement::execute(&conn, "ROLLBACK", &[]);
    (ended.is_ok() && !progress.failed).then_some(conn)
}
