//! Counting threads: one statement each time, decided under the row's lock and by the server's clock.

use std::sync::Arc;
use std::time::Duration;

use super::Connection;
use super::link::Link;
use crate::counter::{Ask, Counted};
use crate::queue::Queue;
use crate::{StoreError, params};

/// Rows kept. Those that have used least of their limit go first.
const COUNTERS_MAX: u64 = 1_000_000;

/// Nanoseconds since 1970 by the server's clock.
const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) * 1000";

/// Answers until the queue is closed and empty. A statement may take as long as anybody waits for it.
pub(crate) fn run(address: postgres::Config, asks: &Arc<Queue<Ask>>, patience: Duration) {
    let session =
        format!("SET statement_timeout = {}; SET synchronous_commit = off", patience.as_millis().max(1));
    let (mut link, sql) = (Link::new(address), statement());
    while let Some(ask) = asks.pop() {
        let counted = connected(&mut link, &session).and_then(|conn| {
            // Who stopped waiting, perhaps for the connection, has counted elsewhere.
            if ask.reply.is_closed() { Err(StoreError::Closed) } else { count(conn, &sql, &ask) }
        });
        if !matches!(counted, Ok(_) | Err(StoreError::Closed)) {
            link.drop_connection();
        }
        // Nobody may be waiting any more.
        drop(ask.reply.send(counted));
    }
}

fn connected<'l>(link: &'l mut Link, session: &str) -> Result<&'l mut Connection, StoreError> {
    let fresh = !link.is_open();
    let conn = link.connected()?;
    if fresh {
        conn.batch(session).inspect_err(|_| conn.lost = true)?;
    }
    Ok(conn)
}

/// The generic cell rate algorithm: `due` is when the next request would come at exactly the allowed rate. It never
/// lies further ahead than the tolerance, so that a clock that was set back refuses nobody for long.
fn statement() -> String {
    format!(
        "INSERT INTO gabion_counter AS c (key, due, seen, allowed)
            SELECT $1, t.now + $2, t.now, TRUE FROM (SELECT {NOW} AS now) t
        ON CONFLICT (key) DO UPDATE SET (due, seen, allowed) = (
            SELECT CASE WHEN f.fits THEN f.due + $2 ELSE f.due END, f.now, f.fits
            FROM (SELECT d.now, d.due, d.due + $2 - d.now <= $3 AS fits
                FROM (SELECT t.now, greatest(least(c.due, t.now + $3), t.now) AS due
                    FROM (SELECT {NOW} AS now) t) d) f)
        RETURNING allowed, due - seen AS ahead"
    )
}

fn count(conn: &mut Connection, sql: &str, ask: &Ask) -> Result<Counted, StoreError> {
    let rows = conn.query(sql, params![ask.key, ask.interval, ask.tolerance])?;
    let row = rows.first().ok_or_else(|| StoreError::statement(sql, "no row"))?;
    let ahead: i64 = row.get("ahead")?;
    Ok(Counted { allowed: row.get("allowed")?, ahead: u64::try_from(ahead).unwrap_or(0) })
}

/// Deletes rows that count for nothing any more, and those above [`COUNTERS_MAX`].
pub(crate) fn prune(conn: &mut Connection) -> Result<u64, StoreError> {
    let sql = format!(
        "DELETE FROM gabion_counter WHERE due < {NOW}
            OR due <= (SELECT due FROM gabion_counter ORDER BY due DESC OFFSET {COUNTERS_MAX} LIMIT 1)"
    );
    conn.execute(&sql, params![])
}
