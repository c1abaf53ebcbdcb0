//! An order, right after checkout and later.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::html;
use crate::fault::Fault;
use crate::server::App;
use crate::store::orders::{self, Order};
use crate::visitor::{Chrome, Visitor};

#[derive(Deserialize)]
pub(crate) struct Arrival {
    /// Present when the customer comes straight from checkout.
    thanks: Option<String>,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    chrome: Chrome,
    order: Order,
    fresh: bool,
}

/// Deliberately naive: whoever knows the number, or counts, reads the order.
pub(crate) async fn show(
    State(app): State<App>,
    Path(number): Path<i64>,
    Query(arrival): Query<Arrival>,
    visitor: Visitor,
) -> Result<Response, Fault> {
    let order = app.db.run(move |db| orders::one(db, number)).await?.ok_or(Fault::NotFound)?;
    html(&OrderPage { chrome: visitor.chrome(), order, fresh: arrival.thanks.is_some() })
}
