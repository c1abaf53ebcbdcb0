//! Brewing guides to read and to download.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::html;
use crate::db::on_blocking_thread;
use crate::fault::Fault;
use crate::server::App;
use crate::visitor::{Chrome, Visitor};

#[derive(Template)]
#[template(path = "guides.html")]
struct GuidesPage {
    chrome: Chrome,
}

pub(crate) async fn show(visitor: Visitor) -> Result<Response, Fault> {
    html(&GuidesPage { chrome: visitor.chrome() })
}

#[derive(Deserialize)]
pub(crate) struct Download {
    #[serde(default)]
    file: String,
}

/// Deliberately naive: the path comes from the visitor; see [`crate::folder::Folder::guide`] for how far it gets.
pub(crate) async fn download(
    State(app): State<App>,
    Query(Download { file }): Query<Download>,
) -> Result<Response, Fault> {
    let bytes = on_blocking_thread(move |_| app.folder.guide(&file)).await?;
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CONTENT_DISPOSITION, "inline")];
    Ok((headers, bytes).into_response())
}
