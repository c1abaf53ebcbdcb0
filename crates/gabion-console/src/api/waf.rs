//! The rules: whether they work, and what they do not look at.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use gabion_edge::config::{Exclusion, Part};
use gabion_edge::status::WafStatus;
use gabion_web::problem::Place;
use gabion_web::{By, ConfigWrite, Listing, OnceJson, Problem, Read};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::control::ExclusionEntry;
use crate::page::query;
use crate::problem::of_change;
use crate::{Console, steer};

/// The rules in force, and what became of requests since the start.
#[derive(Debug, Serialize)]
pub(super) struct Waf {
    /// `null` where no route wants its requests inspected.
    rules: Option<WafStatus>,
    inspected: u64,
    blocked: u64,
    flagged: u64,
}

pub(super) async fn show(State(console): State<Console>, _: By<Read>) -> Json<Waf> {
    let counts = console.0.edge.metrics();
    Json(Waf {
        rules: console.0.edge.waf(),
        inspected: counts.waf_inspected.load(Ordering::Relaxed),
        blocked: counts.waf_blocked.load(Ordering::Relaxed),
        flagged: counts.waf_flagged.load(Ordering::Relaxed),
    })
}

/// A part of requests that some rules do not look at.
#[derive(Debug, Serialize)]
pub(super) struct ExclusionView {
    /// What takes it back; `null` where the file says it.
    key: Option<String>,
    path: String,
    rules: Vec<u64>,
    parameter: Option<String>,
    cookie: Option<String>,
    header: Option<String>,
    reason: String,
}

impl From<ExclusionEntry> for ExclusionView {
    fn from(entry: ExclusionEntry) -> Self {
        let ExclusionEntry { key, exclusion: Exclusion { path, rules, part }, reason } = entry;
        let mut view = Self { key, path, rules, parameter: None, cookie: None, header: None, reason };
        match part {
            Part::Parameter(name) => view.parameter = Some(name),
            Part::Cookie(name) => view.cookie = Some(name),
            Part::Header(name) => view.header = Some(name),
        }
        view
    }
}

pub(super) async fn exclusions(State(console): State<Console>, _: By<Read>) -> Json<Listing<ExclusionView>> {
    let entries = console.0.control.exclusions().into_iter();
    Json(Listing { items: entries.map(ExclusionView::from).collect(), next_cursor: None })
}

/// Exactly one of `parameter`, `cookie` and `header` says what is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exclude {
    path: String,
    rules: Vec<u64>,
    parameter: Option<String>,
    cookie: Option<String>,
    header: Option<String>,
    reason: String,
}

impl Exclude {
    fn exclusion(self) -> Result<Exclusion, Problem> {
        let part = match (self.parameter, self.cookie, self.header) {
            (Some(name), None, None) => Part::Parameter(name),
            (None, Some(name), None) => Part::Cookie(name),
            (None, None, Some(name)) => Part::Header(name),
            _ => return Err(Problem::invalid("name one parameter, one cookie or one header")),
        };
        Ok(Exclusion { path: self.path, rules: self.rules, part })
    }
}

pub(super) async fn exclude(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, once): OnceJson<Exclude>,
) -> Response {
    super::settings::once(console.clone(), once, async move {
        let reason = super::settings::reason(&wish.reason)?;
        let exclusions = vec![wish.exclusion()?];
        let version = console.0.control.exclude(steer::author(&by.principal), exclusions, reason).await;
        version.map(super::settings::VersionView::from).map_err(|error| of_change(&error))
    })
    .await
}

pub(super) async fn include(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let reason = query::value(&query.unwrap_or_default(), "reason").unwrap_or_default();
    let reason = steer::reason(&reason)
        .map_err(|error| Problem::invalid(error.clone()).fault(Place::Parameter("reason"), error))?;
    let known = console.0.control.exclusions().into_iter().any(|entry| entry.key.as_ref() == Some(&key));
    if !known {
        return Err(Problem::not_found("there is no exclusion of this key"));
    }
    let version = console.0.control.include(steer::author(&by.principal), key, reason).await;
    version.map(|_| StatusCode::NO_CONTENT).map_err(|error| of_change(&error))
}
