//! Changes: the list, one with what is different, and what became of it.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::{Severity, Timestamp};
use gabion_markup::PageClass;
use gabion_page::shell::{Shell, Status};
use gabion_pages::ChangeId;
use gabion_pages::change::{ChangeDetail, ChangeFilter, ChangeKind, ChangeState, ChangeView, NOTE_BYTES_MAX};
use gabion_web::{CsrfForm, Operator, Page as Part, PathId, Principal, Problem, Staff, Viewer};
use serde::Deserialize;

use super::listing::{self, Listing, Note};
use super::mistake;
use super::site::{Chosen, Head};
use crate::Console;
use crate::page::query;
use crate::problem::{Drawn, draw};
use crate::words::pages::Pill;
use crate::words::{self, Moment};

/// A choice of a filter: value, word, whether it is chosen.
type Choice = (&'static str, &'static str, bool);

#[derive(Template)]
#[template(path = "pages/changes.html")]
struct List<'a> {
    shell: &'a Shell,
    head: Head,
    site: String,
    choices: [(&'static str, &'static str, Vec<Choice>); 4],
    is_filtered: bool,
    rows: Vec<Row>,
    newest: String,
    older: String,
    clear: String,
}

/// A change in a list.
pub(super) struct Row {
    pub(super) href: String,
    pub(super) title: &'static str,
    pub(super) sentence: String,
    pub(super) class: &'static str,
    pub(super) page: String,
    pub(super) at: Moment,
    pub(super) status: Status,
    pub(super) severity: &'static str,
    pub(super) state: Pill,
    pub(super) shows_state: bool,
}

impl Row {
    pub(super) fn new(change: &ChangeView, site: &Chosen, now: Timestamp) -> Self {
        Self {
            href: site.url(&format!("/pages/changes/{}", change.id), &[]),
            title: words::pages::change(change.kind),
            sentence: change.sentence.clone(),
            class: words::pages::class(change.class),
            page: change.page.clone(),
            at: Moment::new(change.at, now),
            status: words::status_of(change.severity),
            severity: change.severity.as_str(),
            state: words::pages::state(change.state),
            shows_state: change.state != ChangeState::Open,
        }
    }
}

pub(super) async fn list(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    part: Part,
    RawQuery(query): RawQuery,
) -> Drawn {
    let query = query.unwrap_or_default();
    let site = Chosen::of(&console, &query)?;
    let filter = ChangeFilter {
        class: chosen(&query, "class")?,
        kind: chosen(&query, "kind")?,
        state: chosen(&query, "state")?,
        severity_min: severity(&query)?,
    };
    let choices = choices(&filter);
    let is_filtered = filter != ChangeFilter::default();
    let is_first = part.cursor.is_none();
    let found = console.0.pages.changes(&site.id, filter, part).await?;
    let now = console.now();
    let kept: Vec<(&str, String)> = ["class", "kind", "state", "severity"]
        .into_iter()
        .filter_map(|name| query::value(&query, name).map(|value| (name, value)))
        .collect();
    let mut pairs: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let newest = if is_first { String::new() } else { site.url("/pages/changes", &pairs) };
    let cursor = found.next_cursor.map(|cursor| cursor.to_string());
    pairs.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
    let older = cursor.as_ref().map_or_else(String::new, |_| site.url("/pages/changes", &pairs));
    draw(&List {
        shell: &console.frame(&staff, "Changes", "/pages"),
        head: site.head("/pages/changes"),
        site: site.id.to_string(),
        choices,
        is_filtered,
        rows: found.items.iter().map(|change| Row::new(change, &site, now)).collect(),
        newest,
        older,
        clear: site.url("/pages/changes", &[]),
    })
}

/// A word of a query, read.
fn chosen<T: std::str::FromStr>(query: &str, name: &str) -> Result<Option<T>, Problem> {
    let unknown = |_| Problem::invalid(format!("{name} is not one of those offered"));
    query::value(query, name).map(|text| text.parse().map_err(unknown)).transpose()
}

fn severity(query: &str) -> Result<Option<Severity>, Problem> {
    let unknown = || Problem::invalid("severity is not one of those offered");
    query::value(query, "severity").map(|text| words::severity(&text).ok_or_else(unknown)).transpose()
}

fn choices(filter: &ChangeFilter) -> [(&'static str, &'static str, Vec<Choice>); 4] {
    let states = ChangeState::ALL
        .iter()
        .map(|state| (state.as_str(), words::pages::state(*state).1, filter.state == Some(*state)));
    let severities = [(Severity::Warning, "warning and above"), (Severity::Critical, "critical")];
    let severities = severities
        .into_iter()
        .map(|(severity, word)| (severity.as_str(), word, filter.severity_min == Some(severity)));
    let classes =
        PageClass::ALL.map(|class| (class.as_str(), words::pages::class(class), filter.class == Some(class)));
    let kinds = ChangeKind::ALL
        .iter()
        .map(|kind| (kind.as_str(), words::pages::change(*kind), filter.kind == Some(*kind)));
    [
        ("state", "State", states.collect()),
        ("severity", "Severity", severities.collect()),
        ("class", "Pages", classes.to_vec()),
        ("kind", "What", kinds.collect()),
    ]
}

#[derive(Template)]
#[template(path = "pages/change.html")]
struct Detail<'a> {
    shell: &'a Shell,
    head: Head,
    id: String,
    row: Row,
    subject: String,
    script_href: Option<String>,
    seen_by: String,
    steps: [&'static str; 2],
    risks: Vec<Note>,
    summary: String,
    listing: Option<Listing>,
    settled: Option<(String, Moment)>,
    note: String,
    wrong: String,
    operates: bool,
}

pub(super) async fn detail(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    PathId(id): PathId<ChangeId>,
) -> Drawn {
    let found = console.0.pages.change(id).await?;
    let note = found.change.note.clone().unwrap_or_default();
    page(&console, &staff, found, note, String::new())
}

fn page(console: &Console, staff: &Staff, found: ChangeDetail, note: String, wrong: String) -> Drawn {
    let now = console.now();
    let site = Chosen::named(console, Some(found.site.as_str()))?;
    let ChangeDetail { change, comparison, .. } = found;
    let summary = comparison.as_ref().map_or_else(String::new, |compared| listing::summary(&compared.lines));
    draw(&Detail {
        shell: &console.frame(staff, words::pages::change(change.kind), "/pages"),
        head: site.head("/pages/changes"),
        id: change.id.to_string(),
        row: Row::new(&change, &site, now),
        subject: change.subject.clone(),
        script_href: change.script.map(|script| site.url(&format!("/pages/scripts/{script}"), &[])),
        seen_by: words::pages::seen_by(change.seen_by),
        steps: words::pages::next_step(change.kind),
        risks: change.risks.iter().map(listing::noted).collect(),
        summary,
        listing: comparison.map(|compared| listing::of_change(&compared.lines, &change.risks)),
        settled: change
            .settled_by
            .as_ref()
            .zip(change.settled_at)
            .map(|(by, at)| (words::pages::who(by, staff), Moment::new(at, now))),
        note,
        wrong,
        operates: staff.role.operates(),
    })
}

/// A wish as the form holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settle {
    state: ChangeState,
    note: String,
}

pub(super) async fn settle(
    State(console): State<Console>,
    Operator(staff): Operator,
    PathId(id): PathId<ChangeId>,
    CsrfForm(wish): CsrfForm<Settle>,
) -> Result<Response, Problem> {
    let by = Principal::Staff(staff.clone()).actor();
    match console.0.pages.settle_change(id, wish.state, Some(&wish.note), by).await {
        Ok(_) => Ok(Redirect::to(&format!("/pages/changes/{id}")).into_response()),
        Err(error) => {
            let wrong = mistake(error)?;
            let found = console.0.pages.change(id).await?;
            Ok(page(&console, &staff, found, wish.note, wrong)?.into_response())
        }
    }
}
