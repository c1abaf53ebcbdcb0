//! Who is limited, and who is let in or kept out.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use gabion_core::Timestamp;
use gabion_edge::access::Verdict;
use gabion_edge::config::{Action, Key};
use gabion_edge::rate_limit::lately::{Limited, MINUTES};
use gabion_edge::shed::ShedStatus;
use gabion_web::problem::Place;
use gabion_web::{By, EdgeWrite, Listing, OnceJson, Principal, Problem, Read};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::access::{self, Wrong};
use crate::control::Access;
use crate::problem::of_change;
use crate::{Console, steer};

/// Who was above a limit in the last ten minutes, and the state of shedding.
#[derive(Debug, Serialize)]
pub(super) struct LimitedList {
    shed: ShedStatus,
    items: Vec<LimitedView>,
}

#[derive(Debug, Serialize)]
struct LimitedView {
    limit: String,
    action: Action,
    by: Vec<Key>,
    /// `null` for who may not see personal fields.
    key: Option<String>,
    address: Option<IpAddr>,
    ja4: Option<String>,
    site: String,
    route: String,
    requests: u64,
    minutes: [u32; MINUTES],
    last: Timestamp,
}

impl LimitedView {
    fn of(limited: Limited, personal: bool) -> Self {
        let Limited { who, minutes, requests, last } = limited;
        Self {
            limit: who.limit,
            action: who.action,
            by: who.by,
            key: personal.then_some(who.key),
            address: personal.then_some(who.address),
            ja4: who.ja4,
            site: who.site,
            route: who.route,
            requests,
            minutes,
            last,
        }
    }
}

pub(super) async fn limited(State(console): State<Console>, by: By<Read>) -> Json<LimitedList> {
    let personal = by.principal.sees_personal();
    let edge = &console.0.edge;
    let items = edge.limited().into_iter().map(|limited| LimitedView::of(limited, personal)).collect();
    Json(LimitedList { shed: edge.shed(), items })
}

/// An entry of the list.
#[derive(Debug, Serialize)]
pub(super) struct AccessView {
    /// `null` for who may not see personal fields.
    subject: Option<String>,
    verdict: Verdict,
    until: Timestamp,
    at: Timestamp,
    by: String,
    reason: String,
    requests: u64,
}

impl AccessView {
    fn of(console: &Console, entry: Access, personal: bool) -> Self {
        let Access { subject, verdict, until, at, by, reason } = entry;
        let requests = console.0.edge.access_requests(&subject);
        Self { subject: personal.then(|| subject.to_string()), verdict, until, at, by, reason, requests }
    }
}

pub(super) async fn list(State(console): State<Console>, by: By<Read>) -> Json<Listing<AccessView>> {
    let personal = by.principal.sees_personal();
    let entries = console.0.control.access().into_iter();
    let items = entries.map(|entry| AccessView::of(&console, entry, personal)).collect();
    Json(Listing { items, next_cursor: None })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    subject: String,
    verdict: Verdict,
    minutes: u32,
    #[serde(default)]
    reason: String,
}

pub(super) async fn set(
    State(console): State<Console>,
    by: By<EdgeWrite>,
    OnceJson(wish, once): OnceJson<Wish>,
) -> Response {
    super::settings::once(console.clone(), once, async move { act(&console, &by.principal, &wish).await })
        .await
}

async fn act(console: &Console, by: &Principal, wish: &Wish) -> Result<AccessView, Problem> {
    let wish =
        access::wish(&wish.subject, wish.verdict, wish.minutes, &wish.reason).map_err(|(field, text)| {
            Problem::invalid(text.clone()).fault(Place::Pointer(format!("/{field}")), text)
        })?;
    let entry = console.0.control.set_access(steer::author(by), wish).await;
    // Who made the entry knows whom it is about.
    entry.map(|entry| AccessView::of(console, entry, true)).map_err(|error| of_change(&error))
}

pub(super) async fn remove(
    State(console): State<Console>,
    by: By<EdgeWrite>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let query = query.unwrap_or_default();
    let subject = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "subject");
    let text = subject.map(|(_, text)| text.into_owned()).unwrap_or_default();
    let wrong = |(_, text): Wrong| Problem::invalid(text.clone()).fault(Place::Parameter("subject"), text);
    let subject = access::subject(&text).map_err(wrong)?;
    let removed = console.0.control.remove_access(steer::author(&by.principal), subject).await;
    if removed.map_err(|error| of_change(&error))? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("there is no entry about this subject"))
}
