//! Rows of destinations, and of where forms are sent.

use gabion_core::{SiteId, Timestamp};
use gabion_markup::{Address, PageClass};
use gabion_store::{Param, Row, StoreError, Tx, params};

use super::{NEWEST, actor, count, rows};
use crate::destination::{DestinationFilter, DestinationKind, DestinationView};
use crate::{DestinationId, Entered, SeenBy, Status, company};

fn view(row: &Row) -> Result<DestinationView, StoreError> {
    let place: String = row.get("place")?;
    let known = Address::parse(&place).and_then(|address| company::of_host(address.host()));
    Ok(DestinationView {
        id: row.parse("id")?,
        class: row.parse("class")?,
        kind: row.parse("kind")?,
        company: known.map(|known| known.company),
        first_seen: row.get("first_seen")?,
        last_seen: row.get("last_seen")?,
        seen_by: SeenBy(row.get("seen_by")?),
        page: row.get("page")?,
        receives: Entered(row.get("entered")?),
        status: row.parse("status")?,
        justification: row.get("justification")?,
        decided_by: actor(row, "decided_by")?,
        decided_at: row.get("decided_at")?,
        place,
    })
}

pub(crate) fn by_id(
    tx: &mut Tx<'_>,
    id: DestinationId,
) -> Result<Option<(SiteId, DestinationView)>, StoreError> {
    let found = tx.query_one("SELECT * FROM pages_destination WHERE id = $1", params![Param::text(id)])?;
    found.as_ref().map(|row| Ok((row.parse("site")?, view(row)?))).transpose()
}

pub(crate) fn by_place(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    kind: DestinationKind,
    place: &str,
) -> Result<Option<DestinationView>, StoreError> {
    let sql = "SELECT * FROM pages_destination
        WHERE site = $1 AND class = $2 AND kind = $3 AND place = $4";
    let params = params![site, class.as_str(), kind.as_str(), place];
    tx.query_one(sql, params)?.as_ref().map(view).transpose()
}

pub(crate) fn all(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: Option<PageClass>,
) -> Result<Vec<DestinationView>, StoreError> {
    let sql = "SELECT * FROM pages_destination WHERE site = $1 AND ($2 = '' OR class = $2) ORDER BY id";
    tx.query(sql, params![site, class.map_or("", PageClass::as_str)])?.iter().map(view).collect()
}

pub(crate) fn page(
    tx: &mut Tx<'_>,
    site: &SiteId,
    filter: &DestinationFilter,
    before: Option<&str>,
    limit: usize,
) -> Result<Vec<DestinationView>, StoreError> {
    let sql = "SELECT * FROM pages_destination WHERE site = $1 AND id < $2
        AND ($3 = '' OR class = $3) AND ($4 = '' OR kind = $4) AND ($5 = '' OR status = $5)
        ORDER BY id DESC LIMIT $6";
    let params = params![
        site,
        before.unwrap_or(NEWEST),
        filter.class.map_or("", PageClass::as_str),
        filter.kind.map_or("", DestinationKind::as_str),
        filter.status.map_or("", Status::as_str),
        rows(limit),
    ];
    tx.query(sql, params)?.iter().map(view).collect()
}

/// How many of a class are kept, and how many of them only browsers told of.
pub(crate) fn counts(tx: &mut Tx<'_>, site: &SiteId, class: PageClass) -> Result<(u64, u64), StoreError> {
    let all = "SELECT COUNT(*) AS n FROM pages_destination WHERE site = $1 AND class = $2";
    let told = "SELECT COUNT(*) AS n FROM pages_destination
        WHERE site = $1 AND class = $2 AND seen_by IN (2, 4, 6)";
    let params = params![site, class.as_str()];
    Ok((count(tx, all, params)?, count(tx, told, params)?))
}

pub(crate) fn insert(tx: &mut Tx<'_>, site: &SiteId, place: &DestinationView) -> Result<bool, StoreError> {
    let sql = "INSERT INTO pages_destination
            (id, site, class, kind, place, first_seen, last_seen, seen_by, entered, page, status)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    let params = params![
        Param::text(place.id),
        site,
        place.class.as_str(),
        place.kind.as_str(),
        &place.place,
        place.first_seen,
        place.last_seen,
        place.seen_by.0,
        place.receives.0,
        &place.page,
        place.status.as_str(),
    ];
    Ok(tx.execute(sql, params)? == 1)
}

pub(crate) fn touch(
    tx: &mut Tx<'_>,
    id: DestinationId,
    at: Timestamp,
    seen_by: SeenBy,
    entered: Entered,
    page: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE pages_destination SET last_seen = CASE WHEN last_seen < $2 THEN $2 ELSE last_seen END,
        seen_by = seen_by | $3, entered = entered | $4, page = $5 WHERE id = $1";
    tx.execute(sql, params![Param::text(id), at, seen_by.0, entered.0, page]).map(drop)
}

/// Targets a form is kept with. A form with more is one that scripts fill.
pub(crate) const TARGETS_PER_FORM_MAX: u64 = 8;
/// Forms and their targets that are kept of one class.
pub(crate) const FORMS_PER_CLASS_MAX: u64 = 500;

/// What is known of a form's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// It is the form's first, or known.
    Expected,
    /// The form had others before.
    New,
    /// It is not kept.
    Beyond,
}

/// Notes where a form is sent.
pub(crate) fn note_form(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    (path, name, target): (&str, &str, &str),
    at: Timestamp,
) -> Result<Target, StoreError> {
    let class = class.as_str();
    let touch = "UPDATE pages_form SET last_seen = $6
        WHERE site = $1 AND class = $2 AND path = $3 AND name = $4 AND target = $5";
    if tx.execute(touch, params![site, class, path, name, target, at])? > 0 {
        return Ok(Target::Expected);
    }
    let own = "SELECT COUNT(*) AS n FROM pages_form
        WHERE site = $1 AND class = $2 AND path = $3 AND name = $4";
    let all = "SELECT COUNT(*) AS n FROM pages_form WHERE site = $1 AND class = $2";
    let known = count(tx, own, params![site, class, path, name])?;
    if known >= TARGETS_PER_FORM_MAX || count(tx, all, params![site, class])? >= FORMS_PER_CLASS_MAX {
        return Ok(Target::Beyond);
    }
    let sql = "INSERT INTO pages_form (site, class, path, name, target, first_seen, last_seen)
        VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING";
    tx.execute(sql, params![site, class, path, name, target, at])?;
    Ok(if known == 0 { Target::Expected } else { Target::New })
}
