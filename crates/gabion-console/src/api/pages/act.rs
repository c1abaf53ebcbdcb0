//! What people and programs decide about pages: each is one decision, which can be taken back.

use std::collections::BTreeMap;
use std::future::Future;

use axum::extract::State;
use axum::response::Response;
use gabion_core::Actor;
use gabion_markup::PageClass;
use gabion_markup::class::ClassRule;
use gabion_pages::change::ChangeState;
use gabion_pages::decision::{
    Approval, Authorization, DecisionView, HoldWish, StageWord, TrustWord, UndecidedWord,
};
use gabion_pages::{ChangeId, DecisionId, DestinationId, ScriptId, Status};
use gabion_web::idempotency::Once;
use gabion_web::{By, ConfigWrite, OnceJson, PathId, Problem};
use serde::Deserialize;

use super::known;
use crate::Console;
use crate::api::settings::once as act_once;

/// Decides once for each idempotency key.
async fn once<F>(
    console: Console,
    once: Once,
    by: By<ConfigWrite>,
    act: impl FnOnce(Console, Actor) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = Result<DecisionView, Problem>> + Send + 'static,
{
    act_once(console.clone(), once, act(console, by.principal.actor())).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Classes {
    site: String,
    rules: Vec<ClassRule>,
}

pub(crate) async fn classes(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, key): OnceJson<Classes>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        let site = known(&console, &wish.site)?;
        Ok(console.0.pages.set_classes(&site, wish.rules, by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Authorize {
    scripts: Vec<Reason>,
}

/// Why a script is needed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    script: ScriptId,
    justification: String,
    owner: Option<String>,
}

impl From<Reason> for Authorization {
    fn from(Reason { script, justification, owner }: Reason) -> Self {
        Self { script, justification, owner }
    }
}

pub(crate) async fn authorize(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, key): OnceJson<Authorize>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        let scripts = wish.scripts.into_iter().map(Authorization::from).collect();
        Ok(console.0.pages.authorize(scripts, by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deny {
    scripts: Vec<ScriptId>,
    reason: String,
}

pub(crate) async fn deny(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, key): OnceJson<Deny>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        Ok(console.0.pages.deny(wish.scripts, &wish.reason, by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    pinned: bool,
}

pub(crate) async fn pin(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    PathId(id): PathId<ScriptId>,
    OnceJson(wish, key): OnceJson<Pin>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        Ok(console.0.pages.set_pin(id, wish.pinned, by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Destinations {
    destinations: Vec<DestinationId>,
    status: Status,
    reason: String,
}

pub(crate) async fn destinations(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, key): OnceJson<Destinations>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        let reason = &wish.reason;
        Ok(console.0.pages.decide_destinations(wish.destinations, wish.status, reason, by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveClass {
    site: String,
    class: PageClass,
    justification: Option<String>,
    #[serde(default)]
    each: BTreeMap<ScriptId, String>,
    owner: Option<String>,
    #[serde(default)]
    with_destinations: bool,
    #[serde(default)]
    with_headers: bool,
}

pub(crate) async fn approve_class(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, key): OnceJson<ApproveClass>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        let site = known(&console, &wish.site)?;
        let ApproveClass { class, justification, each, owner, with_destinations, with_headers, .. } = wish;
        let approval = Approval { justification, each, owner, with_destinations, with_headers };
        Ok(console.0.pages.approve_class(&site, class, approval, by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveHeaders {
    site: String,
    class: PageClass,
}

pub(crate) async fn approve_headers(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, key): OnceJson<ApproveHeaders>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        let site = known(&console, &wish.site)?;
        Ok(console.0.pages.approve_headers(&site, wish.class, by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settle {
    state: ChangeState,
    note: Option<String>,
}

pub(crate) async fn settle(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    PathId(id): PathId<ChangeId>,
    OnceJson(wish, key): OnceJson<Settle>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        Ok(console.0.pages.settle_change(id, wish.state, wish.note.as_deref(), by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    site: String,
    origin: String,
    reason: String,
}

pub(crate) async fn stop(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, key): OnceJson<Stop>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        let site = known(&console, &wish.site)?;
        Ok(console.0.pages.stop_origin(&site, &wish.origin, &wish.reason, by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allow {
    site: String,
    origin: String,
}

pub(crate) async fn allow(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, key): OnceJson<Allow>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        let site = known(&console, &wish.site)?;
        Ok(console.0.pages.allow_origin(&site, &wish.origin, by).await?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hold {
    site: String,
    class: PageClass,
    stage: StageWord,
    #[serde(default)]
    undecided: UndecidedWord,
    elsewhere: Option<String>,
    #[serde(default)]
    trust: TrustWord,
    #[serde(default)]
    despite_breakage: bool,
}

pub(crate) async fn hold(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, key): OnceJson<Hold>,
) -> Response {
    once(console, key, by, move |console, by| async move {
        let site = known(&console, &wish.site)?;
        let Hold { class, stage, undecided, elsewhere, trust, despite_breakage, .. } = wish;
        let hold = HoldWish { stage, undecided, elsewhere, trust, despite_breakage };
        Ok(console.0.pages.set_hold(&site, class, hold, by).await?)
    })
    .await
}

/// Nothing: the path says it all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

pub(crate) async fn undo(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    PathId(id): PathId<DecisionId>,
    OnceJson(Nothing {}, key): OnceJson<Nothing>,
) -> Response {
    once(console, key, by, move |console, by| async move { Ok(console.0.pages.undo(id, by).await?) }).await
}
