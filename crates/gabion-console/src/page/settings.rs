//! Settings: what is in force, where it comes from, and changing it over the operator's file.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_page::shell::Shell;
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff, Viewer};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::Value as Json;

use super::query;
use crate::Console;
use crate::control::{ChangeError, Setting, Wanted};
use crate::problem::{self, Drawn, draw};
use crate::{steer, toml_value};

mod form;
pub(super) mod history;

use form::{Form, Input, Row};
use history::{VERSIONS_SHOWN, VersionRow};

#[derive(Template)]
#[template(path = "settings.html")]
struct List<'a> {
    shell: &'a Shell,
    groups: Vec<Group>,
    version: i64,
    operates: bool,
}

struct Group {
    name: String,
    href: String,
    settings: Vec<Shown>,
}

struct Shown {
    title: &'static str,
    help: &'static str,
    value: String,
    file_value: String,
    overlaid: bool,
}

pub(super) async fn list(State(console): State<Console>, Viewer(staff): Viewer) -> Drawn {
    let mut groups: Vec<Group> = Vec::new();
    for setting in console.0.control.settings() {
        let shown = Shown {
            title: setting.title,
            help: setting.help,
            value: toml_value::words(&setting.value),
            file_value: toml_value::words(&setting.file_value),
            overlaid: setting.overlaid,
        };
        match groups.iter_mut().find(|group| group.name == setting.group) {
            Some(group) => group.settings.push(shown),
            None => groups.push(Group {
                href: query::url("/settings/edit", &[("group", &setting.group)]),
                name: setting.group,
                settings: vec![shown],
            }),
        }
    }
    draw(&List {
        shell: &console.frame(&staff, "Settings", "/settings"),
        groups,
        version: console.0.control.version(),
        operates: staff.role.operates(),
    })
}

#[derive(Template)]
#[template(path = "settings_edit.html")]
struct Edit<'a> {
    shell: &'a Shell,
    group: String,
    base: i64,
    rows: Vec<Row>,
    reason: String,
    reason_error: String,
    refused: String,
    /// What others changed since the form was opened.
    changed: Vec<VersionRow>,
}

pub(super) async fn edit(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let group = query::value(&query.unwrap_or_default(), "group").unwrap_or_default();
    let base = console.0.control.version();
    let settings = group_of(&console, &group)?;
    let rows = settings.iter().map(Row::new).collect();
    let (reason, reason_error, refused, changed) = (String::new(), String::new(), String::new(), Vec::new());
    let shell = console.frame(&staff, &group, "/settings");
    draw(&Edit { shell: &shell, group, base, rows, reason, reason_error, refused, changed })
}

fn group_of(console: &Console, group: &str) -> Result<Vec<Setting>, Problem> {
    let settings: Vec<_> =
        console.0.control.settings().into_iter().filter(|setting| setting.group == group).collect();
    if settings.is_empty() {
        Err(Problem::not_found("there is no such group of settings"))
    } else {
        Ok(settings)
    }
}

pub(super) async fn change(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(fields): CsrfForm<serde_json::Map<String, Json>>,
) -> Result<Response, Problem> {
    let form = Form::read(&fields)?;
    let settings = group_of(&console, &form.group)?;
    let (rows, values) = form.apply(&settings);
    let reason = steer::reason(&form.reason);
    let wrong = rows.iter().any(|row| !row.error.is_empty());
    let (Ok(reason), false, false) = (&reason, wrong, values.is_empty()) else {
        let refused =
            if wrong || reason.is_err() { "" } else { "Nothing is different from what is in force." };
        let reason_error = reason.err().unwrap_or_default();
        return again(&console, &staff, &form, rows, reason_error, refused.to_owned(), Vec::new());
    };
    let by = steer::author(&Principal::Staff(staff.clone()));
    let wanted = Wanted { base: form.base, values, reason: reason.clone() };
    match console.0.control.change(by, wanted).await {
        Ok(_) => Ok(Redirect::to("/settings").into_response()),
        Err(error) => refused(&console, &staff, form, rows, error).await,
    }
}

/// Shows the form again with what was typed and why it was not taken.
async fn refused(
    console: &Console,
    staff: &Staff,
    mut form: Form,
    mut rows: Vec<Row>,
    error: ChangeError,
) -> Result<Response, Problem> {
    let mut changed = Vec::new();
    let mut text = error.to_string();
    match error {
        ChangeError::Invalid { path, message } => {
            if let Some(row) = rows.iter_mut().find(|row| row.path == path) {
                row.error = message;
                text = String::new();
            }
        }
        ChangeError::Stale { current } => {
            let versions = console.0.control.history(VERSIONS_SHOWN).await;
            let versions = versions.map_err(|error| problem::of_change(&error))?;
            let newer = versions.iter().filter(|version| version.number > form.base);
            changed = newer.map(|version| VersionRow::new(version, console.now())).collect();
            form.base = current;
            text = "Somebody changed settings since you opened this form. Nothing of yours was saved. Look at what \
                    changed, then save again."
                .to_owned();
        }
        ChangeError::NoVersion { .. } | ChangeError::Refused { .. } => {}
        ChangeError::Unavailable { .. } => return Err(problem::of_change(&error)),
    }
    again(console, staff, &form, rows, String::new(), text, changed)
}

fn again(
    console: &Console,
    staff: &Staff,
    form: &Form,
    rows: Vec<Row>,
    reason_error: String,
    refused: String,
    changed: Vec<VersionRow>,
) -> Result<Response, Problem> {
    let shell = console.frame(staff, &form.group, "/settings");
    let (group, reason) = (form.group.clone(), form.reason.clone());
    let page = Edit { shell: &shell, group, base: form.base, rows, reason, reason_error, refused, changed };
    Ok((http::StatusCode::UNPROCESSABLE_ENTITY, draw(&page)?).into_response())
}

pub(super) async fn export(State(console): State<Console>, Viewer(_): Viewer) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/toml; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"gabion.toml\""),
    ];
    (headers, console.0.control.export()).into_response()
}
