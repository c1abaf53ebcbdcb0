//! Rows of what scripts said.

use gabion_core::{SiteId, Timestamp};
use gabion_store::{StoreError, Tx, params};

use super::number;
use crate::SeenBy;
use crate::script::{TEXT_BYTES_PER_SITE_MAX, VERSIONS_PER_SCRIPT_MAX, VersionView};

/// What a script said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    pub(crate) hash: &'a str,
    pub(crate) bytes: Option<u64>,
    pub(crate) beginning: Option<&'a str>,
}

/// Versions of a script, newest first.
pub(crate) fn of(tx: &mut Tx<'_>, site: &SiteId, key: &str) -> Result<Vec<VersionView>, StoreError> {
    let sql = "SELECT hash, first_seen, last_seen, seen_by, bytes, kept FROM pages_version
        WHERE site = $1 AND script_key = $2 ORDER BY first_seen DESC, hash";
    let rows = tx.query(sql, params![site, key])?;
    let view = |row: &gabion_store::Row| {
        Ok(VersionView {
            hash: row.get("hash")?,
            first_seen: row.get("first_seen")?,
            last_seen: row.get("last_seen")?,
            seen_by: SeenBy(row.get("seen_by")?),
            bytes: row.get("bytes")?,
            has_text: row.get::<u64>("kept")? > 0,
        })
    };
    rows.iter().map(view).collect()
}

/// Hash and text of the last two versions whose text is kept, newest first.
pub(crate) fn last_texts(
    tx: &mut Tx<'_>,
    site: &SiteId,
    key: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT hash, beginning FROM pages_version WHERE site = $1 AND script_key = $2
        AND beginning IS NOT NULL ORDER BY first_seen DESC, hash LIMIT 2";
    let rows = tx.query(sql, params![site, key])?;
    rows.iter().map(|row| Ok((row.get("hash")?, row.get("beginning")?))).collect()
}

pub(crate) fn text(
    tx: &mut Tx<'_>,
    site: &SiteId,
    key: &str,
    hash: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT beginning FROM pages_version WHERE site = $1 AND script_key = $2 AND hash = $3";
    tx.query_one(sql, params![site, key, hash])?.map_or(Ok(None), |row| row.get("beginning"))
}

/// Whether the version is known, and whether its text is.
pub(crate) fn known(
    tx: &mut Tx<'_>,
    site: &SiteId,
    key: &str,
    hash: &str,
) -> Result<Option<bool>, StoreError> {
    let sql = "SELECT kept FROM pages_version WHERE site = $1 AND script_key = $2 AND hash = $3";
    let row = tx.query_one(sql, params![site, key, hash])?;
    row.map(|row| Ok(row.get::<u64>("kept")? > 0)).transpose()
}

/// Notes a version. Says whether it is new; its text is left out when the site has too many, or when it is known.
pub(crate) fn note(
    tx: &mut Tx<'_>,
    site: &SiteId,
    key: &str,
    content: Content<'_>,
    seen_by: SeenBy,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Content { hash, bytes, beginning } = content;
    let known = known(tx, site, key, hash)?;
    let beginning = match known {
        Some(true) => None,
        _ => beginning.filter(|text| !text.is_empty()),
    };
    let beginning = match beginning {
        Some(text) if kept(tx, site)? + text.len() as u64 <= TEXT_BYTES_PER_SITE_MAX => Some(text),
        _ => None,
    };
    let size = number(beginning.map_or(0, |text| text.len() as u64));
    let bytes = bytes.map(number);
    if known.is_some() {
        let sql = "UPDATE pages_version SET last_seen = CASE WHEN last_seen < $4 THEN $4 ELSE last_seen END,
            seen_by = seen_by | $5, bytes = COALESCE($6, bytes), kept = kept + $7,
            beginning = COALESCE($8, beginning) WHERE site = $1 AND script_key = $2 AND hash = $3";
        tx.execute(sql, params![site, key, hash, at, seen_by.0, bytes, size, beginning])?;
        return Ok(false);
    }
    let sql = "INSERT INTO pages_version
            (site, script_key, hash, first_seen, last_seen, seen_by, bytes, kept, beginning)
        VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    tx.execute(sql, params![site, key, hash, at, seen_by.0, bytes, size, beginning])?;
    trim(tx, site, key)?;
    Ok(true)
}

fn kept(tx: &mut Tx<'_>, site: &SiteId) -> Result<u64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(kept), 0) AS BIGINT) AS n FROM pages_version WHERE site = $1";
    super::count(tx, sql, params![site])
}

/// Deletes versions beyond the limit: first those that only browsers told of, then the one that was seen longest ago.
fn trim(tx: &mut Tx<'_>, site: &SiteId, key: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM pages_version WHERE site = $1 AND script_key = $2 AND hash IN
        (SELECT hash FROM pages_version WHERE site = $1 AND script_key = $2
            ORDER BY CASE WHEN seen_by IN (2, 4, 6) THEN 1 ELSE 0 END, last_seen DESC, hash
            LIMIT 1000 OFFSET $3)";
    tx.execute(sql, params![site, key, super::rows(VERSIONS_PER_SCRIPT_MAX)]).map(drop)
}

pub(crate) fn forget(tx: &mut Tx<'_>, site: &SiteId, key: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM pages_version WHERE site = $1 AND script_key = $2";
    tx.execute(sql, params![site, key]).map(drop)
}

/// The hash of what Gabion itself saw last of a script: what strangers report is nothing to hold a page to.
pub(crate) fn newest_seen(tx: &mut Tx<'_>, site: &SiteId, key: &str) -> Result<Option<String>, StoreError> {
    let sql =
        "SELECT hash FROM pages_version WHERE site = $1 AND script_key = $2 AND seen_by NOT IN (2, 4, 6)
        ORDER BY last_seen DESC, first_seen DESC LIMIT 1";
    tx.query_one(sql, params![site, key])?.map_or(Ok(None), |row| row.get("hash"))
}

/// The newest hash of a script that anybody saw.
pub(crate) fn newest(tx: &mut Tx<'_>, site: &SiteId, key: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT hash FROM pages_version WHERE site = $1 AND script_key = $2
        ORDER BY last_seen DESC, first_seen DESC LIMIT 1";
    tx.query_one(sql, params![site, key])?.map_or(Ok(None), |row| row.get("hash"))
}

/// Versions of files that are on no known page, of one site.
pub(crate) const UNUSED_PER_SITE_MAX: u64 = 5_000;

/// Whether one more version of a file that is on no known page is kept.
pub(crate) fn has_room(tx: &mut Tx<'_>, site: &SiteId) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) AS n FROM pages_version WHERE site = $1";
    Ok(super::count(tx, sql, params![site])? < UNUSED_PER_SITE_MAX)
}
