//! Turning protections off for a while.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_edge::Module;
use gabion_page::shell::Shell;
use gabion_web::{CsrfForm, Operator, Principal, Problem, Viewer};
use serde::Deserialize;

use super::ask::{Ask, Mistake};
use super::query;
use crate::problem::{self, Drawn, draw};
use crate::words::Moment;
use crate::{Console, steer};

/// Minutes and words of the offered durations. A day is the longest: whoever needs more should change settings.
const DURATIONS: [(u32, &str); 4] =
    [(15, "15 minutes"), (30, "30 minutes"), (120, "2 hours"), (1440, "24 hours")];
/// The duration that is chosen at first.
const MINUTES_DEFAULT: u32 = 30;

#[derive(Template)]
#[template(path = "bypass.html")]
struct Page<'a> {
    shell: &'a Shell,
    active: Option<Active>,
    modules: Vec<(&'static str, &'static str)>,
    durations: Vec<(u32, &'static str, bool)>,
    wrong: String,
    operates: bool,
}

struct Active {
    modules: String,
    until: Moment,
    by: String,
}

pub(super) async fn show(State(console): State<Console>, Viewer(staff): Viewer) -> Drawn {
    page(&console, &staff, String::new())
}

fn page(console: &Console, staff: &gabion_web::Staff, wrong: String) -> Drawn {
    let now = console.now();
    let active = console.0.control.bypass().map(|bypass| Active {
        modules: bypass.modules.iter().map(|module| module.as_str()).collect::<Vec<_>>().join(", "),
        until: Moment::new(bypass.until, now),
        by: bypass.by,
    });
    draw(&Page {
        shell: &console.frame(staff, "Bypass", "/bypass"),
        active,
        modules: Module::ALL.iter().map(|module| (module.as_str(), module.what())).collect(),
        durations: DURATIONS.map(|(minutes, words)| (minutes, words, minutes == MINUTES_DEFAULT)).to_vec(),
        wrong,
        operates: staff.role.operates(),
    })
}

/// A wish as link and form hold it: modules by name, joined by spaces in the form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    modules: String,
    minutes: String,
}

impl Wish {
    fn modules(&self) -> Result<BTreeSet<Module>, Problem> {
        let modules = self.modules.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>();
        modules.map_err(|error: gabion_edge::module::UnknownModule| Problem::invalid(error.to_string()))
    }

    fn duration(&self) -> Result<(u32, &'static str), Problem> {
        let known = DURATIONS.into_iter().find(|(minutes, _)| minutes.to_string() == self.minutes);
        known.ok_or_else(|| Problem::invalid("choose one of the offered durations"))
    }
}

pub(super) async fn ask(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let query = query.unwrap_or_default();
    let wish = Wish {
        modules: query::values(&query, "module").join(" "),
        minutes: query::value(&query, "minutes").unwrap_or_default(),
    };
    let (modules, (_, words)) = (wish.modules()?, wish.duration()?);
    if modules.is_empty() {
        return page(&console, &staff, "Choose at least one protection to turn off.".to_owned());
    }
    let mut explanation = vec![format!("For {words} these protections are off for every customer:")];
    explanation.extend(modules.iter().map(|module| format!("{}: {}.", module.as_str(), module.what())));
    explanation.push("They come back by themselves. TLS and proxying go on.".to_owned());
    draw(&Ask {
        shell: &console.frame(&staff, "Turn protections off?", "/bypass"),
        explanation,
        action: "/bypass",
        hidden: vec![("modules", wish.modules), ("minutes", wish.minutes)],
        reason: None,
        mistake: Mistake::default(),
        label: format!("Turn off for {words}"),
        back: "/bypass",
    })
}

pub(super) async fn set(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Wish>,
) -> Result<Response, Problem> {
    let (modules, (minutes, _)) = (wish.modules()?, wish.duration()?);
    if modules.is_empty() {
        return Err(Problem::invalid("choose at least one protection to turn off"));
    }
    let by = steer::author(&Principal::Staff(staff));
    let set = console.0.control.set_bypass(by, modules, minutes).await;
    set.map_err(|error| problem::of_change(&error))?;
    Ok(Redirect::to("/bypass").into_response())
}

/// Nothing but the form's token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn end(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Result<Response, Problem> {
    let by = steer::author(&Principal::Staff(staff));
    // The minutes mean nothing when everything is turned on again; the smallest allowed is sent.
    let set = console.0.control.set_bypass(by, BTreeSet::new(), 1).await;
    set.map_err(|error| problem::of_change(&error))?;
    Ok(Redirect::to("/bypass").into_response())
}
