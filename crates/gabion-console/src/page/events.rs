//! The list of events, its filters, and the page of one event.

use askama::Template;
use axum::extract::{RawQuery, State};
use gabion_core::{Actor, EventId};
use gabion_page::shell::{Shell, Status};
use gabion_store::journal::View;
use gabion_web::{PathId, Problem, Viewer};

use super::event_row::EventRow;
use super::query;
use crate::Console;
use crate::alarm::Alarm;
use crate::feed::{Place, SCAN_MAX, Toward, WantedFields};
use crate::problem::{Drawn, draw};
use crate::words::{self, Moment};

/// Events of one page.
const EVENTS_SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "events.html")]
struct List<'a> {
    shell: &'a Shell,
    fields: WantedFields,
    sites: Vec<(String, String)>,
    wrong: String,
    rows: Vec<EventRow>,
    /// Where the live stream begins; only the newest page follows it.
    live: Option<String>,
    filtered: bool,
    /// A search stopped before it had seen everything.
    searched: Option<usize>,
    newer: String,
    older: String,
}

pub(super) async fn list(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    RawQuery(query): RawQuery,
) -> Drawn {
    let query = query.unwrap_or_default();
    let fields = WantedFields::of_query(&query);
    let toward = toward(&query)?;
    let view = if staff.role.sees_personal() { View::Full } else { View::Masked };
    let sites = console.0.edge.sites().into_iter().map(|site| (site.id, site.name)).collect();
    let shell = console.frame(&staff, "Events", "/events");
    let filtered = fields != WantedFields::default();
    let at = |what: &str, place: Option<Place>| {
        place.map_or_else(String::new, |place| format!("/events?{}{what}={place}", fields.to_query()))
    };
    let wanted = match fields.parse() {
        Ok(wanted) => wanted,
        Err((_, wrong)) => {
            let (rows, newer, older) = (Vec::new(), String::new(), String::new());
            let (live, searched) = (None, None);
            return draw(&List {
                shell: &shell,
                fields,
                sites,
                wrong,
                rows,
                live,
                filtered,
                searched,
                newer,
                older,
            });
        }
    };
    // Read before the page: what comes in between is in the stream, and rows that are there already are skipped.
    let newest = console.0.feed.newest();
    let part = console.0.feed.page(toward, EVENTS_SHOWN, &wanted, view).await?;
    let now = console.now();
    let live = part.newer.is_none().then(|| format!("/events/stream?{}after={newest}", fields.to_query()));
    let stopped = wanted.text.is_some() && part.found.len() < EVENTS_SHOWN && part.older.is_some();
    let (newer, older) = (at("after", part.newer), at("before", part.older));
    let rows = part.found.iter().map(|found| EventRow::new(found, now)).collect();
    let searched = stopped.then_some(SCAN_MAX);
    draw(&List {
        shell: &shell,
        fields,
        sites,
        wrong: String::new(),
        rows,
        live,
        filtered,
        searched,
        newer,
        older,
    })
}

fn toward(query: &str) -> Result<Toward, Problem> {
    let place = |name| {
        let text = query::value(query, name);
        text.map(|text| text.parse::<Place>().map_err(|error| Problem::invalid(error.to_string())))
            .transpose()
    };
    if let Some(after) = place("after")? {
        return Ok(Toward::Newer(after));
    }
    Ok(Toward::Older(place("before")?.unwrap_or(Place::END)))
}

#[derive(Template)]
#[template(path = "event.html")]
struct Detail<'a> {
    shell: &'a Shell,
    kind: String,
    status: Status,
    severity: &'static str,
    at: Moment,
    site: String,
    actor: String,
    source: &'static str,
    sealed: bool,
    position: i64,
    id: String,
    entities: Vec<(String, String)>,
    fields: Vec<Field>,
    masked: bool,
    /// Where somebody says that the rules were wrong.
    false_alarm: Option<String>,
}

struct Field {
    name: String,
    value: String,
    personal: bool,
}

pub(super) async fn detail(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    PathId(id): PathId<EventId>,
) -> Drawn {
    let view = if staff.role.sees_personal() { View::Full } else { View::Masked };
    let found = console.0.feed.find(id, view).await?;
    let found =
        found.ok_or_else(|| Problem::not_found("there is no such event, or it is too old to be kept"))?;
    let event = found.entry.event;
    let excludable = Alarm::of(&event).is_some_and(|alarm| !alarm.exclusions().is_empty());
    let field = |field: &gabion_core::Field| Field {
        name: words::field_name(&field.name),
        value: field.value.to_string(),
        personal: field.personal,
    };
    draw(&Detail {
        shell: &console.frame(&staff, &words::title_of(&event.kind), "/events"),
        status: words::status_of(event.severity),
        severity: event.severity.as_str(),
        at: Moment::new(event.at, console.now()),
        site: event.site.as_ref().map_or_else(|| "the installation".to_owned(), ToString::to_string),
        actor: actor(&event.actor),
        source: found.source.as_str(),
        sealed: event.sealed,
        position: found.entry.position,
        id: event.id.to_string(),
        entities: event
            .entities
            .iter()
            .map(|entity| (words::field_name(&entity.kind), entity.id.clone()))
            .collect(),
        fields: event.fields.iter().map(field).collect(),
        false_alarm: (excludable && staff.role.operates())
            .then(|| query::url("/waf/exclude", &[("event", &event.id.to_string())])),
        masked: view == View::Masked && event.fields.iter().any(|field| field.personal),
        kind: event.kind.into_owned(),
    })
}

fn actor(actor: &Actor) -> String {
    match actor {
        Actor::System => "Gabion itself".to_owned(),
        Actor::Shell => "somebody with a shell on the machine".to_owned(),
        Actor::Visitor => "a visitor".to_owned(),
        Actor::Staff(id) => format!("staff {id}"),
        Actor::ApiKey(id) => format!("API key {id}"),
        Actor::Customer(id) => format!("customer {id}"),
    }
}
