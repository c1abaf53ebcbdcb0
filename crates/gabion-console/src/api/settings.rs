//! Settings with their history.

use std::collections::BTreeMap;
use std::future::Future;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use gabion_core::{Actor, Timestamp};
use gabion_web::idempotency::Once;
use gabion_web::problem::Place;
use gabion_web::{Answer, By, ConfigWrite, Cursor, Listing, OnceJson, Page, Problem, Read};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Console;
use crate::control::{Setting, SettingKind, Version, Wanted};
use crate::problem::of_change;
use crate::{steer, toml_value};

/// Versions that can be paged through; the newest ones.
const VERSIONS_MAX: usize = 1_000;

/// All settings and the version they belong to.
#[derive(Debug, Serialize)]
pub(super) struct Settings {
    version: i64,
    items: Vec<SettingView>,
}

#[derive(Debug, Serialize)]
struct SettingView {
    path: String,
    group: String,
    title: &'static str,
    help: &'static str,
    kind: SettingKind,
    value: Value,
    file_value: Value,
    overlaid: bool,
}

impl From<Setting> for SettingView {
    fn from(setting: Setting) -> Self {
        Self {
            value: toml_value::to_json(&setting.value),
            file_value: toml_value::to_json(&setting.file_value),
            path: setting.path,
            group: setting.group,
            title: setting.title,
            help: setting.help,
            kind: setting.kind,
            overlaid: setting.overlaid,
        }
    }
}

/// A version with its values as JSON.
#[derive(Debug, Serialize)]
pub(super) struct VersionView {
    number: i64,
    at: Timestamp,
    author: Actor,
    author_name: String,
    reason: String,
    changes: Vec<ChangeView>,
}

#[derive(Debug, Serialize)]
struct ChangeView {
    path: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl From<Version> for VersionView {
    fn from(version: Version) -> Self {
        let json = |toml: Option<String>| toml.map(|toml| toml_value::to_json(&toml));
        let change = |change: crate::control::Change| ChangeView {
            path: change.path,
            before: json(change.before),
            after: json(change.after),
        };
        Self {
            number: version.number,
            at: version.at,
            author: version.author,
            author_name: version.author_name,
            reason: version.reason,
            changes: version.changes.into_iter().map(change).collect(),
        }
    }
}

pub(super) async fn list(State(console): State<Console>, _: By<Read>) -> Json<Settings> {
    let version = console.0.control.version();
    let items = console.0.control.settings().into_iter().map(SettingView::from).collect();
    Json(Settings { version, items })
}

pub(super) async fn history(
    State(console): State<Console>,
    _: By<Read>,
    page: Page,
) -> Result<Json<Listing<VersionView>>, Problem> {
    let before: i64 = match &page.cursor {
        None => i64::MAX,
        Some(cursor) => cursor.position().parse().map_err(|_| {
            let detail = "cursor is not one this API gave out";
            Problem::invalid(detail).fault(Place::Parameter("cursor"), detail)
        })?,
    };
    let versions = console.0.control.history(VERSIONS_MAX).await.map_err(|error| of_change(&error))?;
    let versions = versions.into_iter().filter(|version| version.number < before).take(page.limit + 1);
    let versions = versions.map(VersionView::from).collect();
    Ok(Json(page.listing(versions, |version: &VersionView| Cursor::after(version.number))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// The version whose values the caller saw.
    base: i64,
    /// By path; `null` takes the file's value again.
    values: BTreeMap<String, Value>,
    reason: String,
}

pub(super) async fn change(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, once): OnceJson<Change>,
) -> Response {
    self::once(console.clone(), once, async move {
        let reason = reason(&wish.reason)?;
        if wish.values.is_empty() {
            return Err(Problem::invalid("name at least one setting")
                .fault(Place::Pointer("/values".to_owned()), "empty"));
        }
        let values = wish.values.into_iter().map(value).collect::<Result<_, _>>()?;
        let wanted = Wanted { base: wish.base, values, reason };
        let version = console.0.control.change(steer::author(&by.principal), wanted).await;
        version.map(VersionView::from).map_err(|error| of_change(&error))
    })
    .await
}

fn value((path, json): (String, Value)) -> Result<(String, Option<String>), Problem> {
    if json.is_null() {
        return Ok((path, None));
    }
    let toml = toml_value::of_json(&json).ok_or_else(|| {
        let detail = "a value is true or false, a whole number, a text, a list of texts, or null";
        Problem::invalid(detail).fault(Place::Pointer(format!("/values/{path}")), detail)
    })?;
    Ok((path, Some(toml)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollback {
    to: i64,
    reason: String,
}

pub(super) async fn rollback(
    State(console): State<Console>,
    by: By<ConfigWrite>,
    OnceJson(wish, once): OnceJson<Rollback>,
) -> Response {
    self::once(console.clone(), once, async move {
        let reason = reason(&wish.reason)?;
        let version = console.0.control.rollback(steer::author(&by.principal), wish.to, reason).await;
        version.map(VersionView::from).map_err(|error| of_change(&error))
    })
    .await
}

/// A reason as it is kept.
pub(super) fn reason(text: &str) -> Result<String, Problem> {
    steer::reason(text)
        .map_err(|error| Problem::invalid(error.clone()).fault(Place::Pointer("/reason".to_owned()), error))
}

/// Acts once for each idempotency key. The change has its own transaction, so the answer is kept in one right
/// after it: when the process dies in between, the key stays taken and the caller is told to look.
pub(super) async fn once<T: Serialize>(
    console: Console,
    once: Once,
    act: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Response {
    let db = console.0.db.clone();
    let keeping = db.clone();
    once.run(&db, console.now(), &*console.0.entropy, move |keeper| async move {
        let answer = Answer::json(StatusCode::OK, &act.await?);
        let kept: Result<_, gabion_store::StoreError> =
            keeping.write(move |tx| keeper.keep(tx, &answer)).await;
        kept.map_err(|error| {
            tracing::error!(%error, "A change was made, but its answer could not be kept: {error}");
            let detail = "the change was made, but this answer could not be kept; do not repeat it";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", detail)
        })
    })
    .await
}
