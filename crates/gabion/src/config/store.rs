//! The console's changes, kept as numbered versions: all the SQL of the configuration.

use gabion_console::control::{Change, Version};
use gabion_core::{Actor, Event, EventKind, Severity};
use gabion_store::{Migration, Migrations, Row, StoreError, Tx, params};

use super::overlay::Overlay;

/// Settings were changed or rolled back in the console or through the API.
pub(crate) const SETTINGS_CHANGED: EventKind =
    EventKind::new("config.changed", 1, Severity::Warning).sealed();

/// The tables of this crate.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    domain: "settings",
    steps: &[Migration {
        version: 1,
        name: "settings",
        sqlite: include_str!("../../migrations/sqlite/0001_settings.sql"),
        postgres: include_str!("../../migrations/postgres/0001_settings.sql"),
    }],
};

/// A version with everything it lays over the file.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Who, when, why, what changed.
    pub(crate) version: Version,
    /// All values in force with it.
    pub(crate) overlay: Overlay,
}

/// Why a version was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InsertError {
    /// Another version was stored first.
    #[error("version {current} is newer")]
    Stale {
        /// The newest.
        current: i64,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The newest version; none when the console never changed anything.
pub(crate) fn newest(tx: &mut Tx<'_>) -> Result<Option<Stored>, StoreError> {
    let row = tx.query_one("SELECT * FROM settings_version ORDER BY number DESC LIMIT 1", params![])?;
    row.map(|row| stored(&row)).transpose()
}

/// One version.
pub(crate) fn by_number(tx: &mut Tx<'_>, number: i64) -> Result<Option<Stored>, StoreError> {
    let row = tx.query_one("SELECT * FROM settings_version WHERE number = $1", params![number])?;
    row.map(|row| stored(&row)).transpose()
}

/// Past versions, newest first.
pub(crate) fn history(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Version>, StoreError> {
    let rows = tx.query("SELECT * FROM settings_version ORDER BY number DESC LIMIT $1", params![limit])?;
    rows.iter().map(|row| stored(row).map(|stored| stored.version)).collect()
}

/// Stores the version after the newest one, and its event.
pub(crate) fn insert(tx: &mut Tx<'_>, stored: &Stored, event: &Event) -> Result<(), InsertError> {
    let current = newest(tx)?.map_or(0, |newest| newest.version.number);
    let version = &stored.version;
    if current != version.number - 1 {
        return Err(InsertError::Stale { current });
    }
    tx.execute(
        "INSERT INTO settings_version (number, at, author, author_name, reason, changes, overlay)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            version.number,
            version.at.micros(),
            json(&version.author),
            version.author_name.as_str(),
            version.reason.as_str(),
            json(&version.changes),
            json(&stored.overlay)
        ],
    )?;
    tx.record(event)?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our own values are JSON")
}

fn stored(row: &Row) -> Result<Stored, StoreError> {
    fn from_json<T: serde::de::DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&row.get::<String>(column)?).map_err(|_| StoreError::Column {
            column: column.to_owned(),
            detail: "not the JSON that was stored".into(),
        })
    }
    Ok(Stored {
        version: Version {
            number: row.get("number")?,
            at: gabion_core::Timestamp::from_micros(row.get("at")?),
            author: from_json::<Actor>(row, "author")?,
            author_name: row.get("author_name")?,
            reason: row.get("reason")?,
            changes: from_json::<Vec<Change>>(row, "changes")?,
        },
        overlay: from_json(row, "overlay")?,
    })
}
