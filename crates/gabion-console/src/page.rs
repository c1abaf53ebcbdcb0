//! The pages. Each handler's arguments say who may call it.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gabion_page::asset;
use gabion_page::shell::Shell;
use gabion_web::{Principal, Problem, Staff};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::Console;

pub(crate) mod ask;
mod bypass;
mod demo;
mod edge;
pub(crate) mod error;
pub(crate) mod event_row;
mod events;
mod mailbox;
mod overview;
mod pages;
pub(crate) mod query;
mod settings;
mod stream;
mod uploads;
mod upstreams;
mod waf;

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .route("/", get(overview::show))
        .route("/events", get(events::list))
        .route("/events/stream", get(stream::follow))
        .route("/events/{id}", get(events::detail))
        .route("/upstreams", get(upstreams::list))
        .route("/upstreams/change", get(upstreams::ask).post(upstreams::change))
        .route("/edge", get(edge::show))
        .route("/edge/access", post(edge::set))
        .route("/edge/access/remove", post(edge::remove))
        .route("/waf", get(waf::show))
        .route("/waf/exclude", get(waf::ask).post(waf::exclude))
        .route("/waf/include", get(waf::ask_include).post(waf::include))
        .route("/waf/machine", get(waf::machines::ask).post(waf::machines::confirm))
        .route("/waf/machine/remove", get(waf::machines::ask_remove).post(waf::machines::remove))
        .route("/uploads", get(uploads::list))
        .route("/uploads/delete", get(uploads::ask).post(uploads::delete))
        .route("/uploads/{id}", get(uploads::detail))
        .route("/mailbox", get(mailbox::list))
        .route("/mailbox/{id}", get(mailbox::detail))
        .route("/settings", get(settings::list))
        .route("/settings/edit", get(settings::edit).post(settings::change))
        .route("/settings/history", get(settings::history::list))
        .route("/settings/rollback", get(settings::history::ask).post(settings::history::rollback))
        .route("/settings/export", get(settings::export))
        .route("/bypass", get(bypass::show).post(bypass::set))
        .route("/bypass/confirm", get(bypass::ask))
        .route("/bypass/end", post(bypass::end))
        .route("/demo", get(demo::show))
        .route("/assets/{file}", get(static_file))
        .merge(pages::router())
}

impl Console {
    fn frame(&self, staff: &Staff, title: &str, current: &str) -> Shell {
        self.shell(&Principal::Staff(staff.clone()), title, current)
    }
}

async fn static_file(Path(file): Path<String>) -> Result<Response, Problem> {
    let asset = asset::find(&format!("/assets/{file}"))
        .ok_or_else(|| Problem::not_found("there is no such file; load the page again"))?;
    let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, asset::CACHE_CONTROL)];
    Ok((headers, asset.bytes).into_response())
}
