//! Rows of pages that are watched, or look as if they should be.

use gabion_core::{SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_store::{Row as DbRow, StoreError, Tx, params};

use super::headers::{Baseline, Stored};
use super::{count, from_json, from_json_opt, json, number, rows};
use crate::overview::{BaselineView, PageView};

/// Pages that are kept of one site.
pub(crate) const PAGES_PER_SITE_MAX: u64 = 500;

/// A page with its headers.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) site: SiteId,
    pub(crate) view: PageView,
    pub(crate) headers: Stored,
    pub(crate) baseline: Option<Baseline>,
}

impl Row {
    pub(crate) fn baseline(self) -> Option<BaselineView> {
        let Baseline { headers, by, at } = self.baseline?;
        let changes = headers.read().changes_to(&self.headers.read());
        Some(BaselineView {
            class: self.view.class,
            path: self.view.path,
            headers: headers.shown(),
            by: Some(by),
            at: Some(at),
            differences: changes.into_iter().map(|change| change.sentence).collect(),
        })
    }
}

fn row(row: &DbRow) -> Result<Row, StoreError> {
    let baseline: Option<Baseline> = from_json_opt(row, "baseline")?;
    Ok(Row {
        site: row.parse("site")?,
        view: PageView {
            path: row.get("path")?,
            address: row.get("address")?,
            class: row.parse("class")?,
            proposed: row.parse("proposed")?,
            reasons: from_json(row, "reasons")?,
            first_seen: row.get("first_seen")?,
            last_seen: row.get("last_seen")?,
            servings: row.get("servings")?,
            has_baseline: baseline.is_some(),
            looked_at: row.get("looked_at")?,
            look_ok_at: row.get("look_ok_at")?,
            look_error: row.get("look_error")?,
        },
        headers: from_json(row, "headers")?,
        baseline,
    })
}

/// All pages of a site, the most served first.
pub(crate) fn all(tx: &mut Tx<'_>, site: &SiteId) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT * FROM pages_page WHERE site = $1 ORDER BY servings DESC, path";
    tx.query(sql, params![site])?.iter().map(row).collect()
}

pub(crate) fn by_path(tx: &mut Tx<'_>, site: &SiteId, path: &str) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT * FROM pages_page WHERE site = $1 AND path = $2";
    tx.query_one(sql, params![site, path])?.as_ref().map(row).transpose()
}

/// Writes what was seen of a page. Says whether there was room for it.
pub(crate) fn note(
    tx: &mut Tx<'_>,
    site: &SiteId,
    page: &PageView,
    headers: &Stored,
) -> Result<bool, StoreError> {
    let update = "UPDATE pages_page SET address = $3, class = $4, proposed = $5, reasons = $6,
        last_seen = CASE WHEN last_seen < $7 THEN $7 ELSE last_seen END, servings = servings + $8, headers = $9
        WHERE site = $1 AND path = $2";
    let params = params![
        site,
        &page.path,
        &page.address,
        page.class.as_str(),
        page.proposed.as_str(),
        json(&page.reasons),
        page.last_seen,
        number(page.servings),
        json(headers),
    ];
    if tx.execute(update, params)? > 0 {
        return Ok(true);
    }
    let all = "SELECT COUNT(*) AS n FROM pages_page WHERE site = $1";
    if count(tx, all, params![site])? >= PAGES_PER_SITE_MAX {
        return Ok(false);
    }
    let insert =
        "INSERT INTO pages_page (site, path, address, class, proposed, reasons, first_seen, last_seen,
            servings, headers)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9) ON CONFLICT DO NOTHING";
    tx.execute(insert, params)?;
    Ok(true)
}

/// The baseline that counts for a page of a class that has none of its own: that of the most served page of the class.
pub(crate) fn baseline_of_class(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
) -> Result<Option<Baseline>, StoreError> {
    let sql = "SELECT baseline FROM pages_page WHERE site = $1 AND class = $2 AND baseline IS NOT NULL
        ORDER BY servings DESC, path LIMIT 1";
    let found = tx.query_one(sql, params![site, class.as_str()])?;
    Ok(found.map(|row| from_json_opt(&row, "baseline")).transpose()?.flatten())
}

/// Pages of payment that nobody looked at since `before`, the longest ago first.
pub(crate) fn due(tx: &mut Tx<'_>, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT * FROM pages_page WHERE class = 'payment' AND (looked_at IS NULL OR looked_at < $1)
        ORDER BY COALESCE(looked_at, 0), site, path LIMIT $2";
    tx.query(sql, params![before, rows(limit)])?.iter().map(row).collect()
}

/// Pages of payment that were there and that no look saw since `before`.
pub(crate) fn overdue(tx: &mut Tx<'_>, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT * FROM pages_page WHERE class = 'payment' AND COALESCE(look_ok_at, first_seen) < $1
        ORDER BY site, path LIMIT $2";
    tx.query(sql, params![before, rows(limit)])?.iter().map(row).collect()
}

/// Notes a look and what it did not see.
pub(crate) fn note_look(
    tx: &mut Tx<'_>,
    site: &SiteId,
    path: &str,
    at: Timestamp,
    error: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "UPDATE pages_page SET looked_at = $3,
        look_ok_at = CASE WHEN CAST($4 AS TEXT) IS NULL THEN $3 ELSE look_ok_at END, look_error = $4
        WHERE site = $1 AND path = $2";
    tx.execute(sql, params![site, path, at, error]).map(drop)
}
