//! One event as a row of a table; the same for lists and for the live stream.

use askama::Template;
use askama::filters::HtmlSafe;
use gabion_core::limits::cut;
use gabion_core::{Entity, Event, Timestamp};
use gabion_page::shell::Status;

use crate::feed::{Found, Spot};
use crate::words::{self, Moment};

/// Facts shown in a row; the event's own page has all.
const FACTS_SHOWN: usize = 4;

/// Bytes of a fact shown in a row: it stays on one line, on a phone too.
const FACT_BYTES_MAX: usize = 44;

/// An event as a `<tr>`; prints as HTML.
#[derive(Template)]
#[template(path = "event_row.html")]
pub(crate) struct EventRow {
    pub(crate) id: String,
    /// Where it is kept, so that its page finds it at once.
    pub(crate) place: Spot,
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
            place: Spot { source: found.source, position: found.entry.position },
            at: Moment::new(event.at, now),
            status: words::status_of(event.severity),
            severity: event.severity.as_str(),
            title: words::title_of(&event.kind),
            kind: event.kind.to_string(),
            summary: summary(event),
        }
    }
}

/// What an event is about and its first facts, personal ones left out.
fn summary(event: &Event) -> Vec<(String, String)> {
    let things = event.entities.iter().map(|Entity { kind, id }| (words::field_name(kind), id.clone()));
    let facts = event.fields.iter().filter(|field| !field.personal);
    let facts = facts.map(|field| (words::field_name(&field.name), field.value.to_string()));
    let shown = |(name, value): (String, String)| (name, cut(&value, FACT_BYTES_MAX).into_owned());
    things.chain(facts).map(shown).take(FACTS_SHOWN).collect()
}
