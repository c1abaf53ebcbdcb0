//! Rows of changes.

use gabion_core::{Severity, SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_store::{Param, Row, StoreError, Tx, params};

use super::{NEWEST, actor, count, from_json, json, rank, rows, severity};
use crate::change::{ChangeFilter, ChangeKind, ChangeState, ChangeView};
use crate::{ChangeId, ScriptId, SeenBy};

fn view(row: &Row) -> Result<ChangeView, StoreError> {
    Ok(ChangeView {
        id: row.parse("id")?,
        class: row.parse("class")?,
        kind: row.parse("kind")?,
        severity: severity(row.get("severity")?),
        page: row.get("page")?,
        subject: row.get("subject")?,
        sentence: row.get("sentence")?,
        script: row.parse_opt("script")?,
        hash_before: row.get("hash_before")?,
        hash_after: row.get("hash_after")?,
        risks: from_json(row, "risks")?,
        seen_by: SeenBy(row.get("seen_by")?),
        at: row.get("at")?,
        state: row.parse("state")?,
        settled_by: actor(row, "settled_by")?,
        settled_at: row.get("settled_at")?,
        note: row.get("note")?,
    })
}

pub(crate) fn by_id(tx: &mut Tx<'_>, id: ChangeId) -> Result<Option<(SiteId, ChangeView)>, StoreError> {
    let found = tx.query_one("SELECT * FROM pages_change WHERE id = $1", params![Param::text(id)])?;
    found.as_ref().map(|row| Ok((row.parse("site")?, view(row)?))).transpose()
}

pub(crate) fn page(
    tx: &mut Tx<'_>,
    site: &SiteId,
    filter: &ChangeFilter,
    before: Option<&str>,
    limit: usize,
) -> Result<Vec<ChangeView>, StoreError> {
    let sql = "SELECT * FROM pages_change WHERE site = $1 AND id < $2
        AND ($3 = '' OR class = $3) AND ($4 = '' OR kind = $4) AND ($5 = '' OR state = $5) AND severity >= $6
        ORDER BY id DESC LIMIT $7";
    let params = params![
        site,
        before.unwrap_or(NEWEST),
        filter.class.map_or("", PageClass::as_str),
        filter.kind.map_or("", ChangeKind::as_str),
        filter.state.map_or("", ChangeState::as_str),
        rank(filter.severity_min.unwrap_or(Severity::Info)),
        rows(limit),
    ];
    tx.query(sql, params)?.iter().map(view).collect()
}

/// Changes of a period, oldest first, behind `after`.
pub(crate) fn between(
    tx: &mut Tx<'_>,
    site: &SiteId,
    (from, until): (Timestamp, Timestamp),
    after: &str,
    limit: usize,
) -> Result<Vec<ChangeView>, StoreError> {
    let sql = "SELECT * FROM pages_change WHERE site = $1 AND at >= $2 AND at < $3 AND id > $4
        ORDER BY id LIMIT $5";
    tx.query(sql, params![site, from, until, after, rows(limit)])?.iter().map(view).collect()
}

/// Writes a change. Says whether it is new.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    site: &SiteId,
    fingerprint: &str,
    change: &ChangeView,
) -> Result<bool, StoreError> {
    let sql =
        "INSERT INTO pages_change (id, site, fingerprint, class, kind, severity, page, subject, sentence,
            script, hash_before, hash_after, risks, seen_by, at, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        ON CONFLICT DO NOTHING";
    let params = params![
        Param::text(change.id),
        site,
        fingerprint,
        change.class.as_str(),
        change.kind.as_str(),
        rank(change.severity),
        &change.page,
        &change.subject,
        &change.sentence,
        change.script.map(Param::text),
        change.hash_before.as_deref(),
        change.hash_after.as_deref(),
        json(&change.risks),
        change.seen_by.0,
        change.at,
        change.state.as_str(),
    ];
    Ok(tx.execute(sql, params)? == 1)
}

/// How many changes browsers' reports made since.
pub(crate) fn reported_since(tx: &mut Tx<'_>, site: &SiteId, since: Timestamp) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) AS n FROM pages_change WHERE site = $1 AND at >= $2 AND seen_by IN (2, 4, 6)";
    count(tx, sql, params![site, since])
}

/// Open changes of headers.
pub(crate) fn open_of_headers(tx: &mut Tx<'_>, site: &SiteId) -> Result<Vec<ChangeView>, StoreError> {
    let sql = "SELECT * FROM pages_change WHERE site = $1 AND state = 'open' AND kind = 'header_weakened'
        ORDER BY id LIMIT 1000";
    tx.query(sql, params![site])?.iter().map(view).collect()
}

pub(crate) fn delete_about_script(tx: &mut Tx<'_>, script: ScriptId) -> Result<(), StoreError> {
    let sql = "DELETE FROM pages_change WHERE script = $1 AND state = 'open'";
    tx.execute(sql, params![Param::text(script)]).map(drop)
}
