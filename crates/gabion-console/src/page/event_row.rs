//! One event as a row of a table; the same for lists and for the live stream.

use askama::Template;
use askama::filters::HtmlSafe;
use gabion_core::limits::cut;
use gabion_core::{Entity, Event, Timestamp, id};
use gabion_page::shell::Status;

use crate::feed::Found;
use crate::words::{self, Moment};

/// Facts shown in a row; the event's own page has all.
const FACTS_SHOWN: usize = 4;

/// Bytes of a fact shown in a row: two lines on a phone.
const FACT_BYTES_MAX: usize = 80;

/// An event as a `<tr>`; prints as HTML.
#[derive(Template)]
#[template(path = "event_row.html")]
pub(crate) struct EventRow {
    pub(crate) id: String,
    pub(crate) at: Moment,
    pub(crate) status: Status,
    pub(crate) severity: &'static str,
    pub(crate) title: String,
    pub(crate) kind: String,
    pub(crate) summary: Vec<(String, String)>,
}

impl HtmlSafe for EventRow {}

impl EventRow {
    pub(crate) fn new(found: &Found, now: Timestamp) -> Self {
        let event = &found.entry.event;
        Self {
            id: event.id.to_string(),
            at: Moment::new(event.at, now),
            status: words::status_of(event.severity),
            severity: event.severity.as_str(),
            title: words::title_of(&event.kind),
            kind: event.kind.to_string(),
            summary: summary(event),
        }
    }
}

/// What an event is about and its first facts. Personal ones are left out, and ids that only machines can read.
fn summary(event: &Event) -> Vec<(String, String)> {
    let named = event.entities.iter().filter(|entity| !is_id(&entity.id));
    let things = named.map(|Entity { kind, id }| (words::field_name(kind), id.clone()));
    let facts = event.fields.iter().filter(|field| !field.personal);
    let facts = facts.map(|field| (words::field_name(&field.name), field.value.to_string()));
    let shown = |(name, value): (String, String)| (name, cut(&value, FACT_BYTES_MAX).into_owned());
    things.chain(facts).map(shown).take(FACTS_SHOWN).collect()
}

/// Whether a text is an id as Gabion makes them.
fn is_id(text: &str) -> bool {
    text.split_once('_').is_some_and(|(_, body)| id::decode(body).is_some())
}

#[cfg(test)]
mod tests {
    use gabion_core::{Actor, EventId, EventKind, Severity};

    use super::*;

    const FAILED: EventKind = EventKind::new("edge.shop_failed", 1, Severity::Warning);

    #[test]
    fn a_row_shows_names_and_facts_but_no_ids_and_nothing_personal() {
        let id = EventId::from_bits(7);
        let event = Event::new(&FAILED, id, Timestamp::default(), Actor::System)
            .entity("request", id)
            .entity("upstream", "tea_shop")
            .field("last_status", 502)
            .personal("address", "192.0.2.1");
        let shown = [("upstream", "tea_shop"), ("last status", "502")];
        assert_eq!(summary(&event), shown.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
