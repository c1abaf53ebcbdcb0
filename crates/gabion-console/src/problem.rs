//! How errors from below look to whoever asked.

use std::time::Duration;

use askama::Template;
use axum::response::Html;
use gabion_core::Blame;
use gabion_web::Problem;
use gabion_web::problem::Place;
use http::StatusCode;

use crate::control::ChangeError;

/// When a caller should come again after a change could not be stored.
const STORE_RETRY: Duration = Duration::from_secs(5);

/// A drawn page, or why there is none.
pub(crate) type Drawn = Result<Html<String>, Problem>;

/// Draws a page.
pub(crate) fn draw(page: &impl Template) -> Drawn {
    page.render().map(Html).map_err(|error| Problem::of(Blame::Bug, "page", &error))
}

/// A refused change: whoever asked learns what would be right.
pub(crate) fn of_change(error: &ChangeError) -> Problem {
    let text = error.to_string();
    match error {
        ChangeError::Invalid { path, message } => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_setting", text)
                .fault(Place::Pointer(format!("/values/{}", escape_pointer(path))), message.clone())
        }
        ChangeError::Stale { .. } => Problem::conflict("stale_version", text),
        ChangeError::NoVersion { .. } => Problem::not_found(text),
        ChangeError::Refused { .. } => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "change_refused", text),
        ChangeError::Unavailable { .. } => Problem::unavailable(text, STORE_RETRY),
    }
}

/// RFC 6901 section 3.
fn escape_pointer(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}
