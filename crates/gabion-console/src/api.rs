//! The JSON API: the same facts and acts as the pages. Every path is in `openapi.json`; a test compares.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, delete, get, post};
use http::header::CONTENT_TYPE;

use crate::Console;

mod bypass;
mod edge;
mod events;
mod machines;
mod mail;
mod overview;
mod pages;
mod settings;
mod uploads;
mod upstreams;
mod waf;

/// The document that describes this API and identity's part of it.
pub(crate) const OPENAPI: &str = include_str!("../openapi.json");

pub(crate) fn router() -> Router<Console> {
    routes().into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods))
}

/// Every path with its methods.
fn routes() -> Vec<(&'static str, MethodRouter<Console>)> {
    vec![
        ("/api/openapi.json", get(openapi)),
        ("/api/v1/overview", get(overview::overview)),
        ("/api/v1/health", get(overview::health)),
        ("/api/v1/sites", get(overview::sites)),
        ("/api/v1/certificates", get(overview::certificates)),
        ("/api/v1/events", get(events::list)),
        ("/api/v1/events/{id}", get(events::event)),
        ("/api/v1/upstreams", get(upstreams::list)),
        ("/api/v1/upstreams/{name}/maintenance", post(upstreams::maintenance)),
        ("/api/v1/upstreams/{name}/endpoints", post(upstreams::endpoints)),
        ("/api/v1/settings", get(settings::list).post(settings::change)),
        ("/api/v1/settings/history", get(settings::history)),
        ("/api/v1/settings/rollback", post(settings::rollback)),
        ("/api/v1/edge/limited", get(edge::limited)),
        ("/api/v1/edge/access", get(edge::list).post(edge::set).delete(edge::remove)),
        ("/api/v1/waf", get(waf::show)),
        ("/api/v1/waf/exclusions", get(waf::exclusions).post(waf::exclude)),
        ("/api/v1/waf/exclusions/{key}", delete(waf::include)),
        ("/api/v1/waf/machines", get(machines::list).post(machines::confirm)),
        ("/api/v1/waf/machines/seen", get(machines::seen)),
        ("/api/v1/waf/machines/{key}", delete(machines::remove)),
        ("/api/v1/pages/overview", get(pages::overview)),
        ("/api/v1/pages/paths", get(pages::paths)),
        ("/api/v1/pages/classes", get(pages::classes).post(pages::act::classes)),
        ("/api/v1/pages/scripts", get(pages::scripts)),
        ("/api/v1/pages/scripts/{id}", get(pages::script)),
        ("/api/v1/pages/scripts/{id}/pin", post(pages::act::pin)),
        ("/api/v1/pages/authorize", post(pages::act::authorize)),
        ("/api/v1/pages/deny", post(pages::act::deny)),
        ("/api/v1/pages/approve", post(pages::act::approve_class)),
        ("/api/v1/pages/destinations", get(pages::destinations).post(pages::act::destinations)),
        ("/api/v1/pages/changes", get(pages::changes)),
        ("/api/v1/pages/changes/{id}", get(pages::change)),
        ("/api/v1/pages/changes/{id}/settle", post(pages::act::settle)),
        ("/api/v1/pages/third-parties", get(pages::third_parties)),
        ("/api/v1/pages/third-parties/list", get(pages::privacy_list)),
        ("/api/v1/pages/third-parties/stop", post(pages::act::stop)),
        ("/api/v1/pages/third-parties/allow", post(pages::act::allow)),
        ("/api/v1/pages/policy", get(pages::proposal).post(pages::act::hold)),
        ("/api/v1/pages/headers", get(pages::baselines).post(pages::act::approve_headers)),
        ("/api/v1/pages/decisions", get(pages::decisions)),
        ("/api/v1/pages/decisions/{id}/undo", post(pages::act::undo)),
        ("/api/v1/pages/evidence", get(pages::take::evidence)),
        ("/api/v1/pages/statement", get(pages::take::statement)),
        ("/api/v1/uploads", get(uploads::list)),
        ("/api/v1/uploads/{id}", get(uploads::upload).delete(uploads::delete)),
        ("/api/v1/mail", get(mail::standing)),
        ("/api/v1/mail/captured", get(mail::list)),
        ("/api/v1/mail/captured/{id}", get(mail::letter)),
        ("/api/v1/bypass", get(bypass::show).post(bypass::set)),
    ]
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

#[cfg(test)]
mod tests;
