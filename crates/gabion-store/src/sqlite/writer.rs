//! The one writer: many closures, one commit.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{CachedStatement, Connection};

use super::files::{Identity, Lock};
use super::{open_writer, statement};
use crate::StoreError;
use crate::db::Shared;
use crate::job::{Job, Outcome, Ran};
use crate::queue::{Queue, Waited};
use crate::tx::{Conn, Progress};
use gabion_crypto::KeyRing;

/// Closures of one commit. More would make the first of them wait too long for its answer; the gain over single
/// commits is nearly complete at a tenth of this.
pub(crate) const GROUP_MAX: usize = 512;

/// Time after which a group takes no further closures, so that slow ones do not hold up many answers.
const GROUP_TIME_MAX: Duration = Duration::from_millis(20);

/// Groups with fewer closures are answered by the writer: handing them over takes longer than telling them.
const HANDED_OVER_MIN: usize = 8;

/// Groups that wait for being answered. Above it the writer answers by itself.
const ANSWERS_WAITING_MAX: usize = 16;

/// Groups that run with savepoints after one that had to run twice: whoever fails often must not make all others run
/// twice.
const GROUPS_APART: u32 = 64;

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
    /// Groups still to be run with savepoints.
    groups_apart: u32,
    answers: Arc<Answers>,
    shared: Arc<Shared>,
}

/// How a closure ended inside a group.
#[derive(PartialEq, Eq)]
enum Ended {
    /// What it changed is kept, or was undone alone.
    Well,
    /// What it changed has to be undone, and cannot be alone.
    Spoiled,
}

/// How the closures of a group ended.
enum Group {
    /// All can be committed.
    Whole(Progress),
    /// It has to be undone.
    Spoiled,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.answers.0.close();
    }
}

impl Writer {
    pub(crate) fn new(conn: Connection, place: Place, answers: Arc<Answers>, shared: Arc<Shared>) -> Self {
        Self { conn, place, probe_at: Instant::now(), groups_apart: 0, answers, shared }
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
    ///
    /// A savepoint for each closure costs as much as a small one itself, so a group runs without. When a closure
    /// that changed something fails, the whole group is undone and runs again with savepoints, as closures may.
    fn group(&mut self, jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        if let Err(error) = self.begin() {
            self.lose(jobs, &lost(&error));
            return Vec::new();
        }
        let apart = self.groups_apart > 0;
        self.groups_apart = self.groups_apart.saturating_sub(1);
        let mut ran = Vec::with_capacity(jobs.len());
        let mut jobs = jobs.into_iter();
        match self.run_jobs(apart, &mut jobs, &mut ran) {
            Ok(Group::Whole(news)) => self.commit(ran, news),
            Ok(Group::Spoiled) => return self.again(ran.into_iter().chain(jobs).collect()),
            Err(error) => {
                ran.extend(jobs.by_ref());
                self.lose(ran, &lost(&error));
            }
        }
        jobs.collect()
    }

    /// Undoes a group that one of its closures spoiled, and runs it again with savepoints.
    fn again(&mut self, jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        if let Err(error) = statement::batch(&self.conn, "ROLLBACK") {
            self.lose(jobs, &lost(&error));
            return Vec::new();
        }
        if jobs.len() == 1 {
            answer(jobs);
            return Vec::new();
        }
        self.groups_apart = GROUPS_APART;
        self.group(jobs)
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

    /// Runs closures until all ran, one spoiled the group, or the group's time is over; `apart` gives each its own
    /// savepoint. An error means that the whole transaction is gone: a full disk or a failed read rolls back all of
    /// it, not the statement alone.
    fn run_jobs(
        &self,
        apart: bool,
        jobs: &mut std::vec::IntoIter<Box<dyn Job>>,
        ran: &mut Vec<Box<dyn Job>>,
    ) -> Result<Group, StoreError> {
        let mut savepoint = if apart { Some(Savepoint::new(&self.conn)?) } else { None };
        let keys = self.shared.keys();
        let started = Instant::now();
        let mut news = Progress::default();
        for mut job in jobs {
            let result = self.run_job(job.as_mut(), savepoint.as_mut(), &keys, &mut news);
            ran.push(job);
            if result? == Ended::Spoiled {
                return Ok(Group::Spoiled);
            }
            if started.elapsed() > GROUP_TIME_MAX {
                break;
            }
        }
        Ok(Group::Whole(news))
    }

    fn run_job(
        &self,
        job: &mut dyn Job,
        mut savepoint: Option<&mut Savepoint<'_>>,
        keys: &Arc<KeyRing>,
        news: &mut Progress,
    ) -> Result<Ended, StoreError> {
        if let Some(savepoint) = &mut savepoint {
            savepoint.set()?;
        }
        let changes = self.conn.total_changes();
        let (kept, progress) = job.run(Conn::Sqlite(&self.conn), Some(keys));
        if self.conn.is_autocommit() {
            return Err(StoreError::unavailable(statement::DISK_FULL));
        }
        if kept == Ran::Keep && progress.recorded {
            *news = progress;
        }
        // A query can change something too: `INSERT ... RETURNING`.
        let changed = progress.executed || self.conn.total_changes() != changes;
        match savepoint {
            Some(savepoint) => savepoint.end(kept).map(|()| Ended::Well),
            None if kept == Ran::RollBack && changed => Ok(Ended::Spoiled),
            None => Ok(Ended::Well),
        }
    }

    fn commit(&mut self, ran: Vec<Box<dyn Job>>, news: Progress) {
        if let Err(error) = self.cached("COMMIT") {
            self.lose(ran, &lost_at_commit(&error));
            return;
        }
        self.shared.counters.committed(ran.len());
        self.answers.give(ran);
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

/// Committed groups on their way to their callers. Waking hundreds of callers takes as long as running their
/// closures; another thread does it while the writer goes on.
pub(crate) struct Answers(Queue<Vec<Box<dyn Job>>>);

impl Answers {
    pub(crate) fn new() -> Self {
        Self(Queue::new(ANSWERS_WAITING_MAX))
    }

    /// Answers until the writer is gone and everyone was answered.
    pub(crate) fn run(&self) {
        while let Some(group) = self.0.pop() {
            answer(group);
        }
    }

    fn give(&self, group: Vec<Box<dyn Job>>) {
        if group.len() < HANDED_OVER_MIN {
            answer(group);
        } else if let Err((group, _)) = self.0.push(group) {
            answer(group);
        }
    }
}

fn answer(group: Vec<Box<dyn Job>>) {
    group.into_iter().for_each(|job| job.answer(Outcome::AsRun));
}

/// The savepoint of one closure after the other.
struct Savepoint<'c> {
    set: CachedStatement<'c>,
    undo: CachedStatement<'c>,
    release: CachedStatement<'c>,
}

impl<'c> Savepoint<'c> {
    fn new(conn: &'c Connection) -> Result<Self, StoreError> {
        Ok(Self {
            set: statement::prepare(conn, "SAVEPOINT write_closure")?,
            undo: statement::prepare(conn, "ROLLBACK TO write_closure")?,
            release: statement::prepare(conn, "RELEASE write_closure")?,
        })
    }

    fn set(&mut self) -> Result<(), StoreError> {
        statement::step(&mut self.set)
    }

    fn end(&mut self, ran: Ran) -> Result<(), StoreError> {
        if ran == Ran::RollBack {
            statement::step(&mut self.undo)?;
        }
        statement::step(&mut self.release)
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
