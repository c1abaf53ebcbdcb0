//! The approval desk: scripts, places and headers that nobody decided about, payment pages first.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Timestamp;
use gabion_markup::PageClass;
use gabion_page::shell::Shell;
use gabion_pages::decision::{Approval, JUSTIFICATION_BYTES_MAX, OWNER_BYTES_MAX};
use gabion_pages::destination::{DestinationFilter, DestinationView};
use gabion_pages::overview::{BaselineView, ClassOverview};
use gabion_pages::script::{ScriptDetail, ScriptFilter, ScriptView};
use gabion_pages::{PagesError, ScriptId, Status};
use gabion_web::{CsrfForm, Operator, Page as Part, Principal, Problem, Staff, Viewer};
use serde::Deserialize;

use super::listing::{self, Listing, Note};
use super::script::{Facts, suggestions, verdict};
use super::site::{Chosen, Head};
use super::{ids, mistake, one_or_many, undo};
use crate::Console;
use crate::page::query;
use crate::problem::{Drawn, draw};
use crate::words::pages as words;
use crate::words::{Moment, counted};

/// Scripts that wait beside each other; the next ones come when these are decided.
const SCRIPTS_SHOWN: usize = 12;
/// Lines of a script that are shown here; its own page has more.
const LINES_SHOWN: usize = 14;
/// Places that wait in one list.
const PLACES_SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "pages/desk.html")]
struct Page<'a> {
    shell: &'a Shell,
    head: Head,
    site: String,
    class: String,
    wrong: String,
    form: Form,
    items: Vec<Item>,
    /// Scripts that wait beyond those that are shown.
    more: u64,
    classes: Vec<Whole>,
    decided: Vec<(String, String, crate::words::pages::Pill, String)>,
    places: Vec<Place>,
    headers: Vec<Headers>,
    last: Vec<undo::Row>,
    back: String,
    operates: bool,
}

/// A script that waits.
struct Item {
    facts: Facts,
    suggestions: Vec<String>,
    risks: Vec<Note>,
    text: Option<Listing>,
    /// What was typed for it.
    justification: String,
}

/// A class with something that waits.
struct Whole {
    name: &'static str,
    title: String,
    waiting: String,
}

/// A place that waits.
struct Place {
    id: String,
    what: String,
    place: String,
    whose: String,
    receives: String,
    class: &'static str,
    page: String,
    first_seen: Moment,
}

/// Headers of a class that were not approved, or are different.
struct Headers {
    name: &'static str,
    title: String,
    sentences: Vec<String>,
}

/// What was typed into forms that were refused.
#[derive(Default)]
struct Form {
    /// The only script it was about; none for several.
    script: Option<ScriptId>,
    justification: String,
    owner: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    RawQuery(query): RawQuery,
) -> Drawn {
    let query = query.unwrap_or_default();
    let site = Chosen::of(&console, &query)?;
    let class = query::value(&query, "class").and_then(|class| class.parse().ok());
    page(&console, &staff, &site, class, Form::default(), String::new()).await
}

async fn page(
    console: &Console,
    staff: &Staff,
    site: &Chosen,
    class: Option<PageClass>,
    form: Form,
    wrong: String,
) -> Drawn {
    let now = console.now();
    let pages = &console.0.pages;
    let mut overview = pages.overview(&site.id).await?;
    overview.classes.retain(|known| class.is_none_or(|class| known.class == class));
    let waiting = waiting(console, site, &overview.classes).await?;
    let sum: u64 = overview.classes.iter().map(|class| class.scripts.new).sum();
    let more = sum.saturating_sub(waiting.len() as u64);
    let items = waiting.into_iter().map(|detail| item(detail, site, staff, &form, now)).collect();
    let undecided = DestinationFilter { class, status: Some(Status::New), ..DestinationFilter::default() };
    let part = Part { cursor: None, limit: PLACES_SHOWN };
    let places = pages.destinations(&site.id, undecided, part).await?.items;
    let baselines = pages.baselines(&site.id).await?;
    let last = pages.decisions(&site.id, Part { cursor: None, limit: 3 }).await?.items;
    let class_name = class.map_or("", PageClass::as_str);
    draw(&Page {
        shell: &console.frame(staff, "Approve", "/pages"),
        head: site.head("/pages/desk"),
        site: site.id.to_string(),
        class: class_name.to_owned(),
        wrong,
        form,
        items,
        more,
        classes: overview.classes.iter().filter_map(whole).collect(),
        decided: decided(console, site, class).await?,
        places: places.iter().map(|place| shown(place, now)).collect(),
        headers: overview.classes.iter().filter_map(|class| headers(class, &baselines)).collect(),
        last: last.iter().map(|decision| undo::Row::new(decision, staff, now)).collect(),
        back: address(site, class_name),
        operates: staff.role.operates(),
    })
}

/// The first scripts that wait, payment pages first.
async fn waiting(
    console: &Console,
    site: &Chosen,
    classes: &[ClassOverview],
) -> Result<Vec<ScriptDetail>, PagesError> {
    let mut details = Vec::new();
    for class in classes.iter().filter(|class| class.scripts.new > 0) {
        let limit = SCRIPTS_SHOWN - details.len();
        if limit == 0 {
            break;
        }
        let filter =
            ScriptFilter { class: Some(class.class), status: Some(Status::New), ..ScriptFilter::default() };
        for script in console.0.pages.scripts(&site.id, filter, Part { cursor: None, limit }).await?.items {
            details.push(console.0.pages.script(script.id).await?);
        }
    }
    Ok(details)
}

fn item(detail: ScriptDetail, site: &Chosen, staff: &Staff, form: &Form, now: Timestamp) -> Item {
    let ScriptDetail { script, text, risks, elsewhere, .. } = detail;
    let typed = form.script == Some(script.id);
    Item {
        facts: Facts::new(&script, &elsewhere, site, staff, now),
        suggestions: suggestions(&script),
        risks: listing::told(&risks),
        text: text.map(|text| listing::of_text(&text, &risks, LINES_SHOWN)),
        justification: match (typed, script.justification) {
            (true, _) => form.justification.clone(),
            (false, before) => before.unwrap_or_default(),
        },
    }
}

/// Scripts that were decided about: address, name, what, why.
async fn decided(
    console: &Console,
    site: &Chosen,
    class: Option<PageClass>,
) -> Result<Vec<(String, String, words::Pill, String)>, PagesError> {
    let filter = ScriptFilter { class, ..ScriptFilter::default() };
    let part = Part { cursor: None, limit: gabion_web::page::LIMIT_MAX };
    let scripts = console.0.pages.scripts(&site.id, filter, part).await?.items;
    let row = |script: ScriptView| {
        let href = site.url(&format!("/pages/scripts/{}", script.id), &[]);
        (href, script.label, words::decided(script.status), script.justification.unwrap_or_default())
    };
    Ok(scripts.into_iter().filter(|script| script.status != Status::New).map(row).collect())
}

fn whole(class: &ClassOverview) -> Option<Whole> {
    let counts =
        [(class.scripts.new, "script", "scripts"), (class.destinations.new, "destination", "destinations")];
    let waiting: Vec<_> = counts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| counted(count, one, many))
        .collect();
    (!waiting.is_empty()).then(|| Whole {
        name: class.class.as_str(),
        title: format!("Approve {} as they are", words::class_inside(class.class)),
        waiting: waiting.join(" and "),
    })
}

fn shown(place: &DestinationView, now: Timestamp) -> Place {
    Place {
        id: place.id.to_string(),
        what: words::destination(place.kind).to_owned(),
        place: match place.place.as_str() {
            "self" => "the shop itself".to_owned(),
            place => place.to_owned(),
        },
        whose: place.company.unwrap_or_default().to_owned(),
        receives: words::entered(place.receives).unwrap_or_default(),
        class: words::class(place.class),
        page: place.page.clone(),
        first_seen: Moment::new(place.first_seen, now),
    }
}

fn headers(class: &ClassOverview, baselines: &[BaselineView]) -> Option<Headers> {
    let of_class = baselines.iter().filter(|baseline| baseline.class == class.class);
    let different = of_class.flat_map(|baseline| {
        baseline.differences.iter().map(|difference| format!("{}: {difference}", baseline.path))
    });
    let mut sentences: Vec<String> = different.collect();
    if class.baseline_at.is_none() && class.last_seen.is_some() {
        sentences.insert(
            0,
            "Nobody approved them yet. What is there now becomes what later answers are compared with."
                .to_owned(),
        );
    }
    (!sentences.is_empty()).then(|| Headers {
        name: class.class.as_str(),
        title: format!("Headers of {}", words::class_inside(class.class)),
        sentences,
    })
}

fn address(site: &Chosen, class: &str) -> String {
    if class.is_empty() { site.url("/pages/desk", &[]) } else { site.url("/pages/desk", &[("class", class)]) }
}

/// A wish as the forms hold it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decide {
    site: String,
    #[serde(default)]
    class: String,
    verdict: String,
    #[serde(default, deserialize_with = "one_or_many")]
    script: Vec<String>,
    justification: String,
    #[serde(default)]
    owner: String,
}

pub(super) async fn decide(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Decide>,
) -> Result<Response, Problem> {
    let site = Chosen::named(&console, Some(&wish.site))?;
    let scripts: Vec<ScriptId> = ids(&wish.script)?;
    let done =
        verdict(&console, &staff, scripts.clone(), &wish.verdict, &wish.justification, &wish.owner).await?;
    let form = Form {
        script: (scripts.len() == 1).then(|| scripts[0]),
        justification: wish.justification,
        owner: wish.owner,
    };
    answer(&console, &staff, &site, &wish.class, form, done).await
}

async fn answer(
    console: &Console,
    staff: &Staff,
    site: &Chosen,
    class: &str,
    form: Form,
    done: Result<(), PagesError>,
) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(Redirect::to(&address(site, class)).into_response()),
        Err(error) => {
            let wrong = mistake(error)?;
            Ok(page(console, staff, site, class.parse().ok(), form, wrong).await?.into_response())
        }
    }
}

/// A wish about places, as the form holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecideDestinations {
    site: String,
    #[serde(default)]
    class: String,
    verdict: String,
    #[serde(default, deserialize_with = "one_or_many")]
    destination: Vec<String>,
    justification: String,
}

pub(super) async fn decide_destinations(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<DecideDestinations>,
) -> Result<Response, Problem> {
    let site = Chosen::named(&console, Some(&wish.site))?;
    let status = match wish.verdict.as_str() {
        "approve" => Status::Authorized,
        "deny" => Status::Denied,
        _ => return Err(Problem::invalid("verdict is approve or deny")),
    };
    let by = Principal::Staff(staff.clone()).actor();
    let places = ids(&wish.destination)?;
    let done = console.0.pages.decide_destinations(places, status, &wish.justification, by).await;
    answer(&console, &staff, &site, &wish.class, Form::default(), done.map(drop)).await
}

/// A wish about all of a class, as the form holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveClass {
    site: String,
    class: PageClass,
    justification: String,
    #[serde(default)]
    owner: String,
    destinations: Option<String>,
    headers: Option<String>,
}

pub(super) async fn approve_class(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<ApproveClass>,
) -> Result<Response, Problem> {
    let site = Chosen::named(&console, Some(&wish.site))?;
    let approval = Approval {
        justification: Some(wish.justification),
        owner: Some(wish.owner),
        with_destinations: wish.destinations.is_some(),
        with_headers: wish.headers.is_some(),
        ..Approval::default()
    };
    let by = Principal::Staff(staff.clone()).actor();
    let done = console.0.pages.approve_class(&site.id, wish.class, approval, by).await;
    answer(&console, &staff, &site, "", Form::default(), done.map(drop)).await
}

/// A wish about headers, as the form holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveHeaders {
    site: String,
    class: PageClass,
}

pub(super) async fn approve_headers(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<ApproveHeaders>,
) -> Result<Response, Problem> {
    let site = Chosen::named(&console, Some(&wish.site))?;
    let by = Principal::Staff(staff.clone()).actor();
    let done = console.0.pages.approve_headers(&site.id, wish.class, by).await;
    answer(&console, &staff, &site, "", Form::default(), done.map(drop)).await
}
