//! The lane's one writer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gabion_core::{Actor, Clock, Entropy, Event, EventId, Secret};
use rusqlite::Connection;

use super::aggregate::{Absorbed, Aggregator};
use super::{LaneConfig, Shared};
use crate::queue::Waited;
use crate::sqlite::files::Lock;
use crate::sqlite::statement;
use crate::tx::Conn;
use crate::{StoreError, Tx, events, params};

/// Events taken from the queue at once.
const GROUP_MAX: usize = 1024;

/// How long an event may wait for its commit.
const FLUSH_EVERY: Duration = Duration::from_millis(200);

/// How often old rows are looked for.
const TRIM_EVERY: Duration = Duration::from_secs(2);

/// Rows deleted at once.
const TRIM_ROWS: u64 = 2000;

/// How often lost events are told about, at most.
const TELL_DROPPED_EVERY: Duration = Duration::from_secs(10);

pub(super) struct Writer {
    conn: Connection,
    config: LaneConfig,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    shared: Arc<Shared>,
    aggregator: Aggregator,
    trimmed: Instant,
    told: Option<Instant>,
    told_dropped: u64,
    failing: bool,
}

impl Writer {
    pub(super) fn new(
        conn: Connection,
        config: LaneConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        shared: Arc<Shared>,
    ) -> Self {
        let aggregator = Aggregator::new(config.events_per_second_max, config.key_fields.clone());
        Self {
            conn,
            config,
            clock,
            entropy,
            shared,
            aggregator,
            trimmed: Instant::now(),
            told: None,
            told_dropped: 0,
            failing: false,
        }
    }

    /// Works until the queue is closed and empty, then gives the lock free.
    pub(super) fn run(mut self, lock: Lock) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        let mut flushed = Instant::now();
        loop {
            let patience = FLUSH_EVERY.saturating_sub(flushed.elapsed());
            let waited = self.shared.events.pop_group(GROUP_MAX, Some(patience), &mut group);
            let second = self.clock.now().seconds();
            self.aggregator.turn(second);
            group.drain(..).for_each(|event| self.absorb(event, second));
            if waited == Waited::Closed {
                self.aggregator.finish();
            }
            if flushed.elapsed() >= FLUSH_EVERY || waited == Waited::Closed {
                self.flush();
                flushed = Instant::now();
            }
            if waited == Waited::Closed {
                drop(self.conn);
                drop(lock);
                return;
            }
        }
    }

    fn absorb(&mut self, event: Event, second: i64) {
        let counters = &self.shared.counters;
        match self.aggregator.absorb(event, second) {
            Absorbed::Kept => {}
            Absorbed::Counted => drop(counters.aggregated.fetch_add(1, Ordering::Relaxed)),
            Absorbed::Dropped => drop(counters.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Writes what is ready. A file that cannot be written loses these events and only these.
    fn flush(&mut self) {
        let mut ready = self.aggregator.take_ready();
        ready.extend(self.dropped_event());
        if !ready.is_empty() {
            let written = self.write(&ready);
            self.note(written, ready.len() as u64);
        }
        if self.trimmed.elapsed() >= TRIM_EVERY {
            self.trimmed = Instant::now();
            if let Err(error) = self.trim() {
                tracing::warn!(%error, "Old events of the lane cannot be removed");
            }
        }
    }

    fn write(&self, ready: &[Event]) -> Result<i64, StoreError> {
        let written = statement::batch(&self.conn, "BEGIN IMMEDIATE").and_then(|()| {
            let seed = Secret::new([0; 32]);
            let mut tx = Tx::new(Conn::Sqlite(&self.conn), &seed, None);
            ready.iter().try_for_each(|event| tx.record_with(event, None))?;
            statement::batch(&self.conn, "COMMIT")?;
            newest(&self.conn)
        });
        if written.is_err() && !self.conn.is_autocommit() {
            statement::batch(&self.conn, "ROLLBACK")?;
        }
        written
    }

    /// Counts what was written or lost, and tells the first of a row of errors.
    fn note(&mut self, written: Result<i64, StoreError>, events: u64) {
        let failing = written.is_err();
        match written {
            Ok(newest) => {
                self.shared.counters.written.fetch_add(events, Ordering::Relaxed);
                self.shared.newest.send_if_modified(|known| std::mem::replace(known, newest) != newest);
            }
            Err(error) => {
                self.shared.counters.dropped.fetch_add(events, Ordering::Relaxed);
                if !self.failing {
                    tracing::warn!(%error, "Events of the lane are lost: {error}");
                }
            }
        }
        self.failing = failing;
    }

    fn dropped_event(&mut self) -> Option<Event> {
        let dropped = self.shared.counters.dropped.load(Ordering::Relaxed);
        if dropped == self.told_dropped || self.told.is_some_and(|at| at.elapsed() < TELL_DROPPED_EVERY) {
            return None;
        }
        let count = i64::try_from(dropped - self.told_dropped).unwrap_or(i64::MAX);
        (self.told, self.told_dropped) = (Some(Instant::now()), dropped);
        let now = self.clock.now();
        let id = EventId::new(now, &*self.entropy);
        Some(Event::new(&events::LANE_DROPPED, id, now, Actor::System).field("count", count))
    }

    /// Deletes the oldest rows while there are too many rows or bytes.
    fn trim(&self) -> Result<(), StoreError> {
        for _ in 0..16 {
            let (oldest, newest) =
                (number(&self.conn, "SELECT min(position) FROM gabion_event")?, newest(&self.conn)?);
            let rows = (newest - oldest + 1).unsigned_abs();
            let excess = rows.saturating_sub(self.config.rows_max).min(TRIM_ROWS);
            let excess =
                if self.content_bytes()? > self.config.bytes_max { TRIM_ROWS.min(rows) } else { excess };
            if excess == 0 || newest == 0 {
                return Ok(());
            }
            self.delete_before(oldest.saturating_add_unsigned(excess))?;
        }
        Ok(())
    }

    fn delete_before(&self, position: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM gabion_event_entity WHERE event IN (SELECT id FROM gabion_event WHERE position < $1)";
        statement::execute(&self.conn, sql, params![position])?;
        statement::execute(&self.conn, "DELETE FROM gabion_event WHERE position < $1", params![position])?;
        Ok(())
    }

    fn content_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT (page_count - freelist_count) * page_size
            FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        Ok(number(&self.conn, sql)?.unsigned_abs())
    }
}

/// The newest position, also when its row is gone.
pub(super) fn newest(conn: &Connection) -> Result<i64, StoreError> {
    number(conn, "SELECT seq FROM sqlite_sequence WHERE name = 'gabion_event'")
}

fn number(conn: &Connection, sql: &str) -> Result<i64, StoreError> {
    let rows = statement::query(conn, sql, params![])?;
    let value = rows.into_iter().next().and_then(|row| row.into_values().pop());
    Ok(match value {
        Some(crate::Param::Int(value)) => value,
        _ => 0,
    })
}
