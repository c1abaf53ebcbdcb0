//! Ids in paths.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use gabion_core::id::InvalidId;
use http::request::Parts;

use crate::Problem;

/// The one id in a route's path: `/api/v1/staff/{id}`.
///
/// # Errors
/// 404 `not_found` for a text that is no such id: nothing can be stored under it.
#[derive(Clone, Copy, Debug)]
pub struct PathId<T>(pub T);

impl<T: FromStr<Err = InvalidId>, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::invalid("the path holds bytes that are no text"))?;
        text.parse().map(Self).map_err(|error: InvalidId| Problem::not_found(error.to_string()))
    }
}
