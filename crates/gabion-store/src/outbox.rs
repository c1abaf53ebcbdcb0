//! Work that must happen after a commit, at least once: a mail, a webhook, a call to a gateway.
//!
//! [`put`] writes it in the transaction of the change that asks for it. A worker [`claim`]s due messages for a
//! while, does the work outside of any transaction, then [`complete`]s or [`fail`]s each. A worker that dies
//! loses its claim when the lease ends, and another goes on: the receiver must tell repeated deliveries apart by
//! the message's id.

use std::time::Duration;

use gabion_core::Timestamp;
use serde::Serialize;

use crate::{Row, StoreError, Tx, params};

gabion_core::id!(
    /// One message; the same for every attempt.
    pub MessageId, "msg"
);

/// Bytes of the largest payload. Larger content is stored elsewhere and named in the payload.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;

/// Messages of one claim.
pub const CLAIM_MAX: usize = 100;

/// Pause after the first attempt that went wrong; doubled by each further one.
const BACK_OFF_MIN: Duration = Duration::from_secs(5);

/// Longest pause between attempts.
const BACK_OFF_MAX: Duration = Duration::from_secs(6 * 3600);

/// Bytes of the last error that are kept for the console.
const ERROR_BYTES_MAX: usize = 500;

/// A claimed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id: the receiver's key against repetition.
    pub id: MessageId,
    /// What kind of work it is.
    pub topic: String,
    /// What to do, as JSON.
    pub payload: String,
    /// Attempts that were begun before this one.
    pub attempts: u32,
}

/// Why a message was not put.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The payload is larger than [`PAYLOAD_BYTES_MAX`] or is no JSON.
    #[error("outbox payload: {0}")]
    Payload(String),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a message that is due at `next_at`. Putting the same id again changes nothing.
///
/// # Errors
/// [`PutError`].
pub fn put(
    tx: &mut Tx<'_>,
    id: MessageId,
    topic: &str,
    payload: &impl Serialize,
    next_at: Timestamp,
) -> Result<(), PutError> {
    let payload = serde_json::to_string(payload).map_err(|error| PutError::Payload(error.to_string()))?;
    if payload.len() > PAYLOAD_BYTES_MAX {
        let bytes = payload.len();
        return Err(PutError::Payload(format!("{bytes} bytes, at most {PAYLOAD_BYTES_MAX}")));
    }
    let sql = "INSERT INTO gabion_outbox (id, topic, payload, attempts, next_at, leased_until)
        VALUES ($1, $2, $3, 0, $4, 0) ON CONFLICT (id) DO NOTHING";
    tx.execute(sql, params![id.to_string(), topic, payload, next_at])?;
    Ok(())
}

/// Takes up to `limit` (and [`CLAIM_MAX`]) due messages of a topic, oldest first, until `now + lease`. Nobody
/// else gets them before that.
///
/// # Errors
/// As [`Tx::execute`].
pub fn claim(
    tx: &mut Tx<'_>,
    topic: &str,
    now: Timestamp,
    lease: Duration,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let limit = limit.min(CLAIM_MAX);
    let sql = format!(
        "SELECT id, topic, payload, attempts FROM gabion_outbox
            WHERE topic = $1 AND next_at <= $2 AND leased_until <= $2 ORDER BY next_at, id LIMIT {limit}"
    );
    let rows = tx.query(&sql, params![topic, now])?;
    let sql = "UPDATE gabion_outbox SET attempts = attempts + 1, leased_until = $2 WHERE id = $1";
    for row in &rows {
        tx.execute(sql, params![row.get::<String>("id")?, now.after(lease)])?;
    }
    rows.iter().map(message).collect()
}

/// Removes a message whose work is done. `false` when it was removed before.
///
/// # Errors
/// As [`Tx::execute`].
pub fn complete(tx: &mut Tx<'_>, id: MessageId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM gabion_outbox WHERE id = $1", params![id.to_string()])? == 1)
}

/// Puts a message back after an attempt went wrong, to be due after a pause that doubles with each attempt.
/// The caller decides after how many attempts it gives up and completes the message instead.
///
/// # Errors
/// As [`Tx::execute`].
pub fn fail(tx: &mut Tx<'_>, message: &Message, now: Timestamp, error: &str) -> Result<(), StoreError> {
    let sql = "UPDATE gabion_outbox SET next_at = $2, leased_until = 0, last_error = $3 WHERE id = $1";
    let error = gabion_core::limits::cut(error, ERROR_BYTES_MAX);
    let next_at = now.after(back_off(message.attempts));
    tx.execute(sql, params![message.id.to_string(), next_at, &*error])?;
    Ok(())
}

/// Messages that wait, by topic, and when the oldest was due: for the console.
///
/// # Errors
/// As [`Tx::query`].
pub fn waiting(tx: &mut Tx<'_>) -> Result<Vec<(String, u64, Timestamp)>, StoreError> {
    let sql = "SELECT topic, count(*) AS messages, min(next_at) AS due FROM gabion_outbox GROUP BY topic ORDER BY topic";
    let rows = tx.query(sql, params![])?;
    rows.iter().map(|row| Ok((row.get("topic")?, row.get("messages")?, row.get("due")?))).collect()
}

/// Whether a message of a topic is due and nobody works on it.
///
/// # Errors
/// As [`Tx::query`].
pub fn is_due(tx: &mut Tx<'_>, topic: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql =
        "SELECT id FROM gabion_outbox WHERE topic = $1 AND next_at <= $2 AND leased_until <= $2 LIMIT 1";
    Ok(tx.query_one(sql, params![topic, now])?.is_some())
}

/// How a topic stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Messages that wait or are being worked on.
    pub waiting: u64,
    /// The one with the lowest id, which is the oldest.
    pub oldest: Option<Message>,
    /// What its last attempt ended with; none before the first.
    pub last_error: Option<String>,
}

/// How one topic stands: for the console.
///
/// # Errors
/// As [`Tx::query`].
pub fn standing(tx: &mut Tx<'_>, topic: &str) -> Result<Standing, StoreError> {
    let sql = "SELECT count(*) AS messages FROM gabion_outbox WHERE topic = $1";
    let count = tx.query_one(sql, params![topic])?;
    let sql = "SELECT id, topic, payload, attempts, last_error FROM gabion_outbox WHERE topic = $1
        ORDER BY id LIMIT 1";
    let oldest = tx.query_one(sql, params![topic])?;
    Ok(Standing {
        waiting: count.map(|row| row.get("messages")).transpose()?.unwrap_or_default(),
        last_error: oldest.as_ref().map(|row| row.get("last_error")).transpose()?.flatten(),
        oldest: oldest.as_ref().map(message).transpose()?,
    })
}

fn message(row: &Row) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.parse("id")?,
        topic: row.get("topic")?,
        payload: row.get("payload")?,
        attempts: row.get("attempts")?,
    })
}

fn back_off(attempts: u32) -> Duration {
    BACK_OFF_MIN.saturating_mul(2_u32.saturating_pow(attempts)).min(BACK_OFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_six_hours() {
        let seconds = |attempts| back_off(attempts).as_secs();
        assert_eq!([seconds(0), seconds(1), seconds(4)], [5, 10, 80]);
        assert_eq!([seconds(20), seconds(u32::MAX)], [6 * 3600, 6 * 3600]);
    }
}
