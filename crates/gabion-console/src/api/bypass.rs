//! Turning protections off for a while.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gabion_edge::Module;
use gabion_web::problem::Place;
use gabion_web::{By, EdgeWrite, OnceJson, Principal, Problem, Read};
use serde::{Deserialize, Serialize};

use crate::control::Bypass;
use crate::problem::of_change;
use crate::{Console, steer};

/// Longest bypass in minutes: a day. Whoever needs more should change settings.
const MINUTES_MAX: u32 = 1_440;

/// What is off now; `null` when everything is on.
#[derive(Debug, Serialize)]
pub(super) struct Off {
    bypass: Option<Bypass>,
}

pub(super) async fn show(State(console): State<Console>, _: By<Read>) -> Json<Off> {
    Json(Off { bypass: console.0.control.bypass() })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// Empty turns everything on again.
    modules: BTreeSet<Module>,
    minutes: u32,
}

/// Works with the database dead: then there is nothing to keep the answer in, and asking twice does the same.
pub(super) async fn set(
    State(console): State<Console>,
    by: By<EdgeWrite>,
    OnceJson(wish, once): OnceJson<Wish>,
) -> Response {
    let writable = console.0.db.health().writable;
    let own = console.clone();
    let act = async move { act(&own, &by.principal, wish).await };
    if writable {
        return super::settings::once(console, once, act).await;
    }
    act.await.map(Json).into_response()
}

async fn act(console: &Console, by: &Principal, wish: Wish) -> Result<Off, Problem> {
    if !(1..=MINUTES_MAX).contains(&wish.minutes) {
        let detail = format!("minutes is a number from 1 to {MINUTES_MAX}");
        return Err(Problem::invalid(detail.clone()).fault(Place::Pointer("/minutes".to_owned()), detail));
    }
    let set = console.0.control.set_bypass(steer::author(by), wish.modules, wish.minutes).await;
    set.map_err(|error| of_change(&error))?;
    Ok(Off { bypass: console.0.control.bypass() })
}
