//! What can go wrong with a request, and the page that says so.

use std::io;

use askama::Template;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use rusqlite::ErrorCode;
use tracing::warn;

use crate::visitor::Chrome;

/// Why a request was not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("We looked on every shelf and did not find it.")]
    NotFound,
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    TooLarge(&'static str),
    #[error("The shop is full: too many people are here at once. Please try again in a minute.")]
    Busy,
    #[error("The demo's storage is full. Stop it and start it with a fresh folder.")]
    Full,
    // Deliberately naive: the database's own words reach the page, a gift to whoever probes the search.
    #[error("Database error: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("Storage error: {0}")]
    File(#[from] io::Error),
    #[error("The page could not be drawn: {0}")]
    Template(#[from] askama::Error),
}

impl Fault {
    fn status(&self) -> StatusCode {
        match self {
            Fault::NotFound => StatusCode::NOT_FOUND,
            Fault::BadRequest(_) => StatusCode::BAD_REQUEST,
            Fault::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Fault::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Full => StatusCode::INSUFFICIENT_STORAGE,
            Fault::Database(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                StatusCode::INSUFFICIENT_STORAGE
            }
            Fault::Database(_) | Fault::File(_) | Fault::Template(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn heading(&self) -> &'static str {
        match self.status() {
            StatusCode::NOT_FOUND => "Not on our shelves",
            StatusCode::BAD_REQUEST => "That did not work",
            StatusCode::PAYLOAD_TOO_LARGE => "That is too large",
            StatusCode::SERVICE_UNAVAILABLE => "The shop is full",
            StatusCode::INSUFFICIENT_STORAGE => "No room left",
            _ => "Something spilled",
        }
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    chrome: Chrome,
    heading: &'static str,
    message: String,
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            warn!(error = %self, "Demo shop answered {status}: {self}");
        }
        let page =
            FaultPage { chrome: Chrome::default(), heading: self.heading(), message: self.to_string() };
        match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(_) => (status, page.message).into_response(),
        }
    }
}

/// A fault answered to a program: `{"error": "..."}`.
pub(crate) struct ApiFault(Fault);

impl<E: Into<Fault>> From<E> for ApiFault {
    fn from(error: E) -> Self {
        ApiFault(error.into())
    }
}

impl IntoResponse for ApiFault {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.0.to_string() });
        (self.0.status(), Json(body)).into_response()
    }
}
