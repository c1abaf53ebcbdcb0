//! Deleting what is over.

use gabion_core::Timestamp;
use gabion_store::{StoreError, Tx, params};

/// Rows that one sweep deletes of one table: keeps the writer free.
const SWEEP_ROWS_MAX: i64 = 500;

/// What is older than is kept, by age. Decisions and baselines stay as long as what they are about.
pub(crate) struct Ages {
    /// Batches that were taken before.
    pub(crate) batches: Timestamp,
    /// Everything that is evidence.
    pub(crate) evidence: Timestamp,
    /// Undecided things of pages that nobody watches.
    pub(crate) unwatched: Timestamp,
}

pub(crate) fn sweep(tx: &mut Tx<'_>, ages: &Ages) -> Result<u64, StoreError> {
    let Ages { batches, evidence, unwatched } = ages;
    let day = super::day::number_of(*evidence);
    let mut deleted = 0;
    for (sql, before) in [
        ("DELETE FROM pages_batch WHERE id IN (SELECT id FROM pages_batch WHERE at < $1 LIMIT $2)", batches),
        (
            "DELETE FROM pages_change WHERE id IN (SELECT id FROM pages_change WHERE at < $1 LIMIT $2)",
            evidence,
        ),
        (
            "DELETE FROM pages_decision WHERE id IN (SELECT id FROM pages_decision WHERE at < $1 LIMIT $2)",
            evidence,
        ),
        (
            "DELETE FROM pages_script WHERE id IN (SELECT id FROM pages_script WHERE last_seen < $1 LIMIT $2)",
            evidence,
        ),
        (
            "DELETE FROM pages_script WHERE id IN (SELECT id FROM pages_script
                WHERE last_seen < $1 AND status = 'new' AND class = 'other' LIMIT $2)",
            unwatched,
        ),
        (
            "DELETE FROM pages_destination WHERE id IN
                (SELECT id FROM pages_destination WHERE last_seen < $1 LIMIT $2)",
            evidence,
        ),
        (
            "DELETE FROM pages_destination WHERE id IN (SELECT id FROM pages_destination
                WHERE last_seen < $1 AND status = 'new' AND class = 'other' LIMIT $2)",
            unwatched,
        ),
    ] {
        deleted += tx.execute(sql, params![*before, SWEEP_ROWS_MAX])?;
    }
    // Without a key of one column the two databases share no way to delete a few; these are few by their limits.
    for sql in [
        "DELETE FROM pages_form WHERE last_seen < $1",
        "DELETE FROM pages_violation WHERE last_seen < $1",
        "DELETE FROM pages_page WHERE last_seen < $1",
    ] {
        deleted += tx.execute(sql, params![*unwatched])?;
    }
    deleted += tx.execute("DELETE FROM pages_day WHERE day < $1", params![day])?;
    let orphans =
        "DELETE FROM pages_version WHERE last_seen < $1 AND NOT EXISTS (SELECT 1 FROM pages_script s
        WHERE s.site = pages_version.site AND s.script_key = pages_version.script_key)";
    Ok(deleted + tx.execute(orphans, params![*unwatched])?)
}

/// Notes that a batch is taken. Says whether it was not before.
pub(crate) fn take_batch(tx: &mut Tx<'_>, id: &str, at: Timestamp) -> Result<bool, StoreError> {
    let sql = "INSERT INTO pages_batch (id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![id, at])? == 1)
}
