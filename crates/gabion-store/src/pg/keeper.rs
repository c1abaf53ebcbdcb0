//! The keeper thread: holds the lease, numbers the journal, trims, writes the high-water mark.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::link::Link;
use super::{Connection, counter};
use crate::db::Shared;
use crate::housekeeping::Housekeeping;
use crate::mark::MarkFile;
use crate::queue::Waited;
use crate::{StoreError, params};

/// How long an event written by nobody who could wake us stays unnumbered: one whose commit's answer was lost.
const POLL_EVERY: Duration = Duration::from_millis(200);

/// A lease that was not renewed for so long may be taken by another process.
pub(crate) const LEASE: Duration = Duration::from_secs(15);

/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(3);

/// Events numbered in one transaction.
const BATCH: u64 = 500;

/// How long write ids are kept: far longer than any outcome is looked for.
const WRITE_IDS_KEPT: Duration = Duration::from_secs(3600);

/// The advisory lock of the active node: "gabion" in ASCII. Free as soon as the holder's connection ends.
const ADVISORY_LOCK: i64 = 0x0067_6162_696f_6e00;

pub(crate) struct Keeper {
    link: Link,
    shared: Arc<Shared>,
    housekeeping: Housekeeping,
    renewed: Option<Instant>,
    trimmed: Instant,
    failing: bool,
}

impl Keeper {
    pub(crate) fn new(link: Link, mark: MarkFile, shared: Arc<Shared>) -> Self {
        let housekeeping = Housekeeping::new(mark, Arc::clone(&shared));
        Self { link, shared, housekeeping, renewed: None, trimmed: Instant::now(), failing: false }
    }

    /// Works until the writers are gone and everything they wrote is numbered.
    pub(crate) fn run(mut self) {
        let mut woken = Vec::with_capacity(1);
        loop {
            let waited = self.shared.news.pop_group(1, Some(POLL_EVERY), &mut woken);
            woken.clear();
            let was_open = self.link.is_open();
            let turn = self.turn(was_open);
            self.note(turn);
            self.housekeeping.turn();
            if waited == Waited::Closed {
                self.release();
                self.housekeeping.finish();
                return;
            }
        }
    }

    fn turn(&mut self, was_open: bool) -> Result<(), StoreError> {
        if self.shared.condition.has_ended() {
            return Ok(());
        }
        let conn = self.link.connected()?;
        if !was_open {
            // Another session of ours may still hold it until the server notices that it is gone; the lease row
            // decides then.
            try_lock(conn)?;
            self.renewed = None;
        }
        if self.renewed.is_none_or(|at| at.elapsed() >= RENEW_EVERY) {
            if !renew(conn, self.shared.epoch, LEASE)? {
                self.shared.condition.end("another process took over this database");
                return Ok(());
            }
            self.renewed = Some(Instant::now());
        }
        let newest = number(conn, self.shared.epoch)?;
        self.shared.newest.send_if_modified(|known| std::mem::replace(known, newest) != newest);
        if self.trimmed.elapsed() >= RENEW_EVERY {
            let before = self.shared.clock.now().before(WRITE_IDS_KEPT);
            let sql =
                "DELETE FROM gabion_write WHERE id IN (SELECT id FROM gabion_write WHERE at < $1 LIMIT 5000)";
            conn.execute(sql, params![before])?;
            counter::prune(conn)?;
            self.trimmed = Instant::now();
        }
        Ok(())
    }

    /// Logs the first of a row of errors, and the end of the row.
    fn note(&mut self, turn: Result<(), StoreError>) {
        let failing = turn.is_err();
        match turn {
            Err(error) if !self.failing => tracing::warn!(%error, "New events get no position now"),
            Ok(()) if self.failing => tracing::info!("New events get positions again"),
            Ok(()) | Err(_) => {}
        }
        self.failing = failing;
    }

    fn release(&mut self) {
        let epoch = self.shared.epoch;
        if let Err(error) = self.link.connected().and_then(|conn| renew(conn, epoch, Duration::ZERO)) {
            tracing::warn!(%error, "The lease was not given back; it ends by itself");
        }
    }
}

/// Takes the session's advisory lock if it is free.
pub(crate) fn try_lock(conn: &mut Connection) -> Result<bool, StoreError> {
    let rows = conn.query("SELECT pg_try_advisory_lock($1) AS taken", params![ADVISORY_LOCK])?;
    rows.first().map_or(Ok(false), |row| row.get("taken"))
}

/// The lease as another process finds it.
pub(crate) enum LeaseState {
    Absent,
    Held(String),
    RunOut,
}

/// Reads the lease, by the server's clock.
pub(crate) fn lease_state(conn: &mut Connection) -> Result<LeaseState, StoreError> {
    let sql =
        "SELECT holder, expires_at > CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS held
        FROM gabion_lease WHERE name = 'node'";
    match conn.query(sql, params![])?.first() {
        None => Ok(LeaseState::Absent),
        Some(row) if row.get("held")? => Ok(LeaseState::Held(row.get("holder")?)),
        Some(_) => Ok(LeaseState::RunOut),
    }
}

/// Moves the end of the lease, by the server's clock. `false` when it belongs to a later epoch.
pub(crate) fn renew(conn: &mut Connection, epoch: i64, lease: Duration) -> Result<bool, StoreError> {
    let sql = "UPDATE gabion_lease
        SET expires_at = CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) + $1
        WHERE name = 'node' AND epoch = $2";
    let micros = i64::try_from(lease.as_micros()).expect("a lease is short");
    Ok(conn.execute(sql, params![micros, epoch])? == 1)
}

/// Gives every committed event without a position the next one, in the order they were drawn, and returns the
/// newest position. What commits later is numbered later, so no reader passes over it. Only the holder of the
/// lease numbers: its row is locked and its epoch checked in the same transaction.
fn number(conn: &mut Connection, epoch: i64) -> Result<i64, StoreError> {
    loop {
        let waiting =
            conn.query("SELECT 1 AS one FROM gabion_event WHERE position IS NULL LIMIT 1", params![])?;
        if waiting.is_empty() {
            return newest(conn);
        }
        conn.batch("BEGIN ISOLATION LEVEL READ COMMITTED")?;
        let numbered = number_batch(conn, epoch).and_then(|count| conn.batch("COMMIT").map(|()| count));
        match numbered {
            Ok(count) if count < BATCH => return newest(conn),
            Ok(_) => {}
            Err(error) => {
                conn.lost |= conn.batch("ROLLBACK").is_err();
                return Err(error);
            }
        }
    }
}

fn number_batch(conn: &mut Connection, epoch: i64) -> Result<u64, StoreError> {
    let sql = "SELECT epoch FROM gabion_lease WHERE name = 'node' AND epoch = $1 FOR UPDATE";
    if conn.query(sql, params![epoch])?.is_empty() {
        return Err(StoreError::unavailable("another process took over this database"));
    }
    let sql = format!(
        "WITH batch AS (SELECT id, drawn FROM gabion_event WHERE position IS NULL ORDER BY drawn LIMIT {BATCH}),
            fresh AS (SELECT id, row_number() OVER (ORDER BY drawn) AS place FROM batch),
            base AS (SELECT coalesce(max(position), 0) AS newest FROM gabion_event)
        UPDATE gabion_event e SET position = base.newest + fresh.place FROM fresh, base WHERE e.id = fresh.id"
    );
    conn.execute(&sql, params![])
}

fn newest(conn: &mut Connection) -> Result<i64, StoreError> {
    let rows = conn.query("SELECT coalesce(max(position), 0) AS newest FROM gabion_event", params![])?;
    rows.first().map_or(Ok(0), |row| row.get("newest"))
}
