//! The one writer: many closures, one commit.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::files::{Identity, Lock};
use super::{open_writer, statement};
use crate::db::Shared;
use crate::job::{Job, Outcome, Ran};
use crate::queue::Waited;
use crate::tx::{Conn, Progress};
use crate::{StoreError, Tx};

/// Closures of one commit. More would make the first of them wait too long for its answer; the gain over single
/// commits is nearly complete at a tenth of this.
pub(crate) const GROUP_MAX: usize = 512;

/// Time after which a group takes no further closures, so that slow ones do not hold up many answers.
const GROUP_TIME_MAX: Duration = Duration::from_millis(20);

/// Time between attempts to write again after writing stopped.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// Where the database is, and what tells that it is still there.
pub(crate) enum Place {
    Memory,
    File {
        path: PathBuf,
        identity: Identity,
        /// Held as long as the writer lives.
        _lock: Arc<Lock>,
    },
}

pub(crate) struct Writer {
    conn: Connection,
    place: Place,
    probe_at: Instant,
    shared: Arc<Shared>,
}

impl Writer {
    pub(crate) fn new(conn: Connection, place: Place, shared: Arc<Shared>) -> Self {
        Self { conn, place, probe_at: Instant::now(), shared }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let mut waiting: Vec<Box<dyn Job>> = Vec::new();
        loop {
            let stopped = self.shared.condition.refusal();
            let patience = stopped.is_some().then(|| self.probe_at.saturating_duration_since(Instant::now()));
            if waiting.is_empty()
                && self.shared.writes.pop_group(GROUP_MAX, patience, &mut waiting) == Waited::Closed
            {
                return;
            }
            let Some(error) = stopped else {
                waiting = self.group(waiting);
                continue;
            };
            let lost = lost(&error);
            waiting.drain(..).for_each(|job| job.answer(Outcome::Lost(lost.error())));
            if Instant::now() >= self.probe_at {
                self.probe();
                self.probe_at = Instant::now() + PROBE_EVERY;
            }
        }
    }

    /// Runs and commits a group and gives back the jobs that no longer fitted in.
    fn group(&mut self, jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        if let Err(error) = self.begin() {
            self.lose(jobs, &lost(&error));
            return Vec::new();
        }
        let started = Instant::now();
        let mut ran = Vec::with_capacity(jobs.len());
        let mut news = Progress::default();
        let mut jobs = jobs.into_iter();
        while let Some(mut job) = jobs.next() {
            let result = self.in_savepoint(&mut *job, &mut news);
            ran.push(job);
            if let Err(error) = result {
                ran.extend(jobs);
                self.lose(ran, &lost(&error));
                return Vec::new();
            }
            if started.elapsed() > GROUP_TIME_MAX {
                break;
            }
        }
        self.commit(ran, news);
        jobs.collect()
    }

    fn begin(&self) -> Result<(), StoreError> {
        if let Place::File { identity, .. } = &self.place
            && !identity.still_holds()
        {
            let reason = "the database file was removed or replaced while Gabion ran; restart Gabion";
            self.shared.condition.end(reason);
            return Err(StoreError::unavailable(reason));
        }
        self.cached("BEGIN IMMEDIATE")
    }

    /// Runs one closure in its own savepoint. An error means that the whole transaction is gone: a full disk or
    /// a failed read rolls back all of it, not the statement alone.
    fn in_savepoint(&self, job: &mut dyn Job, news: &mut Progress) -> Result<(), StoreError> {
        self.cached("SAVEPOINT write_closure")?;
        let keys = self.shared.keys();
        let seed = job.seed().clone();
        let mut tx = Tx::new(Conn::Sqlite(&self.conn), &seed, Some(&keys));
        let ran = job.run(&mut tx);
        let progress = tx.progress();
        if self.conn.is_autocommit() {
            return Err(StoreError::unavailable(statement::DISK_FULL));
        }
        if ran == Ran::RollBack {
            self.cached("ROLLBACK TO write_closure")?;
        } else if progress.recorded {
            *news = progress;
        }
        self.cached("RELEASE write_closure")
    }

    fn commit(&mut self, ran: Vec<Box<dyn Job>>, news: Progress) {
        if let Err(error) = self.cached("COMMIT") {
            self.lose(ran, &lost_at_commit(&error));
            return;
        }
        self.shared.counters.committed(ran.len());
        for job in ran {
            job.answer(Outcome::AsRun);
        }
        if let Some(position) = news.position {
            self.shared.newest.send_replace(position);
        }
    }

    /// Answers a group whose transaction is gone, and stops writing until a probe goes through. A closure that
    /// failed by itself is answered the same way: whatever it saw was never committed.
    fn lose(&mut self, jobs: Vec<Box<dyn Job>>, lost: &Lost) {
        if !self.conn.is_autocommit()
            && let Err(error) = statement::batch(&self.conn, "ROLLBACK")
        {
            tracing::warn!(%error, "Rolling back a lost group did not work; the connection is replaced");
        }
        self.shared.counters.group_failed();
        self.shared.condition.stop(&lost.reason);
        self.probe_at = Instant::now() + PROBE_EVERY;
        for job in jobs {
            job.answer(Outcome::Lost(lost.error()));
        }
    }

    /// Replaces the connection and commits a row; writing goes on when that works.
    fn probe(&mut self) {
        let Place::File { path, identity, .. } = &self.place else {
            self.shared.condition.resume();
            return;
        };
        if self.shared.condition.has_ended() || !identity.still_holds() {
            return;
        }
        let reopened = open_writer(path).and_then(|conn| {
            statement::batch(
                &conn,
                "BEGIN IMMEDIATE; UPDATE gabion_lease SET probes = probes + 1 WHERE name = 'node'; COMMIT",
            )?;
            Ok(conn)
        });
        match reopened {
            Ok(conn) => {
                self.conn = conn;
                self.shared.condition.resume();
            }
            Err(error) => tracing::debug!(%error, "The database still does not take writes"),
        }
    }

    fn cached(&self, sql: &str) -> Result<(), StoreError> {
        statement::execute(&self.conn, sql, &[]).map(drop)
    }
}

/// Why a group got no commit, for each of its callers and for the operator.
struct Lost {
    reason: String,
    /// The commit record may have reached the disk.
    maybe_there: bool,
}

impl Lost {
    fn error(&self) -> StoreError {
        let reason = self.reason.clone();
        if self.maybe_there {
            StoreError::OutcomeUnknown { reason }
        } else {
            StoreError::Unavailable { reason }
        }
    }
}

fn lost(error: &StoreError) -> Lost {
    let reason = match error {
        StoreError::Unavailable { reason } => reason.clone(),
        other => other.to_string(),
    };
    Lost { reason, maybe_there: false }
}

/// A full disk is found before the commit record is written; after any other error the record may be there.
fn lost_at_commit(error: &StoreError) -> Lost {
    let lost = lost(error);
    let maybe_there = lost.reason != statement::DISK_FULL;
    Lost { maybe_there, ..lost }
}
