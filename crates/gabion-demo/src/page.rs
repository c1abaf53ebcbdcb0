//! The routes and the pages behind them.

mod account;
mod api;
mod cart;
mod checkout;
mod field;
mod guides;
mod order;
mod product;
mod shelf;
mod statics;
mod stream;

use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use crate::fault::Fault;
use crate::guard;
use crate::server::App;

/// Bytes of a request body. Above it: 413.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Every address of the shop.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(shelf::home))
        .route("/shop", get(shelf::all))
        .route("/shop/{category}", get(shelf::category))
        .route("/search", get(shelf::search))
        .route("/about", get(shelf::about))
        .route("/products/{slug}", get(product::show))
        .route("/products/{slug}/reviews", post(product::review))
        .route("/uploads/{name}", get(product::upload))
        .route("/cart", get(cart::show).post(cart::add))
        .route("/cart/update", post(cart::update))
        .route("/checkout", get(checkout::show).post(checkout::place))
        .route("/orders/{number}", get(order::show))
        .route("/account", get(account::show))
        .route("/account/sign-in", get(account::sign_in_form).post(account::sign_in))
        .route("/account/register", get(account::register_form).post(account::register))
        .route("/account/sign-out", post(account::sign_out))
        .route("/guides", get(guides::show))
        .route("/download", get(guides::download))
        .route("/api/products", get(api::products))
        .route("/api/products/{slug}", get(api::product))
        .route("/api/cart", get(api::cart).post(api::add_to_cart))
        .route("/events", get(stream::events))
        .route("/live", get(stream::live))
        .route("/static/{file}", get(statics::file))
        .route("/pay/pay.js", get(statics::provider))
        .route("/pay/methods.json", get(statics::methods))
        .route("/static/art/{file}", get(statics::art))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(|| async { Fault::NotFound })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(guard::in_time))
        .layer(middleware::from_fn_with_state(app.clone(), guard::known_host))
        .layer(middleware::map_response(guard::banner))
        .with_state(app)
}

/// Draws a page.
fn html(page: &impl Template) -> Result<Response, Fault> {
    Ok(Html(page.render()?).into_response())
}
