//! Machines: programs that call again and again, and those of them that are never stopped.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use gabion_core::Timestamp;
use gabion_edge::config::Machine;
use gabion_edge::network::Network;
use gabion_edge::waf::MachineSeen;
use gabion_web::problem::Place;
use gabion_web::{By, ConfigWrite, Listing, OnceJson, Problem, Read};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::control::MachineEntry;
use crate::page::query;
use crate::problem::of_change;
use crate::{Console, steer};

/// A program that nobody confirmed.
#[derive(Debug, Serialize)]
pub(super) struct SeenView {
    /// `null` for who may not see personal fields.
    from: Option<String>,
    /// What it called itself last.
    product: String,
    path: String,
    requests: u64,
    flagged: u64,
    first: Timestamp,
    last: Timestamp,
}

/// Programs that call again and again, those that rules object to first. In memory: a restart forgets them.
pub(super) async fn seen(State(console): State<Console>, by: By<Read>) -> Json<Listing<SeenView>> {
    let personal = by.principal.sees_personal();
    let view = |seen: MachineSeen| SeenView {
        from: personal.then(|| seen.from.to_string()),
        product: seen.product,
        path: seen.path,
        requests: seen.requests,
        flagged: seen.flagged,
        first: seen.first,
        last: seen.last,
    };
    let items = console.0.edge.machines_seen().into_iter().map(view).collect();
    Json(Listing { items, next_cursor: None })
}

/// A machine that is inspected and never stopped.
#[derive(Debug, Serialize)]
pub(super) struct MachineView {
    /// What takes it back; `null` where the file says it.
    key: Option<String>,
    name: String,
    from: Vec<String>,
    user_agent: String,
    path: String,
}

pub(super) async fn list(State(console): State<Console>, _: By<Read>) -> Json<Listing<MachineView>> {
    let view = |MachineEntry { key, machine }: MachineEntry| MachineView {
        key,
        from: machine.from.iter().map(ToString::to_string).collect(),
        name: machine.name,
        user_agent: machine.user_agent,
        path: machine.path,
    };
    let items = console.0.control.machines().into_iter().map(view).collect();
    Json(Listing { items, next_cursor: None })
}

/// A machine of the shop's, by address, name and path together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    name: String,
    from: Vec<String>,
    user_agent: String,
    path: String,
    reason: String,
}

impl Wish {
    fn machine(self) -> Result<Machine, Problem> {
        let network = |text: String| {
            text.parse::<Network>().map_err(|error| Problem::invalid(format!("from: {text}: {error}")))
        };
        let from = self.from.into_iter().map(network).collect::<Result<_, _>>()?;
        Ok(Machine { name: self.name, from, user_agent: self.user_agent, path: self.path })
    }
}

pub(super) async fn confirm(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, once): OnceJson<Wish>,
) -> Response {
    super::settings::once(console.clone(), once, async move {
        let reason = super::settings::reason(&wish.reason)?;
        let machine = wish.machine()?;
        let version = console.0.control.confirm_machine(steer::author(&by.principal), machine, reason).await;
        version.map(super::settings::VersionView::from).map_err(|error| of_change(&error))
    })
    .await
}

pub(super) async fn remove(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let reason = query::value(&query.unwrap_or_default(), "reason").unwrap_or_default();
    let reason = steer::reason(&reason)
        .map_err(|error| Problem::invalid(error.clone()).fault(Place::Parameter("reason"), error))?;
    let known = console.0.control.machines().into_iter().any(|entry| entry.key.as_ref() == Some(&key));
    if !known {
        return Err(Problem::not_found("there is no machine of this key"));
    }
    let version = console.0.control.remove_machine(steer::author(&by.principal), key, reason).await;
    version.map(|_| StatusCode::NO_CONTENT).map_err(|error| of_change(&error))
}
