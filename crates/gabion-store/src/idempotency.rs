//! Answers kept for a while, so that a request that is sent twice acts once.
//!
//! The walk: [`begin`] in one write; on [`Outcome::Fresh`] act, then [`finish`] in the same transaction as the
//! change; a second request with the same key gets the kept answer. When acting went wrong before anything
//! happened, [`abandon`] lets the key be used again.

use gabion_core::Timestamp;

use crate::{Row, StoreError, Tx, params};

/// Bytes of the longest key. Longer ones are refused as the caller's mistake.
pub const KEY_BYTES_MAX: usize = 255;

/// Bytes of the largest body that is kept. A larger answer cannot be replayed and must not be finished with.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Rows deleted by one trim, so that writers do not wait for it.
const TRIM_ROWS: usize = 500;

/// An answer as it went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header names and values that belong to the answer.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
}

/// What a key means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Never seen, or expired: act. The key is in flight from this transaction on.
    Fresh,
    /// Done before with the same request: this is the answer.
    Replay(Response),
    /// The same request is being worked on: answer 409 and let the caller come again.
    InFlight,
    /// The key was used with another request: answer 422.
    Mismatch,
}

/// Claims a key. `scope` is who asks and what for (an API key's id and the route), `fingerprint` a digest of the
/// request, `expires_at` when the key may be used anew; in-flight rows of a crashed process end then too.
///
/// # Errors
/// As [`Tx::execute`].
pub fn begin(
    tx: &mut Tx<'_>,
    scope: &str,
    key: &str,
    fingerprint: &[u8; 32],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Outcome, StoreError> {
    let sql = "DELETE FROM gabion_idempotency WHERE scope = $1 AND idempotency_key = $2 AND expires_at <= $3";
    tx.execute(sql, params![scope, key, now])?;
    let sql = "INSERT INTO gabion_idempotency (scope, idempotency_key, fingerprint, expires_at)
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    if tx.execute(sql, params![scope, key, fingerprint, expires_at])? == 1 {
        return Ok(Outcome::Fresh);
    }
    let sql = "SELECT fingerprint, status, headers, body FROM gabion_idempotency
        WHERE scope = $1 AND idempotency_key = $2";
    match tx.query_one(sql, params![scope, key])? {
        Some(row) => outcome(&row, fingerprint),
        None => Ok(Outcome::InFlight),
    }
}

/// Keeps the answer of a claimed key. Says whether the key was in flight.
///
/// # Errors
/// As [`Tx::execute`].
///
/// # Panics
/// When the body is larger than [`BODY_BYTES_MAX`].
pub fn finish(tx: &mut Tx<'_>, scope: &str, key: &str, response: &Response) -> Result<bool, StoreError> {
    assert!(response.body.len() <= BODY_BYTES_MAX, "the answer is too large to be kept");
    let headers = serde_json::to_string(&response.headers).expect("texts serialize");
    let sql = "UPDATE gabion_idempotency SET status = $3, headers = $4, body = $5
        WHERE scope = $1 AND idempotency_key = $2 AND status IS NULL";
    Ok(tx.execute(sql, params![scope, key, response.status, headers, &response.body])? == 1)
}

/// Gives a claimed key free after nothing happened. An answer that is kept already stays.
///
/// # Errors
/// As [`Tx::execute`].
pub fn abandon(tx: &mut Tx<'_>, scope: &str, key: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM gabion_idempotency WHERE scope = $1 AND idempotency_key = $2 AND status IS NULL";
    tx.execute(sql, params![scope, key])?;
    Ok(())
}

/// Deletes some expired rows; the store does so by itself every few seconds.
pub(crate) fn trim(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let sql = format!(
        "DELETE FROM gabion_idempotency WHERE expires_at <= $1 AND (scope, idempotency_key) IN
            (SELECT scope, idempotency_key FROM gabion_idempotency WHERE expires_at <= $1 LIMIT {TRIM_ROWS})"
    );
    tx.execute(&sql, params![now])
}

fn outcome(row: &Row, fingerprint: &[u8; 32]) -> Result<Outcome, StoreError> {
    if row.get::<Vec<u8>>("fingerprint")? != fingerprint {
        return Ok(Outcome::Mismatch);
    }
    let Some(status) = row.get::<Option<u16>>("status")? else {
        return Ok(Outcome::InFlight);
    };
    let headers = serde_json::from_str(&row.get::<String>("headers")?)
        .map_err(|error| StoreError::Column { column: "headers".to_owned(), detail: error.to_string() })?;
    Ok(Outcome::Replay(Response { status, headers, body: row.get("body")? }))
}
