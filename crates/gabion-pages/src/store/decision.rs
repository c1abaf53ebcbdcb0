//! Rows of decisions.

use gabion_core::{Actor, SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_store::{Param, Row as DbRow, StoreError, Tx, params};

use super::{NEWEST, from_json, json, rows};
use crate::DecisionId;
use crate::decision::{DecidedItem, DecisionKind, DecisionView, Item};

/// A decision with what it changed.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: DecisionId,
    pub(crate) site: SiteId,
    pub(crate) class: Option<PageClass>,
    pub(crate) kind: DecisionKind,
    pub(crate) items: Vec<Item>,
    pub(crate) justification: Option<String>,
    pub(crate) by: Actor,
    pub(crate) at: Timestamp,
    pub(crate) undoes: Option<DecisionId>,
    pub(crate) undone_by: Option<DecisionId>,
}

impl Row {
    pub(crate) fn view(self) -> DecisionView {
        let item = |item: Item| DecidedItem {
            subject: item.subject.name(),
            before: item.before.words(),
            after: item.after.words(),
            label: item.label,
        };
        DecisionView {
            id: self.id,
            site: self.site,
            class: self.class,
            kind: self.kind,
            items: self.items.into_iter().map(item).collect(),
            justification: self.justification,
            by: self.by,
            at: self.at,
            undoes: self.undoes,
            undone_by: self.undone_by,
        }
    }
}

fn row(row: &DbRow) -> Result<Row, StoreError> {
    Ok(Row {
        id: row.parse("id")?,
        site: row.parse("site")?,
        class: row.parse_opt("class")?,
        kind: row.parse("kind")?,
        items: from_json(row, "items")?,
        justification: row.get("justification")?,
        by: from_json(row, "decided_by")?,
        at: row.get("at")?,
        undoes: row.parse_opt("undoes")?,
        undone_by: row.parse_opt("undone_by")?,
    })
}

pub(crate) fn insert(tx: &mut Tx<'_>, decision: &Row) -> Result<(), StoreError> {
    let sql = "INSERT INTO pages_decision
            (id, site, class, kind, items, justification, decided_by, at, undoes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let params = params![
        Param::text(decision.id),
        &decision.site,
        decision.class.map(PageClass::as_str),
        decision.kind.as_str(),
        json(&decision.items),
        decision.justification.as_deref(),
        json(&decision.by),
        decision.at,
        decision.undoes.map(Param::text),
    ];
    tx.execute(sql, params).map(drop)
}

pub(crate) fn by_id(tx: &mut Tx<'_>, id: DecisionId) -> Result<Option<Row>, StoreError> {
    let found = tx.query_one("SELECT * FROM pages_decision WHERE id = $1", params![Param::text(id)])?;
    found.as_ref().map(row).transpose()
}

pub(crate) fn set_undone(tx: &mut Tx<'_>, id: DecisionId, by: DecisionId) -> Result<(), StoreError> {
    let sql = "UPDATE pages_decision SET undone_by = $2 WHERE id = $1";
    tx.execute(sql, params![Param::text(id), Param::text(by)]).map(drop)
}

pub(crate) fn page(
    tx: &mut Tx<'_>,
    site: &SiteId,
    before: Option<&str>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT * FROM pages_decision WHERE site = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    tx.query(sql, params![site, before.unwrap_or(NEWEST), rows(limit)])?.iter().map(row).collect()
}

/// Decisions of a period, oldest first, behind `after`.
pub(crate) fn between(
    tx: &mut Tx<'_>,
    site: &SiteId,
    (from, until): (Timestamp, Timestamp),
    after: &str,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT * FROM pages_decision WHERE site = $1 AND at >= $2 AND at < $3 AND id > $4
        ORDER BY id LIMIT $5";
    tx.query(sql, params![site, from, until, after, rows(limit)])?.iter().map(row).collect()
}
