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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gabion_core::{Actor, Event, EventId};
    use gabion_store::{Db, StorageConfig, StoreDeps};
    use gabion_test::{SeededEntropy, TestClock, postgres};

    use super::super::{ACCESS_REMOVED, ACCESS_SET, MIGRATIONS};
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn entry(subject: &str, verdict: Verdict, made: i64, until: i64) -> Access {
        let subject = subject.parse().expect("a subject");
        Access {
            subject,
            verdict,
            until: at(until),
            at: at(made),
            by: "Mara".into(),
            reason: "floods".into(),
        }
    }

    fn event(kind: &gabion_core::EventKind, number: u128) -> Event {
        Event::new(kind, EventId::from_bits(number), at(0), Actor::Shell)
    }

    async fn put(db: &Db, entry: Access, number: u128) -> Result<(), PutError> {
        let event = event(&ACCESS_SET, number);
        db.write(move |tx| super::put(tx, &entry, &event)).await
    }

    async fn list(db: &Db, now: i64) -> Vec<Access> {
        db.read(move |tx| all(tx, at(now))).await.expect("a list")
    }

    /// Runs a case on SQLite and, where there is a server, on PostgreSQL.
    fn on_both(case: impl AsyncFn(Db)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let server = postgres::Database::create();
        let urls = [Some("sqlite::memory:".to_owned()), server.as_ref().map(postgres::Database::url)];
        for url in urls.into_iter().flatten() {
            let files = (url != "sqlite::memory:").then(|| folder.path().to_owned());
            let config = StorageConfig { files, ..StorageConfig::new(url) };
            runtime.block_on(async {
                let entropy = Arc::new(SeededEntropy::new(1));
                let deps = StoreDeps { clock: Arc::new(TestClock::new()), entropy };
                let db = Db::open(config, deps).await.expect("a database");
                db.migrate(&[MIGRATIONS]).await.expect("tables");
                case(db.clone()).await;
                db.close().await;
            });
        }
    }

    #[test]
    fn the_newest_entry_about_a_subject_counts_until_its_time_is_over() {
        on_both(async |db| {
            put(&db, entry("192.0.2.7", Verdict::Block, 10, 100), 1).await.expect("put");
            put(&db, entry("2001:db8::/64", Verdict::Block, 20, 200), 2).await.expect("put");
            let changed = entry("192.0.2.7", Verdict::Allow, 30, 300);
            put(&db, changed.clone(), 3).await.expect("put");
            assert_eq!(
                list(&db, 30).await,
                [changed.clone(), entry("2001:db8::/64", Verdict::Block, 20, 200)]
            );
            assert_eq!(list(&db, 200).await, [changed]);
            db.write(|tx| prune(tx, at(300))).await.expect("pruned");
            assert_eq!(list(&db, 0).await, []);
        });
    }

    #[test]
    fn removing_twice_is_told_once() {
        on_both(async |db| {
            put(&db, entry("192.0.2.7", Verdict::Block, 10, 100), 1).await.expect("put");
            let mut removed = Vec::new();
            for number in [2, 3] {
                let event = event(&ACCESS_REMOVED, number);
                let subject: Subject = "192.0.2.7".parse().expect("a subject");
                removed.push(db.write(move |tx| remove(tx, &subject, &event)).await.expect("removed"));
            }
            assert_eq!(removed, [true, false]);
            assert_eq!(list(&db, 0).await, []);
        });
    }

    #[test]
    fn the_list_has_an_end() {
        on_both(async |db| {
            let fill = |tx: &mut Tx<'_>| {
                (0..ENTRIES_MAX).try_for_each(|number| {
                    let subject = format!("10.{}.{}.1", number / 256, number % 256);
                    let sql =
                        "INSERT INTO access_entry (subject, verdict, ends_at, made_at, author_name, reason)
                               VALUES ($1, 'block', 100000000, 0, '', '')";
                    tx.execute(sql, params![subject]).map(drop)
                })
            };
            db.write(fill).await.expect("filled");
            let full = put(&db, entry("192.0.2.7", Verdict::Block, 10, 100), 1).await;
            assert!(matches!(full, Err(PutError::Full)));
            put(&db, entry("10.0.0.1", Verdict::Allow, 10, 100), 2)
                .await
                .expect("an entry in the list changes");
            put(&db, entry("192.0.2.7", Verdict::Block, 200, 300), 3)
                .await
                .expect("those that are over make room");
        });
    }
}
