//! Reading threads. Each read sees one snapshot.

use std::sync::Arc;

use super::Connection;
use super::link::Link;
use crate::StoreError;
use crate::db::Shared;
use crate::job::{Job, Outcome};
use crate::tx::Conn;

/// Runs of one read: a connection found dead is replaced once.
const ATTEMPTS_MAX: u32 = 2;

/// Serves reads until the queue is closed and empty.
pub(crate) fn run(mut link: Link, shared: &Arc<Shared>) {
    while let Some(mut job) = shared.reads.pop() {
        let outcome = serve(&mut link, &mut *job, shared);
        job.answer(outcome);
    }
}

fn serve(link: &mut Link, job: &mut dyn Job, shared: &Shared) -> Outcome {
    for _ in 0..ATTEMPTS_MAX {
        let conn = match link.connected() {
            Ok(conn) => conn,
            Err(error) => return Outcome::Lost(error),
        };
        match read(conn, job, shared) {
            Err(error) if !conn.lost => return Outcome::Lost(error),
            Ok(()) if !conn.lost => return Outcome::AsRun,
            Ok(()) | Err(_) => link.drop_connection(),
        }
    }
    Outcome::Lost(StoreError::unavailable("the connection to PostgreSQL was lost twice"))
}

fn read(conn: &mut Connection, job: &mut dyn Job, shared: &Shared) -> Result<(), StoreError> {
    conn.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    job.run(Conn::Postgres(conn), Some(&shared.keys()));
    if !conn.lost {
        // The rows were read; a connection that cannot end the snapshot is replaced before its next use.
        let ended = conn.batch("ROLLBACK");
        if let (Err(error), false) = (ended, conn.lost) {
            return Err(error);
        }
    }
    Ok(())
}
