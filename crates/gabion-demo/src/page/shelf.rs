//! Pages that list products: home, the shelves, the search.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::html;
use crate::catalog::{self, CATEGORIES, Category};
use crate::fault::Fault;
use crate::server::App;
use crate::store::products::{self, Hit, Order, Product};
use crate::visitor::{Chrome, Visitor};

/// Products the home page shows.
const FAVORITES: [&str; 8] = [
    "harbor-breakfast",
    "sencha-sea-mist",
    "tide-cups",
    "amber-cliff-oolong",
    "rooibos-sundown",
    "lighthouse-earl-grey",
    "stoneware-teapot",
    "jasmine-pearls",
];

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    chrome: Chrome,
    categories: &'static [Category],
    favorites: Vec<Product>,
}

pub(crate) async fn home(State(app): State<App>, visitor: Visitor) -> Result<Response, Fault> {
    let favorites = app
        .db
        .run(|db| FAVORITES.iter().filter_map(|slug| products::one(db, slug).transpose()).collect())
        .await?;
    html(&HomePage { chrome: visitor.chrome(), categories: &CATEGORIES, favorites })
}

#[derive(Deserialize)]
pub(crate) struct Sorting {
    #[serde(default)]
    sort: String,
}

#[derive(Template)]
#[template(path = "shelf.html")]
struct ShelfPage {
    chrome: Chrome,
    category: Option<&'static Category>,
    order: Order,
    products: Vec<Product>,
}

pub(crate) async fn all(
    State(app): State<App>,
    Query(sorting): Query<Sorting>,
    visitor: Visitor,
) -> Result<Response, Fault> {
    shelf(app, None, sorting, visitor).await
}

pub(crate) async fn category(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(sorting): Query<Sorting>,
    visitor: Visitor,
) -> Result<Response, Fault> {
    let category = catalog::category(&slug).ok_or(Fault::NotFound)?;
    shelf(app, Some(category), sorting, visitor).await
}

async fn shelf(
    app: App,
    category: Option<&'static Category>,
    sorting: Sorting,
    visitor: Visitor,
) -> Result<Response, Fault> {
    let order = Order::parse(&sorting.sort);
    let slug = category.map(|category| category.slug);
    let products = app.db.run(move |db| products::list(db, slug, order)).await?;
    html(&ShelfPage { chrome: visitor.chrome(), category, order, products })
}

#[derive(Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    chrome: Chrome,
    text: String,
    hits: Vec<Hit>,
}

pub(crate) async fn search(
    State(app): State<App>,
    Query(Search { q }): Query<Search>,
    visitor: Visitor,
) -> Result<Response, Fault> {
    let text = q.clone();
    let hits = app.db.run(move |db| products::search(db, &text)).await?;
    html(&SearchPage { chrome: visitor.chrome(), text: q, hits })
}

#[derive(Template)]
#[template(path = "about.html")]
struct AboutPage {
    chrome: Chrome,
}

pub(crate) async fn about(visitor: Visitor) -> Result<Response, Fault> {
    html(&AboutPage { chrome: visitor.chrome() })
}
