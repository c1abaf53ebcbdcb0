//! Events in pages, and one by one.

use axum::Json;
use axum::extract::{RawQuery, State};
use gabion_core::EventId;
use gabion_store::journal::View;
use gabion_web::problem::Place as At;
use gabion_web::{By, Cursor, Listing, Page, PathId, Principal, Problem, ReadEvents};

use crate::Console;
use crate::feed::{Found, Place, Toward, WantedFields};

/// Newest first. A page may hold fewer events than asked for, even none, and still have a next one: a search for
/// text looks at a bounded number of events at a time.
pub(super) async fn list(
    State(console): State<Console>,
    by: By<ReadEvents>,
    page: Page,
    RawQuery(query): RawQuery,
) -> Result<Json<Listing<Found>>, Problem> {
    let wanted = WantedFields::of_query(query.as_deref().unwrap_or_default()).parse().map_err(
        |(parameter, wrong)| Problem::invalid(wrong.clone()).fault(At::Parameter(parameter), wrong),
    )?;
    let place = match &page.cursor {
        None => Place::END,
        Some(cursor) => cursor.position().parse().map_err(|_| {
            let detail = "cursor is not one this API gave out";
            Problem::invalid(detail).fault(At::Parameter("cursor"), detail)
        })?,
    };
    let part = console.0.feed.page(Toward::Older(place), page.limit, &wanted, view(&by.principal)).await?;
    Ok(Json(Listing { items: part.found, next_cursor: part.older.map(Cursor::after) }))
}

pub(super) async fn event(
    State(console): State<Console>,
    by: By<ReadEvents>,
    PathId(id): PathId<EventId>,
) -> Result<Json<Found>, Problem> {
    let found = console.0.feed.find(id, view(&by.principal)).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("there is no such event, or it is too old to be kept"))
}

fn view(principal: &Principal) -> View {
    if principal.sees_personal() { View::Full } else { View::Masked }
}
