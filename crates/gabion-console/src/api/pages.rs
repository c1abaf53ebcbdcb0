//! What the shop's pages run: inventory, decisions, changes, third parties, policy, evidence.

pub(super) mod act;
pub(super) mod take;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use gabion_core::{Severity, SiteId};
use gabion_markup::PageClass;
use gabion_pages::change::{ChangeDetail, ChangeFilter, ChangeView};
use gabion_pages::class::ClassesView;
use gabion_pages::decision::DecisionView;
use gabion_pages::destination::{DestinationFilter, DestinationView};
use gabion_pages::overview::{BaselineView, PageView, SiteOverview};
use gabion_pages::proposal::Proposal;
use gabion_pages::script::{ScriptDetail, ScriptFilter, ScriptView};
use gabion_pages::third_party::ThirdParty;
use gabion_pages::{ChangeId, ScriptId};
use gabion_web::problem::Place;
use gabion_web::{By, Listing, Page, PathId, Problem, Read};
use http::header::CONTENT_TYPE;

use crate::Console;
use crate::page::query;
use crate::words;

/// What a handler answers with.
type Answer<T> = Result<Json<T>, Problem>;

/// The query of a request, and the site it names.
struct Asked {
    query: String,
    site: SiteId,
}

impl Asked {
    /// # Errors
    /// 400 without a site, 404 when there is no such site.
    fn of(console: &Console, query: Option<String>) -> Result<Self, Problem> {
        let query = query.unwrap_or_default();
        let missing = || wrong("site", "site is the id of a site, as /api/v1/sites has it");
        let site = query::value(&query, "site").ok_or_else(missing)?;
        Ok(Self { site: known(console, &site)?, query })
    }

    /// A parameter that is one of some words.
    fn word<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Problem> {
        let unknown = |_| wrong(name, &format!("{name} is not one of the known words"));
        query::value(&self.query, name).map(|text| text.parse().map_err(unknown)).transpose()
    }

    fn severity(&self) -> Result<Option<Severity>, Problem> {
        let unknown = || wrong("severity", "severity is info, warning or critical");
        query::value(&self.query, "severity")
            .map(|text| words::severity(&text).ok_or_else(unknown))
            .transpose()
    }

    fn class(&self) -> Result<PageClass, Problem> {
        let missing = || wrong("class", "class is payment, sign_in, account or other");
        self.word("class")?.ok_or_else(missing)
    }
}

/// The site of this id, if it is configured.
fn known(console: &Console, id: &str) -> Result<SiteId, Problem> {
    let unknown = || Problem::not_found("there is no such site");
    let site = console.0.edge.sites().into_iter().find(|site| site.id == id).ok_or_else(unknown)?;
    site.id.parse().map_err(|_| unknown())
}

fn wrong(parameter: &'static str, detail: &str) -> Problem {
    Problem::invalid(detail.to_owned()).fault(Place::Parameter(parameter), detail.to_owned())
}

/// A list that is answered as a whole.
fn whole<T>(items: Vec<T>) -> Json<Listing<T>> {
    Json(Listing { items, next_cursor: None })
}

pub(super) async fn overview(
    State(console): State<Console>,
    _: By<Read>,
    RawQuery(query): RawQuery,
) -> Answer<SiteOverview> {
    let asked = Asked::of(&console, query)?;
    Ok(Json(console.0.pages.overview(&asked.site).await?))
}

pub(super) async fn paths(
    State(console): State<Console>,
    _: By<Read>,
    RawQuery(query): RawQuery,
) -> Answer<Listing<PageView>> {
    let asked = Asked::of(&console, query)?;
    Ok(whole(console.0.pages.pages(&asked.site).await?))
}

pub(super) async fn classes(
    State(console): State<Console>,
    _: By<Read>,
    RawQuery(query): RawQuery,
) -> Answer<ClassesView> {
    let asked = Asked::of(&console, query)?;
    Ok(Json(console.0.pages.classes(&asked.site).await?))
}

pub(super) async fn scripts(
    State(console): State<Console>,
    _: By<Read>,
    page: Page,
    RawQuery(query): RawQuery,
) -> Answer<Listing<ScriptView>> {
    let asked = Asked::of(&console, query)?;
    let filter = ScriptFilter {
        class: asked.word("class")?,
        status: asked.word("status")?,
        form: asked.word("form")?,
        origin: query::value(&asked.query, "origin"),
        foreign_only: asked.word("foreign_only")?.unwrap_or(false),
        text: query::value(&asked.query, "text"),
    };
    Ok(Json(console.0.pages.scripts(&asked.site, filter, page).await?))
}

pub(super) async fn script(
    State(console): State<Console>,
    _: By<Read>,
    PathId(id): PathId<ScriptId>,
) -> Answer<ScriptDetail> {
    Ok(Json(console.0.pages.script(id).await?))
}

pub(super) async fn destinations(
    State(console): State<Console>,
    _: By<Read>,
    page: Page,
    RawQuery(query): RawQuery,
) -> Answer<Listing<DestinationView>> {
    let asked = Asked::of(&console, query)?;
    let filter = DestinationFilter {
        class: asked.word("class")?,
        kind: asked.word("kind")?,
        status: asked.word("status")?,
    };
    Ok(Json(console.0.pages.destinations(&asked.site, filter, page).await?))
}

pub(super) async fn changes(
    State(console): State<Console>,
    _: By<Read>,
    page: Page,
    RawQuery(query): RawQuery,
) -> Answer<Listing<ChangeView>> {
    let asked = Asked::of(&console, query)?;
    let filter = ChangeFilter {
        class: asked.word("class")?,
        kind: asked.word("kind")?,
        state: asked.word("state")?,
        severity_min: asked.severity()?,
    };
    Ok(Json(console.0.pages.changes(&asked.site, filter, page).await?))
}

pub(super) async fn change(
    State(console): State<Console>,
    _: By<Read>,
    PathId(id): PathId<ChangeId>,
) -> Answer<ChangeDetail> {
    Ok(Json(console.0.pages.change(id).await?))
}

pub(super) async fn third_parties(
    State(console): State<Console>,
    _: By<Read>,
    RawQuery(query): RawQuery,
) -> Answer<Listing<ThirdParty>> {
    let asked = Asked::of(&console, query)?;
    Ok(whole(console.0.pages.third_parties(&asked.site).await?))
}

pub(super) async fn privacy_list(
    State(console): State<Console>,
    _: By<Read>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let asked = Asked::of(&console, query)?;
    let list = console.0.pages.privacy_list(&asked.site).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], list).into_response())
}

pub(super) async fn proposal(
    State(console): State<Console>,
    _: By<Read>,
    RawQuery(query): RawQuery,
) -> Answer<Proposal> {
    let asked = Asked::of(&console, query)?;
    Ok(Json(console.0.pages.proposal(&asked.site, asked.class()?).await?))
}

pub(super) async fn baselines(
    State(console): State<Console>,
    _: By<Read>,
    RawQuery(query): RawQuery,
) -> Answer<Listing<BaselineView>> {
    let asked = Asked::of(&console, query)?;
    Ok(whole(console.0.pages.baselines(&asked.site).await?))
}

pub(super) async fn decisions(
    State(console): State<Console>,
    _: By<Read>,
    page: Page,
    RawQuery(query): RawQuery,
) -> Answer<Listing<DecisionView>> {
    let asked = Asked::of(&console, query)?;
    Ok(Json(console.0.pages.decisions(&asked.site, page).await?))
}
