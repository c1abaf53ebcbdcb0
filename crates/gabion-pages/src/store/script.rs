//! Rows of scripts.

use gabion_core::{SiteId, Timestamp};
use gabion_markup::holding::ScriptKey;
use gabion_markup::{Address, PageClass};
use gabion_store::{Param, Row as DbRow, StoreError, Tx, params};

use super::{NEWEST, actor, count, rank, rows, severity};
use crate::script::{ScriptFilter, ScriptForm, ScriptView};
use crate::{ScriptId, SeenBy, Status, company};

/// Bytes of a text that is looked for.
const NEEDLE_BYTES_MAX: usize = 100;

/// A script with its site.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) site: SiteId,
    pub(crate) view: ScriptView,
}

fn row(row: &DbRow) -> Result<Row, StoreError> {
    Ok(Row { site: row.parse("site")?, view: view(row)? })
}

fn view(row: &DbRow) -> Result<ScriptView, StoreError> {
    let key: String = row.get("script_key")?;
    let known = match key.parse() {
        Ok(ScriptKey::Web(address)) => company::of_host(Address::host(&address)),
        _ => None,
    };
    Ok(ScriptView {
        id: row.parse("id")?,
        class: row.parse("class")?,
        form: row.parse("form")?,
        label: row.get("label")?,
        origin: row.get("origin")?,
        is_own: row.get("is_own")?,
        company: known.map(|known| known.company),
        changes_by_itself: known.is_some_and(|known| known.changes_by_itself),
        first_seen: row.get("first_seen")?,
        last_seen: row.get("last_seen")?,
        seen_by: SeenBy(row.get("seen_by")?),
        page: row.get("page")?,
        reads: crate::Entered(row.get("entered")?),
        hash: row.get("hash")?,
        risk: row.get::<Option<i64>>("risk")?.map(severity),
        status: row.parse("status")?,
        owner: row.get("owner")?,
        justification: row.get("justification")?,
        decided_by: actor(row, "decided_by")?,
        decided_at: row.get("decided_at")?,
        pin: row.get("pin")?,
        key,
    })
}

pub(crate) fn by_id(tx: &mut Tx<'_>, id: ScriptId) -> Result<Option<Row>, StoreError> {
    let found = tx.query_one("SELECT * FROM pages_script WHERE id = $1", params![Param::text(id)])?;
    found.as_ref().map(row).transpose()
}

pub(crate) fn by_key(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    key: &str,
) -> Result<Option<ScriptView>, StoreError> {
    let sql = "SELECT * FROM pages_script WHERE site = $1 AND class = $2 AND script_key = $3";
    tx.query_one(sql, params![site, class.as_str(), key])?.as_ref().map(view).transpose()
}

/// The same script on every class.
pub(crate) fn all_with_key(tx: &mut Tx<'_>, site: &SiteId, key: &str) -> Result<Vec<ScriptView>, StoreError> {
    let sql = "SELECT * FROM pages_script WHERE site = $1 AND script_key = $2 ORDER BY class";
    tx.query(sql, params![site, key])?.iter().map(view).collect()
}

pub(crate) fn classes_of(tx: &mut Tx<'_>, site: &SiteId, key: &str) -> Result<Vec<PageClass>, StoreError> {
    Ok(all_with_key(tx, site, key)?.into_iter().map(|script| script.class).collect())
}

/// Scripts of a class, or of all.
pub(crate) fn all(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: Option<PageClass>,
) -> Result<Vec<ScriptView>, StoreError> {
    let sql = "SELECT * FROM pages_script WHERE site = $1 AND ($2 = '' OR class = $2) ORDER BY id";
    tx.query(sql, params![site, class.map_or("", PageClass::as_str)])?.iter().map(view).collect()
}

/// Scripts from elsewhere.
pub(crate) fn foreign(tx: &mut Tx<'_>, site: &SiteId) -> Result<Vec<ScriptView>, StoreError> {
    let sql = "SELECT * FROM pages_script WHERE site = $1 AND is_own = 0 AND origin IS NOT NULL ORDER BY id";
    tx.query(sql, params![site])?.iter().map(view).collect()
}

/// Scripts behind `before`, newest first.
pub(crate) fn page(
    tx: &mut Tx<'_>,
    site: &SiteId,
    filter: &ScriptFilter,
    before: Option<&str>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT * FROM pages_script WHERE site = $1 AND id < $2
        AND ($3 = '' OR class = $3) AND ($4 = '' OR status = $4) AND ($5 = '' OR form = $5)
        AND ($6 = '' OR origin = $6) AND ($7 = 0 OR (is_own = 0 AND origin IS NOT NULL))
        AND ($8 = '' OR LOWER(label) LIKE $8 ESCAPE '!')
        ORDER BY id DESC LIMIT $9";
    let needle = filter.text.as_deref().filter(|text| !text.is_empty()).map_or_else(String::new, needle);
    let params = params![
        site,
        before.unwrap_or(NEWEST),
        filter.class.map_or("", PageClass::as_str),
        filter.status.map_or("", Status::as_str),
        filter.form.map_or("", ScriptForm::as_str),
        filter.origin.as_deref().unwrap_or_default(),
        filter.foreign_only,
        needle,
        rows(limit),
    ];
    tx.query(sql, params)?.iter().map(row).collect()
}

fn needle(text: &str) -> String {
    let cut = &text[..text.floor_char_boundary(NEEDLE_BYTES_MAX)];
    let mut out = String::from("%");
    for c in cut.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            out.push('!');
        }
        out.push(c);
    }
    out + "%"
}

/// How many of a class are kept, and how many of them only browsers told of.
pub(crate) fn counts(tx: &mut Tx<'_>, site: &SiteId, class: PageClass) -> Result<(u64, u64), StoreError> {
    let all = "SELECT COUNT(*) AS n FROM pages_script WHERE site = $1 AND class = $2";
    let told = "SELECT COUNT(*) AS n FROM pages_script
        WHERE site = $1 AND class = $2 AND seen_by IN (2, 4, 6)";
    let params = params![site, class.as_str()];
    Ok((count(tx, all, params)?, count(tx, told, params)?))
}

pub(crate) fn insert(
    tx: &mut Tx<'_>,
    site: &SiteId,
    script: &ScriptView,
    skeleton: Option<&str>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO pages_script (id, site, class, script_key, form, label, origin, is_own, skeleton,
            first_seen, last_seen, seen_by, entered, page, hash, risk, status)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        ON CONFLICT DO NOTHING";
    let params = params![
        Param::text(script.id),
        site,
        script.class.as_str(),
        &script.key,
        script.form.as_str(),
        &script.label,
        script.origin.as_deref(),
        script.is_own,
        skeleton,
        script.first_seen,
        script.last_seen,
        script.seen_by.0,
        script.reads.0,
        &script.page,
        script.hash.as_deref(),
        script.risk.map(rank),
        script.status.as_str(),
    ];
    Ok(tx.execute(sql, params)? == 1)
}

/// Notes that a script was seen again.
pub(crate) fn touch(
    tx: &mut Tx<'_>,
    id: ScriptId,
    at: Timestamp,
    seen_by: SeenBy,
    entered: crate::Entered,
    page: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE pages_script SET last_seen = CASE WHEN last_seen < $2 THEN $2 ELSE last_seen END,
        seen_by = seen_by | $3, entered = entered | $4, page = $5 WHERE id = $1";
    tx.execute(sql, params![Param::text(id), at, seen_by.0, entered.0, page]).map(drop)
}

pub(crate) fn set_content(
    tx: &mut Tx<'_>,
    id: ScriptId,
    hash: &str,
    risk: Option<i64>,
) -> Result<(), StoreError> {
    let sql = "UPDATE pages_script SET hash = $2, risk = COALESCE($3, risk) WHERE id = $1";
    tx.execute(sql, params![Param::text(id), hash, risk]).map(drop)
}

/// Scripts of a class that are the same but for numbers and tokens.
pub(crate) fn with_skeleton(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    skeleton: &str,
) -> Result<Vec<ScriptView>, StoreError> {
    let sql = "SELECT * FROM pages_script
        WHERE site = $1 AND class = $2 AND skeleton = $3 ORDER BY id";
    tx.query(sql, params![site, class.as_str(), skeleton])?.iter().map(view).collect()
}

pub(crate) fn delete(tx: &mut Tx<'_>, id: ScriptId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM pages_script WHERE id = $1", params![Param::text(id)]).map(drop)
}

/// A script of somebody else whose text nobody read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unread {
    pub(crate) site: SiteId,
    pub(crate) key: String,
    /// Of what browsers ran; empty where they did not say.
    pub(crate) hash: String,
}

/// Scripts of others on payment pages that browsers ran since `since` and whose text is not known, the newest first.
pub(crate) fn unread(tx: &mut Tx<'_>, since: Timestamp, most: usize) -> Result<Vec<Unread>, StoreError> {
    let sql = "SELECT s.site AS site, s.script_key AS script_key, COALESCE(v.hash, '') AS hash
        FROM pages_script s LEFT JOIN pages_version v ON v.site = s.site AND v.script_key = s.script_key
        WHERE s.class = 'payment' AND s.form = 'web' AND s.is_own = 0 AND s.status <> 'denied'
            AND ((v.hash IS NULL AND s.last_seen >= $1) OR (v.kept = 0 AND v.last_seen >= $1))
        ORDER BY s.last_seen DESC, s.id LIMIT $2";
    let rows = tx.query(sql, params![since, rows(most)])?;
    let view = |row: &DbRow| {
        Ok(Unread { site: row.parse("site")?, key: row.get("script_key")?, hash: row.get("hash")? })
    };
    rows.iter().map(view).collect()
}

/// Whether a class has scripts that are different in every answer.
pub(crate) fn has_skeletons(tx: &mut Tx<'_>, site: &SiteId, class: PageClass) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) AS n FROM pages_script WHERE site = $1 AND class = $2 AND form = 'skeleton'";
    Ok(count(tx, sql, params![site, class.as_str()])? > 0)
}

/// Whether a person approved any script of a class.
pub(crate) fn any_authorized(tx: &mut Tx<'_>, site: &SiteId, class: PageClass) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS n FROM pages_script
        WHERE site = $1 AND class = $2 AND status = 'authorized' LIMIT 1";
    Ok(count(tx, sql, params![site, class.as_str()])? > 0)
}

/// Authorized scripts of watched classes that were last seen between `since` and `before`.
pub(crate) fn gone(
    tx: &mut Tx<'_>,
    since: Timestamp,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT s.* FROM pages_script s JOIN pages_class c ON c.site = s.site AND c.class = s.class
        WHERE s.status = 'authorized' AND s.class <> 'other' AND s.last_seen < $2 AND s.last_seen >= $1
        AND c.last_seen > $2 ORDER BY s.id LIMIT $3";
    tx.query(sql, params![since, before, rows(limit)])?.iter().map(row).collect()
}
