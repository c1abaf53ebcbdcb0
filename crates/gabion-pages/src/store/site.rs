//! Rows of sites: what pages are for, and stopped origins.

use gabion_core::{Actor, SiteId};
use gabion_markup::class::ClassRule;
use gabion_store::{Row, StoreError, Tx, params};

use super::{from_json, from_json_opt, json};
use crate::decision::State;
use crate::overview::StoppedOrigin;

/// What a person said that pages are for; none before anybody did.
pub(crate) fn rules(tx: &mut Tx<'_>, site: &SiteId) -> Result<Option<Vec<ClassRule>>, StoreError> {
    let sql = "SELECT rules FROM pages_site WHERE site = $1";
    let row = tx.query_one(sql, params![site])?;
    Ok(row.map(|row| from_json_opt(&row, "rules")).transpose()?.flatten())
}

pub(crate) fn set_rules(
    tx: &mut Tx<'_>,
    site: &SiteId,
    rules: Option<&[ClassRule]>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO pages_site (site, rules) VALUES ($1, $2)
        ON CONFLICT (site) DO UPDATE SET rules = excluded.rules";
    tx.execute(sql, params![site, rules.map(|rules| json(&rules))]).map(drop)
}

/// Every site that anything is known of.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<SiteId>, StoreError> {
    let sql =
        "SELECT site FROM pages_class UNION SELECT site FROM pages_site UNION SELECT site FROM pages_stopped
        ORDER BY site";
    tx.query(sql, params![])?.iter().map(|row| row.parse("site")).collect()
}

pub(crate) fn stopped(tx: &mut Tx<'_>, site: &SiteId) -> Result<Vec<StoppedOrigin>, StoreError> {
    let sql = "SELECT * FROM pages_stopped WHERE site = $1 ORDER BY origin";
    tx.query(sql, params![site])?.iter().map(stopped_view).collect()
}

fn stopped_view(row: &Row) -> Result<StoppedOrigin, StoreError> {
    Ok(StoppedOrigin {
        origin: row.get("origin")?,
        reason: row.get("reason")?,
        by: from_json::<Actor>(row, "stopped_by")?,
        at: row.get("at")?,
    })
}

pub(crate) fn stop(tx: &mut Tx<'_>, site: &SiteId, origin: &str) -> Result<State, StoreError> {
    let sql = "SELECT * FROM pages_stopped WHERE site = $1 AND origin = $2";
    let found = tx.query_one(sql, params![site, origin])?.as_ref().map(stopped_view).transpose()?;
    Ok(State::Origin(found.map(|found| crate::decision::Stop {
        reason: found.reason,
        by: found.by,
        at: found.at,
    })))
}

pub(crate) fn set_stop(
    tx: &mut Tx<'_>,
    site: &SiteId,
    origin: &str,
    stop: Option<&crate::decision::Stop>,
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM pages_stopped WHERE site = $1 AND origin = $2", params![site, origin])?;
    if let Some(stop) = stop {
        let sql = "INSERT INTO pages_stopped (site, origin, reason, stopped_by, at)
            VALUES ($1, $2, $3, $4, $5)";
        tx.execute(sql, params![site, origin, &stop.reason, json(&stop.by), stop.at])?;
    }
    Ok(())
}
