//! All SQL of this domain, as functions over a transaction.

pub(crate) mod change;
pub(crate) mod class;
pub(crate) mod day;
pub(crate) mod decision;
pub(crate) mod destination;
pub(crate) mod headers;
pub(crate) mod overview;
pub(crate) mod page;
pub(crate) mod script;
pub(crate) mod site;
pub(crate) mod state;
pub(crate) mod sweep;
pub(crate) mod version;

use gabion_core::{Actor, Severity};
use gabion_store::{Migration, Migrations, Row, StoreError, Tx};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The tables of this domain.
pub const MIGRATIONS: Migrations = Migrations {
    domain: "pages",
    steps: &[Migration {
        version: 1,
        name: "pages",
        sqlite: include_str!("../migrations/sqlite/0001_pages.sql"),
        postgres: include_str!("../migrations/postgres/0001_pages.sql"),
    }],
};

/// Behind every id: where a list begins.
pub(crate) const NEWEST: &str = "~";

pub(crate) fn count(tx: &mut Tx<'_>, sql: &str, params: &[gabion_store::Param]) -> Result<u64, StoreError> {
    tx.query_one(sql, params)?.map_or(Ok(0), |row| row.get("n"))
}

pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what is kept serializes")
}

pub(crate) fn from_json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    parsed(column, &text)
}

pub(crate) fn from_json_opt<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| parsed(column, &text)).transpose()
}

pub(crate) fn actor(row: &Row, column: &str) -> Result<Option<Actor>, StoreError> {
    from_json_opt(row, column)
}

fn parsed<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Column { column: column.to_owned(), detail: error.to_string() })
}

pub(crate) const fn rank(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

pub(crate) const fn severity(rank: i64) -> Severity {
    match rank {
        i64::MIN..=0 => Severity::Info,
        1 => Severity::Warning,
        2.. => Severity::Critical,
    }
}
