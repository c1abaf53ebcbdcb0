//! Forms and JSON of our own pages.

use axum::extract::{FromRequest, Request};
use gabion_web::{CappedForm, CappedJson};
use serde::de::DeserializeOwned;

use super::trouble::Trouble;

/// The fields of a form.
#[derive(Debug)]
pub(super) struct Form<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Form<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &S) -> Result<Self, Trouble> {
        let CappedForm(fields) = CappedForm::from_request(request, state).await?;
        Ok(Self(fields))
    }
}

/// What a script of ours sends.
#[derive(Debug)]
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Sent<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &S) -> Result<Self, Trouble> {
        let CappedJson(value) = CappedJson::from_request(request, state).await?;
        Ok(Self(value))
    }
}
