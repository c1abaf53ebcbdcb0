//! The shop's endpoints, draining and maintenance.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use gabion_edge::status::UpstreamStatus;
use gabion_web::{By, EdgeWrite, Listing, OnceJson, Principal, Problem, Read};
use serde::Deserialize;

use super::settings::VersionView;
use crate::Console;
use crate::problem::of_change;
use crate::steer::{self, Act};

pub(super) async fn list(State(console): State<Console>, _: By<Read>) -> Json<Listing<UpstreamStatus>> {
    Json(Listing { items: console.0.edge.upstreams(), next_cursor: None })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Maintenance {
    on: bool,
    reason: String,
}

pub(super) async fn maintenance(
    State(console): State<Console>,
    by: By<EdgeWrite>,
    Path(name): Path<String>,
    OnceJson(wish, once): OnceJson<Maintenance>,
) -> Response {
    super::settings::once(console.clone(), once, async move {
        change(&console, &by.principal, &name, wish.reason, |_| Ok(Act::Maintenance(wish.on))).await
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drain {
    url: String,
    drained: bool,
    reason: String,
}

pub(super) async fn endpoints(
    State(console): State<Console>,
    by: By<EdgeWrite>,
    Path(name): Path<String>,
    OnceJson(wish, once): OnceJson<Drain>,
) -> Response {
    super::settings::once(console.clone(), once, async move {
        let Drain { url, drained, reason } = wish;
        change(&console, &by.principal, &name, reason, |upstream| {
            let known = upstream.endpoints.iter().any(|endpoint| endpoint.url == url);
            let unknown = || Problem::not_found("this upstream has no endpoint with this url");
            known.then(|| Act::Drain(url.clone(), drained)).ok_or_else(unknown)
        })
        .await
    })
    .await
}

async fn change(
    console: &Console,
    by: &Principal,
    name: &str,
    reason: String,
    act: impl FnOnce(&UpstreamStatus) -> Result<Act, Problem>,
) -> Result<VersionView, Problem> {
    let base = console.0.control.version();
    let upstream = steer::upstream(console, name)
        .ok_or_else(|| Problem::not_found("there is no upstream of this name"))?;
    let act = act(&upstream)?;
    let reason = super::settings::reason(&reason)?;
    let version = steer::steer(console, steer::author(by), &upstream, base, &act, reason).await;
    version.map(VersionView::from).map_err(|error| of_change(&error))
}
