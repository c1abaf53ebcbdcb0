//! What was changed, by whom, why; and going back.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Timestamp;
use gabion_page::shell::{Shell, Status};
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff, Viewer};
use serde::Deserialize;

use crate::control::Version;
use crate::page::ask::{Ask, Mistake};
use crate::page::query;
use crate::problem::{self, Drawn, draw};
use crate::words::Moment;
use crate::{Console, steer, toml_value};

/// Versions shown; older ones are in the API.
pub(super) const VERSIONS_SHOWN: usize = 50;

/// One version as pages show it.
pub(super) struct VersionRow {
    pub(super) number: i64,
    pub(super) caption: String,
    pub(super) at: Moment,
    pub(super) author: String,
    pub(super) reason: String,
    pub(super) changes: Vec<ChangeRow>,
}

pub(super) struct ChangeRow {
    pub(super) path: String,
    pub(super) before: String,
    pub(super) after: String,
}

impl VersionRow {
    pub(super) fn new(version: &Version, now: Timestamp) -> Self {
        let words = |value: &Option<String>| {
            value.as_deref().map_or_else(|| "the file's value".to_owned(), toml_value::words)
        };
        let change = |change: &crate::control::Change| ChangeRow {
            path: change.path.clone(),
            before: words(&change.before),
            after: words(&change.after),
        };
        Self {
            number: version.number,
            caption: format!("What changed in version {}", version.number),
            at: Moment::new(version.at, now),
            author: version.author_name.clone(),
            reason: version.reason.clone(),
            changes: version.changes.iter().map(change).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "settings_history.html")]
struct History<'a> {
    shell: &'a Shell,
    versions: Vec<VersionRow>,
    current: i64,
    operates: bool,
}

pub(in crate::page) async fn list(State(console): State<Console>, Viewer(staff): Viewer) -> Drawn {
    let versions = console.0.control.history(VERSIONS_SHOWN).await;
    let versions = versions.map_err(|error| problem::of_change(&error))?;
    let now = console.now();
    draw(&History {
        shell: &console.frame(&staff, "History of settings", "/settings"),
        versions: versions.iter().map(|version| VersionRow::new(version, now)).collect(),
        current: console.0.control.version(),
        operates: staff.role.operates(),
    })
}

/// Going back, as link and form hold it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::page) struct Wish {
    to: String,
    #[serde(default)]
    reason: String,
}

impl Wish {
    fn number(&self) -> Result<i64, Problem> {
        let number = self.to.parse().ok().filter(|number: &i64| *number >= 0);
        number.ok_or_else(|| Problem::invalid("a version is a number"))
    }
}

pub(in crate::page) async fn ask(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let to = query::value(&query.unwrap_or_default(), "to").unwrap_or_default();
    question(&console, &staff, &Wish { to, reason: String::new() }, Mistake::default())
}

pub(in crate::page) async fn rollback(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Wish>,
) -> Result<Response, Problem> {
    let number = wish.number()?;
    let mistake = match steer::reason(&wish.reason) {
        Err(reason) => Mistake::in_reason(reason),
        Ok(reason) => {
            let by = steer::author(&Principal::Staff(staff.clone()));
            match console.0.control.rollback(by, number, reason).await {
                Ok(_) => return Ok(Redirect::to("/settings/history").into_response()),
                Err(error) => Mistake::of_change(&error)?,
            }
        }
    };
    Ok(question(&console, &staff, &wish, mistake)?.into_response())
}

fn question(console: &Console, staff: &Staff, wish: &Wish, mistake: Mistake) -> Drawn {
    let (title, explanation) = match wish.number()? {
        0 => (
            "Go back to the file alone?".to_owned(),
            "Every change made here is taken back. Only what gabion.toml says is in force.".to_owned(),
        ),
        number => (
            format!("Go back to version {number}?"),
            format!(
                "Every setting gets the value it had after version {number}. Later changes are taken back."
            ),
        ),
    };
    let stays = "The history stays: going back is a new version, which can be taken back too.".to_owned();
    draw(&Ask {
        shell: &console.frame(staff, &title, "/settings"),
        explanation: vec![explanation, stays],
        action: "/settings/rollback",
        hidden: vec![("to", wish.to.clone())],
        reason: Some(wish.reason.clone()),
        mistake,
        label: "Go back".to_owned(),
        back: "/settings/history",
    })
}
