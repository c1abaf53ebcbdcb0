//! What every page has.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use super::Visit;
use super::asset::{SCRIPT, STYLE};
use super::trouble::Trouble;
use crate::customer::words::Words;

/// What surrounds the content of a page.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) words: Words,
    pub(super) site: String,
    pub(super) title: &'static str,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
}

impl Frame {
    pub(super) fn new(words: Words, site: &str, title: &'static str) -> Self {
        Self {
            words,
            site: site.to_owned(),
            title: words.text(title),
            style: STYLE.path(),
            script: SCRIPT.path(),
        }
    }

    pub(super) fn of(visit: &Visit, title: &'static str) -> Self {
        Self::new(Words::new(visit.language), &visit.site.name, title)
    }
}

pub(super) fn render(page: &impl Template) -> Result<Response, Trouble> {
    match page.render() {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => {
            tracing::error!(%error, "A customers' page was not drawn: {error}");
            Err(Trouble::internal())
        }
    }
}
