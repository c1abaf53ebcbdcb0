//! Reading events in pages.

use std::collections::HashMap;

use data_encoding::BASE64;
use gabion_core::{Event, EventId, Field, Value};
use serde::de::DeserializeOwned;

use super::record::{StoredContent, StoredField, json};
use super::subject::SubjectKey;
use super::{ERASED, Entry, Filter, HIDDEN, PAGE_MAX, View, severity_of, severity_rank};
use crate::{Param, Row, StoreError, Tx, params};

#[derive(Clone, Copy)]
pub(crate) enum Direction {
    After(i64),
    Before(i64),
}

pub(crate) fn page(
    tx: &mut Tx<'_>,
    direction: Direction,
    limit: usize,
    filter: &Filter,
    view: View,
) -> Result<Vec<Entry>, StoreError> {
    let (sql, params) = statement(direction, limit, filter);
    let rows = tx.query(&sql, &params)?;
    let mut keys = HashMap::new();
    rows.iter().map(|row| entry(tx, row, view, &mut keys)).collect()
}

/// The event of this id; none while it has no position, so that nobody sees it before those who follow.
pub(crate) fn find(tx: &mut Tx<'_>, id: EventId, view: View) -> Result<Option<Entry>, StoreError> {
    let sql = "SELECT * FROM gabion_event WHERE id = $1 AND position IS NOT NULL";
    let row = tx.query_one(sql, params![id])?;
    row.map(|row| entry(tx, &row, view, &mut HashMap::new())).transpose()
}

/// The newest position of the journal.
pub(crate) fn newest(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    let row = tx.query_one("SELECT max(position) AS newest FROM gabion_event", params![])?;
    Ok(row.map(|row| row.get::<Option<i64>>("newest")).transpose()?.flatten().unwrap_or(0))
}

fn statement(direction: Direction, limit: usize, filter: &Filter) -> (String, Vec<Param>) {
    let (place, order) = match direction {
        Direction::After(position) => (("e.position > ?", position), "ASC"),
        Direction::Before(position) => (("e.position < ?", position), "DESC"),
    };
    let mut conditions = Conditions::default();
    conditions.add(place.0, [place.1.into()]);
    if let Some(kind) = &filter.kind {
        // From "staff." to "staff/", the character behind the dot: every kind of the domain, by the index.
        let range = [kind.into(), format!("{kind}.").into(), format!("{kind}/").into()];
        conditions.add("(e.kind = ? OR (e.kind >= ? AND e.kind < ?))", range);
    }
    if let Some(severity) = filter.severity_min {
        conditions.add("e.severity >= ?", [severity_rank(severity).into()]);
    }
    if let Some(site) = &filter.site {
        conditions.add("e.site = ?", [site.into()]);
    }
    if let Some(actor) = &filter.actor {
        conditions.add("e.actor = ?", [json(actor).into()]);
    }
    if let Some(subject) = filter.subject {
        conditions.add("e.subject = ?", [subject.into()]);
    }
    if let Some((kind, id)) = &filter.entity {
        let exists =
            "EXISTS (SELECT 1 FROM gabion_event_entity x WHERE x.kind = ? AND x.id = ? AND x.event = e.id)";
        conditions.add(exists, [kind.into(), id.into()]);
    }
    if let Some(since) = filter.since {
        conditions.add("e.at >= ?", [since.into()]);
    }
    if let Some(until) = filter.until {
        conditions.add("e.at < ?", [until.into()]);
    }
    let limit = limit.min(PAGE_MAX);
    let Conditions { sql, params } = conditions;
    (format!("SELECT e.* FROM gabion_event e WHERE {sql} ORDER BY e.position {order} LIMIT {limit}"), params)
}

/// Conditions joined by AND, their `?` numbered as they come.
#[derive(Default)]
struct Conditions {
    sql: String,
    params: Vec<Param>,
}

impl Conditions {
    fn add<const N: usize>(&mut self, condition: &str, params: [Param; N]) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        let mut number = self.params.len();
        for part in condition.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(before) => {
                    number += 1;
                    self.sql.push_str(&format!("{before}${number}"));
                }
                None => self.sql.push_str(part),
            }
        }
        self.params.extend(params);
    }
}

type Keys = HashMap<String, Option<SubjectKey>>;

fn entry(tx: &mut Tx<'_>, row: &Row, view: View, keys: &mut Keys) -> Result<Entry, StoreError> {
    let id: EventId = row.parse("id")?;
    let stored: Vec<StoredField> = from_json(row, "fields")?;
    let key = match row.get::<Option<String>>("subject_key")?.filter(|_| view == View::Full) {
        Some(key_id) => {
            if !keys.contains_key(&key_id) {
                let key = SubjectKey::by_id(tx, &key_id)?;
                keys.insert(key_id.clone(), key);
            }
            keys.get(&key_id).and_then(Option::as_ref)
        }
        None => None,
    };
    let fields = stored.into_iter().enumerate().map(|(index, field)| shown(id, index, field, view, key));
    let event = Event {
        id,
        kind: row.get::<String>("kind")?.into(),
        version: row.get("version")?,
        severity: severity_of(row.get("severity")?),
        site: row.parse_opt("site")?,
        at: row.get("at")?,
        actor: from_json(row, "actor")?,
        subject: row.parse_opt("subject")?,
        entities: from_json(row, "entities")?,
        fields: fields.collect::<Result<_, _>>()?,
        sealed: row.get("sealed")?,
    };
    Ok(Entry { position: row.get("position")?, event })
}

fn shown(
    event: EventId,
    index: usize,
    stored: StoredField,
    view: View,
    key: Option<&SubjectKey>,
) -> Result<Field, StoreError> {
    let StoredField { name, personal, content } = stored;
    let value = match (content, view) {
        (_, View::Masked) if personal => Value::Text(HIDDEN.to_owned()),
        (StoredContent::Value(value), _) => value,
        (StoredContent::Sealed(sealed), _) => match key {
            None => Value::Text(ERASED.to_owned()),
            Some(key) => opened(event, index, &name, &sealed, key)?,
        },
    };
    Ok(Field { name, value, personal })
}

fn opened(
    event: EventId,
    index: usize,
    name: &str,
    sealed: &str,
    key: &SubjectKey,
) -> Result<Value, StoreError> {
    let broken = || StoreError::Sealed { what: "a personal field" };
    let sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| broken())?;
    serde_json::from_slice(&key.open_field(event, index, name, &sealed)?).map_err(|_| broken())
}

fn from_json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, StoreError> {
    serde_json::from_str(&row.get::<String>(column)?)
        .map_err(|error| StoreError::Column { column: column.to_owned(), detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_numbered_in_order() {
        let mut conditions = Conditions::default();
        conditions.add("a > ?", [1_i64.into()]);
        conditions.add("(b = ? OR c = ?)", ["x".into(), "y".into()]);
        assert_eq!(conditions.sql, "a > $1 AND (b = $2 OR c = $3)");
        assert_eq!(conditions.params.len(), 3);
    }
}
