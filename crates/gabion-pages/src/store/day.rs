//! Rows of evaluations by day.

use std::time::Duration;

use gabion_core::{SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_store::{StoreError, Tx, params};
use serde::Serialize;

use super::number;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What was looked at on one page in one day.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Day {
    /// The day in UTC, such as `2026-11-23`.
    pub(crate) day: String,
    /// What the page is for.
    pub(crate) class: PageClass,
    /// Its path.
    pub(crate) path: String,
    /// Servings that were looked at.
    pub(crate) servings: u64,
    /// Looks from outside that saw it.
    pub(crate) looks: u64,
    /// Looks from outside that did not.
    pub(crate) looks_failed: u64,
    /// Scripts and event handlers of the page at most.
    pub(crate) scripts: u64,
    /// Changes that were found.
    pub(crate) changes: u64,
}

/// Days since 1970.
pub(crate) fn number_of(at: Timestamp) -> i64 {
    at.seconds().div_euclid(DAY.as_secs() as i64)
}

pub(crate) fn start_of(day: i64) -> Timestamp {
    Timestamp::from_seconds(day.saturating_mul(DAY.as_secs() as i64))
}

/// Adds to the evaluations of a page.
pub(crate) fn add(tx: &mut Tx<'_>, site: &SiteId, at: Timestamp, day: &Day) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO pages_day (site, path, day, class, servings, looks, looks_failed, scripts, changes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (site, path, day) DO UPDATE SET
        class = excluded.class, servings = pages_day.servings + excluded.servings,
        looks = pages_day.looks + excluded.looks,
        looks_failed = pages_day.looks_failed + excluded.looks_failed,
        scripts = CASE WHEN pages_day.scripts < excluded.scripts THEN excluded.scripts
            ELSE pages_day.scripts END,
        changes = pages_day.changes + excluded.changes";
    let params = params![
        site,
        &day.path,
        number_of(at),
        day.class.as_str(),
        number(day.servings),
        number(day.looks),
        number(day.looks_failed),
        number(day.scripts),
        number(day.changes),
    ];
    tx.execute(sql, params).map(drop)
}

/// The evaluations of a class in a period, by day, behind `after`; at most [`DAYS_PER_READ`] rows.
pub(crate) fn between(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    (from, until): (Timestamp, Timestamp),
) -> Result<Vec<Day>, StoreError> {
    let sql = "SELECT day, path, servings, looks, looks_failed, scripts, changes FROM pages_day
        WHERE site = $1 AND class = $2 AND day >= $3 AND day <= $4 ORDER BY day, path LIMIT $5";
    let params = params![site, class.as_str(), number_of(from), number_of(until), super::rows(DAYS_PER_READ)];
    let rows = tx.query(sql, params)?;
    let view = |row: &gabion_store::Row| {
        let start = start_of(row.get("day")?).to_string();
        Ok(Day {
            day: start[..start.len().min(10)].to_owned(),
            class,
            path: row.get("path")?,
            servings: row.get("servings")?,
            looks: row.get("looks")?,
            looks_failed: row.get("looks_failed")?,
            scripts: row.get("scripts")?,
            changes: row.get("changes")?,
        })
    };
    rows.iter().map(view).collect()
}

/// Rows of evaluations of one class that are read: 25 pages every day of a year.
pub(crate) const DAYS_PER_READ: usize = 9_500;
