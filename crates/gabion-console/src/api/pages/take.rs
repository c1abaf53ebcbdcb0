//! What is taken away: signed evidence and the statement in words.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use gabion_core::Timestamp;
use gabion_pages::evidence::Period;
use gabion_web::{By, Problem, Read};
use http::header::CONTENT_TYPE;

use super::{Asked, wrong};
use crate::Console;

impl Asked {
    fn period(&self) -> Result<Period, Problem> {
        let moment = |name: &'static str| -> Result<Timestamp, Problem> {
            let missing = || wrong(name, &format!("{name} is a time like 2026-11-23T00:00:00Z"));
            self.word(name)?.ok_or_else(missing)
        };
        Ok(Period { from: moment("from")?, until: moment("until")? })
    }
}

pub(crate) async fn evidence(
    State(console): State<Console>,
    by: By<Read>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let asked = Asked::of(&console, query)?;
    let record = console.0.pages.evidence(&asked.site, asked.period()?, by.principal.actor()).await?;
    Ok(([(CONTENT_TYPE, "application/json")], record).into_response())
}

pub(crate) async fn statement(
    State(console): State<Console>,
    _: By<Read>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let asked = Asked::of(&console, query)?;
    let statement = console.0.pages.statement(&asked.site, asked.period()?).await?;
    Ok(([(CONTENT_TYPE, "text/markdown; charset=utf-8")], statement).into_response())
}
