//! All the SQL of the list.

use gabion_console::control::Access;
use gabion_core::{Event, Timestamp};
use gabion_edge::access::{ENTRIES_MAX, Subject, Verdict};
use gabion_store::{Row, StoreError, Tx, params};

/// Why an entry was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutError {
    /// The list is full.
    #[error(
        "there are {ENTRIES_MAX} entries already: remove some, or name a network instead of its addresses"
    )]
    Full,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The entries that still count at `now`, newest first.
pub(crate) fn all(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<Access>, StoreError> {
    let rows = tx.query(
        "SELECT * FROM access_entry WHERE ends_at > $1 ORDER BY made_at DESC, subject",
        params![now.micros()],
    )?;
    rows.iter().map(access).collect()
}

/// Puts an entry in the place of the one about the same subject, with its event, and drops those that are over.
pub(crate) fn put(tx: &mut Tx<'_>, entry: &Access, event: &Event) -> Result<(), PutError> {
    prune(tx, entry.at)?;
    let subject = entry.subject.to_string();
    let others = tx.query_one(
        "SELECT COUNT(*) AS others FROM access_entry WHERE subject <> $1",
        params![subject.as_str()],
    )?;
    let others: i64 = others.map_or(Ok(0), |row| row.get("others"))?;
    if usize::try_from(others).unwrap_or(usize::MAX) >= ENTRIES_MAX {
        return Err(PutError::Full);
    }
    tx.execute(
        "INSERT INTO access_entry (subject, verdict, ends_at, made_at, author_name, reason)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (subject) DO UPDATE SET verdict = $2, ends_at = $3, made_at = $4, author_name = $5, reason = $6",
        params![
            subject,
            entry.verdict.as_str(),
            entry.until.micros(),
            entry.at.micros(),
            entry.by.as_str(),
            entry.reason.as_str()
        ],
    )?;
    tx.record(event)?;
    Ok(())
}

/// Deletes the entries that are over.
pub(crate) fn prune(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("DELETE FROM access_entry WHERE ends_at <= $1", params![now.micros()])?;
    Ok(())
}

/// Removes the entry about a subject, with its event. Says whether there was one.
pub(crate) fn remove(tx: &mut Tx<'_>, subject: &Subject, event: &Event) -> Result<bool, StoreError> {
    let removed =
        tx.execute("DELETE FROM access_entry WHERE subject = $1", params![subject.to_string()])? > 0;
    if removed {
        tx.record(event)?;
    }
    Ok(removed)
}

fn access(row: &Row) -> Result<Access, StoreError> {
    let odd = |column: &str, detail: String| StoreError::Column { column: column.to_owned(), detail };
    let verdict = match row.get::<String>("verdict")?.as_str() {
        "allow" => Verdict::Allow,
        "block" => Verdict::Block,
        other => return Err(odd("verdict", format!("{other} is neither allow nor block"))),
    };
    let subject: String = row.get("subject")?;
    Ok(Access {
        subject: subject.parse().map_err(|_| odd("subject", "not the subject that was stored".to_owned()))?,
        verdict,
        until: Timestamp::from_micros(row.get("ends_at")?),
        at: Timestamp::from_micros(row.get("made_at")?),
        by: row.get("author_name")?,
        reason: row.get("reason")?,
    })
}
