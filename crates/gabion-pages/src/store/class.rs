//! Rows of classes of pages, and what browsers said a policy stopped there.

use gabion_core::{SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_store::{Row as DbRow, StoreError, Tx, params};

use super::{count, from_json, json, number};
use crate::decision::HoldState;

/// Violations that are kept of one class.
pub(crate) const VIOLATIONS_PER_CLASS_MAX: u64 = 300;

/// A class of a site.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) class: PageClass,
    pub(crate) hold: HoldState,
    pub(crate) servings: u64,
    pub(crate) reports: u64,
    /// None where it is held and no page was seen.
    pub(crate) first_seen: Option<Timestamp>,
    pub(crate) last_seen: Option<Timestamp>,
    pub(crate) address: String,
}

fn row(row: &DbRow) -> Result<Row, StoreError> {
    let seen = |column| row.get(column).map(|at: Timestamp| Some(at).filter(|at| at.micros() != 0));
    Ok(Row {
        class: row.parse("class")?,
        hold: from_json(row, "hold")?,
        servings: row.get("servings")?,
        reports: row.get("reports")?,
        first_seen: seen("first_seen")?,
        last_seen: seen("last_seen")?,
        address: row.get("address")?,
    })
}

pub(crate) fn all(tx: &mut Tx<'_>, site: &SiteId) -> Result<Vec<Row>, StoreError> {
    let mut rows: Vec<Row> = tx
        .query("SELECT * FROM pages_class WHERE site = $1", params![site])?
        .iter()
        .map(row)
        .collect::<Result<_, _>>()?;
    rows.sort_by_key(|row| row.class);
    Ok(rows)
}

pub(crate) fn one(tx: &mut Tx<'_>, site: &SiteId, class: PageClass) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT * FROM pages_class WHERE site = $1 AND class = $2";
    tx.query_one(sql, params![site, class.as_str()])?.as_ref().map(row).transpose()
}

/// Notes that pages of a class were served or reported about.
pub(crate) fn note(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    (servings, reports): (u64, u64),
    at: Timestamp,
    address: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO pages_class (site, class, hold, servings, reports, first_seen, last_seen, address)
        VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT (site, class) DO UPDATE SET
        servings = pages_class.servings + excluded.servings, reports = pages_class.reports + excluded.reports,
        first_seen = CASE WHEN pages_class.first_seen = 0 THEN excluded.first_seen ELSE pages_class.first_seen END,
        last_seen = CASE WHEN pages_class.last_seen < excluded.last_seen THEN excluded.last_seen
            ELSE pages_class.last_seen END,
        address = CASE WHEN excluded.servings > 0 OR pages_class.address = '' THEN excluded.address
            ELSE pages_class.address END";
    let hold = json(&HoldState::default());
    let params = params![site, class.as_str(), hold, number(servings), number(reports), at, address];
    tx.execute(sql, params).map(drop)
}

pub(crate) fn set_hold(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    hold: &HoldState,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO pages_class (site, class, hold, servings, reports, first_seen, last_seen, address)
        VALUES ($1, $2, $3, 0, 0, 0, 0, '') ON CONFLICT (site, class) DO UPDATE SET hold = excluded.hold";
    tx.execute(sql, params![site, class.as_str(), json(hold)]).map(drop)
}

/// Something that browsers said a policy stopped, or would have.
#[derive(Clone, Debug)]
pub(crate) struct ViolationRow {
    pub(crate) directive: String,
    pub(crate) blocked: String,
    pub(crate) page: String,
    pub(crate) last_seen: Timestamp,
    pub(crate) reports: u64,
}

pub(crate) fn violations(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
) -> Result<Vec<ViolationRow>, StoreError> {
    let sql = "SELECT * FROM pages_violation WHERE site = $1 AND class = $2 ORDER BY directive, blocked";
    let rows = tx.query(sql, params![site, class.as_str()])?;
    let view = |row: &DbRow| {
        Ok(ViolationRow {
            directive: row.get("directive")?,
            blocked: row.get("blocked")?,
            page: row.get("page")?,
            last_seen: row.get("last_seen")?,
            reports: row.get("reports")?,
        })
    };
    rows.iter().map(view).collect()
}

/// Notes a violation. Says whether there was room for it.
pub(crate) fn note_violation(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    row: &ViolationRow,
    sample: &str,
) -> Result<bool, StoreError> {
    let class = class.as_str();
    let params = params![
        site,
        class,
        &row.directive,
        &row.blocked,
        &row.page,
        sample,
        row.last_seen,
        number(row.reports)
    ];
    let update = "UPDATE pages_violation SET page = $5, sample = $6, reports = reports + $8,
        last_seen = CASE WHEN last_seen < $7 THEN $7 ELSE last_seen END
        WHERE site = $1 AND class = $2 AND directive = $3 AND blocked = $4";
    if tx.execute(update, params)? > 0 {
        return Ok(true);
    }
    let all = "SELECT COUNT(*) AS n FROM pages_violation WHERE site = $1 AND class = $2";
    if count(tx, all, params![site, class])? >= VIOLATIONS_PER_CLASS_MAX {
        return Ok(false);
    }
    let insert = "INSERT INTO pages_violation
            (site, class, directive, blocked, page, sample, first_seen, last_seen, reports)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) ON CONFLICT DO NOTHING";
    tx.execute(insert, params)?;
    Ok(true)
}
