//! All SQL of customers' accounts, as functions over a transaction.

use gabion_core::Timestamp;
use gabion_store::{StoreError, Tx, params};

pub(crate) mod account;
pub(crate) mod factor;
pub(crate) mod passkey;
pub(crate) mod pending;
pub(crate) mod session;

/// Rows deleted by one sweep of one table: keeps the writer free.
const SWEEP_ROWS_MAX: u32 = 500;

/// Deletes what is over, a bounded number of rows of each table; says how many.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: Timestamp, idle_since: Timestamp) -> Result<u64, StoreError> {
    let visits = "DELETE FROM identity_customer_session WHERE id IN
        (SELECT id FROM identity_customer_session WHERE expires_at <= $1 OR seen_at <= $2 LIMIT $3)";
    let pending = "DELETE FROM identity_pending WHERE id IN
        (SELECT id FROM identity_pending WHERE expires_at <= $1 LIMIT $2)";
    let ceremonies = "DELETE FROM identity_ceremony WHERE challenge IN
        (SELECT challenge FROM identity_ceremony WHERE expires_at <= $1 LIMIT $2)";
    let visits = tx.execute(visits, params![now, idle_since, SWEEP_ROWS_MAX])?;
    let pending = tx.execute(pending, params![now, SWEEP_ROWS_MAX])?;
    Ok(visits + pending + tx.execute(ceremonies, params![now, SWEEP_ROWS_MAX])?)
}

/// A value that this program wrote and cannot read.
fn broken(column: &str, detail: impl std::fmt::Display) -> StoreError {
    StoreError::Column { column: column.to_owned(), detail: detail.to_string() }
}
