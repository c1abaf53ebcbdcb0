//! Writing threads: SERIALIZABLE transactions, run again on a conflict, resolved when the connection dies at commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gabion_crypto::kdf;

use super::Connection;
use super::link::Link;
use crate::db::{LastWriter, Shared};
use crate::job::{Job, Outcome, Ran};
use crate::queue::Waited;
use crate::tx::Conn;
use crate::{StoreError, params};

/// Runs of one closure before `Busy`. Twelve conflicts in a row mean a row that everyone writes.
const ATTEMPTS_MAX: u32 = 12;

/// Pause before the second run; grows with each. Different per thread, so that two do not meet again.
const CONFLICT_PAUSE: Duration = Duration::from_millis(1);

/// How long the outcome of a commit is looked for. The server ends a dead connection's transaction after 10 s.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two attempts to resolve.
const RESOLVE_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Writer {
    link: Link,
    number: u32,
    shared: Arc<Shared>,
    _last: Arc<LastWriter>,
}

/// How one run ended.
enum Tried {
    /// Committed, or rolled back because the closure said so.
    Done,
    Conflict,
    /// The connection went before the commit was sent: nothing is there.
    Gone,
    /// The connection went after the commit was sent.
    Unknown,
    Refused(StoreError),
}

impl Writer {
    pub(crate) fn new(
        address: postgres::Config,
        number: u32,
        shared: Arc<Shared>,
        last: Arc<LastWriter>,
    ) -> Self {
        Self { link: Link::new(address), number, shared, _last: last }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let mut popped = Vec::with_capacity(1);
        loop {
            let waited = self.shared.writes.pop_group(1, self.link.patience(), &mut popped);
            match (waited, popped.pop()) {
                (Waited::Closed, _) => return,
                (_, Some(job)) => self.serve(job),
                (_, None) => self.connect(),
            }
        }
    }

    /// Connects, and tells everyone how that went.
    fn connect(&mut self) {
        match self.link.connected() {
            Ok(_) => self.shared.condition.resume(),
            Err(StoreError::Unavailable { reason }) => self.shared.condition.stop(&reason),
            Err(error) => self.shared.condition.stop(&error.to_string()),
        }
    }

    fn serve(&mut self, mut job: Box<dyn Job>) {
        for attempt in 1..=ATTEMPTS_MAX {
            self.connect();
            let id = write_id(&*job, attempt);
            let tried = match self.link.connected() {
                Ok(conn) => attempt_once(conn, &mut *job, &id, &self.shared),
                Err(error) => Tried::Refused(error),
            };
            match tried {
                Tried::Done => return job.answer(Outcome::AsRun),
                Tried::Refused(error) => return job.answer(Outcome::Lost(error)),
                Tried::Conflict => self.shared.writes.rest(CONFLICT_PAUSE * attempt * self.number),
                Tried::Gone => self.link.drop_connection(),
                Tried::Unknown => match self.resolve(&id) {
                    Ok(true) => {
                        self.shared.wake_keeper();
                        self.shared.counters.committed(1);
                        return job.answer(Outcome::AsRun);
                    }
                    Ok(false) => {}
                    Err(reason) => return job.answer(Outcome::Lost(StoreError::OutcomeUnknown { reason })),
                },
            }
            self.shared.counters.retried();
        }
        job.answer(Outcome::Lost(StoreError::Busy { reason: "too many writers of the same rows" }));
    }

    /// Says whether the commit with this id took place. Writing the same id waits for a transaction that still
    /// runs; when it can be written, the other one is gone and can never commit.
    fn resolve(&mut self, id: &[u8]) -> Result<bool, String> {
        let deadline = Instant::now() + RESOLVE_PATIENCE;
        let sql = "INSERT INTO gabion_write (id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        self.link.drop_connection();
        loop {
            let now = self.shared.clock.now();
            let claimed = self.link.connected().and_then(|conn| conn.execute(sql, params![id, now]));
            match claimed {
                Ok(count) => return Ok(count == 0),
                Err(error) if Instant::now() > deadline => return Err(error.to_string()),
                Err(error) => {
                    tracing::debug!(%error, "The outcome of a commit is still unknown");
                    self.shared.writes.rest(RESOLVE_PAUSE);
                }
            }
        }
    }
}

fn attempt_once(conn: &mut Connection, job: &mut dyn Job, id: &[u8], shared: &Shared) -> Tried {
    conn.conflict = false;
    if let Err(error) = conn.batch("BEGIN ISOLATION LEVEL SERIALIZABLE") {
        return ended(conn, error);
    }
    let (ran, progress) = job.run(Conn::Postgres(conn), Some(&shared.keys()));
    if conn.lost {
        return Tried::Gone;
    }
    if conn.conflict || ran == Ran::RollBack {
        let conflict = conn.conflict;
        // Either way nothing is kept; a connection that cannot roll back is replaced before its next use.
        conn.lost |= conn.batch("ROLLBACK").is_err();
        return if conflict { Tried::Conflict } else { Tried::Done };
    }
    match fence(conn, id, shared) {
        Ok(true) => {}
        Ok(false) => return taken_over(conn, shared),
        Err(error) => return ended(conn, error),
    }
    if let Err(error) = conn.batch("COMMIT") {
        return if conn.lost { Tried::Unknown } else { ended(conn, error) };
    }
    shared.counters.committed(1);
    if progress.recorded {
        shared.wake_keeper();
    }
    Tried::Done
}

/// Writes the id of this run, unless another process has taken the lease.
fn fence(conn: &mut Connection, id: &[u8], shared: &Shared) -> Result<bool, StoreError> {
    let sql = "INSERT INTO gabion_write (id, at) SELECT $1, $2 FROM gabion_lease WHERE name = 'node' AND epoch = $3";
    Ok(conn.execute(sql, params![id, shared.clock.now(), shared.epoch])? == 1)
}

fn taken_over(conn: &mut Connection, shared: &Shared) -> Tried {
    let reason = "another process took over this database";
    shared.condition.end(reason);
    // The refusal stands whether or not the server hears of the rollback: it ends idle transactions itself.
    conn.lost |= conn.batch("ROLLBACK").is_err();
    Tried::Refused(StoreError::unavailable(reason))
}

fn ended(conn: &mut Connection, error: StoreError) -> Tried {
    if conn.lost {
        return Tried::Gone;
    }
    let conflict = conn.conflict;
    // A connection that cannot even roll back is replaced before its next use.
    conn.lost |= conn.batch("ROLLBACK").is_err();
    if conflict { Tried::Conflict } else { Tried::Refused(error) }
}

/// Different for each run, and not to be guessed or met twice.
fn write_id(job: &dyn Job, attempt: u32) -> [u8; 16] {
    let id = kdf::derive(job.seed(), &[b"write id", &attempt.to_be_bytes()]);
    *id.expose().first_chunk().expect("a derived key has 32 bytes")
}
