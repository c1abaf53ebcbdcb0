//! The lease of the one active node: a row whose epoch every start raises.

use gabion_core::Timestamp;

use crate::{StoreError, Tx, params};

/// Raises the epoch and notes the holder. The caller made sure that nobody else holds the lease.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    epoch_min: i64,
    holder: &str,
    expires_at: Timestamp,
) -> Result<i64, StoreError> {
    let epoch = current(tx)?.max(epoch_min) + 1;
    let sql =
        "INSERT INTO gabion_lease (name, epoch, holder, expires_at, probes) VALUES ('node', $1, $2, $3, 0)
        ON CONFLICT (name) DO UPDATE SET epoch = $1, holder = $2, expires_at = $3";
    tx.execute(sql, params![epoch, holder, expires_at])?;
    Ok(epoch)
}

/// The epoch of the last start; 0 for a new database.
pub(crate) fn current(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    let row = tx.query_one("SELECT epoch FROM gabion_lease WHERE name = 'node'", params![])?;
    row.map_or(Ok(0), |row| row.get("epoch"))
}
