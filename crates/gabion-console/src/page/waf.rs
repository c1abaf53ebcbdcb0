//! The rules: whether they work, what they found lately, and what they do not look at.

mod findings;
mod learning;
pub(super) mod machines;

use std::sync::atomic::{AtomicU64, Ordering};

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::{EventId, Timestamp};
use gabion_edge::config::WafMode;
use gabion_edge::status::WafStatus;
use gabion_page::format;
use gabion_page::shell::Shell;
use gabion_store::StoreError;
use gabion_store::journal::View;
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff, Viewer};
use serde::Deserialize;

use self::findings::{Finding, gather};
use self::learning::Learned;
use self::machines::{Confirmed, Seen};
use super::ask::{Ask, Mistake};
use super::overview::REFRESH_SECONDS;
use super::query;
use crate::alarm::{self, Alarm};
use crate::control::ExclusionEntry;
use crate::feed::{Found, Place, Toward, Wanted};
use crate::problem::{Drawn, draw};
use crate::words::{Moment, plural};
use crate::{Console, steer};

/// Events that are looked through for what the rules found lately.
const EVENTS_READ: usize = 500;
/// Kind of the events that tell of buyers among those who would have been stopped.
const BOUGHT: &str = "waf.flagged_visitor_bought";
/// Rows of what they found: what buyers sent, and the most frequent ones.
const FINDINGS_SHOWN: usize = 30;

#[derive(Template)]
#[template(path = "waf.html")]
struct Page<'a> {
    shell: &'a Shell,
    numbers: Vec<Number>,
    /// What is said while some route only learns.
    learning: Option<[String; 2]>,
    findings: Vec<Finding>,
    /// The rows that were left out, in words; empty where none was.
    more: String,
    exclusions: Vec<Row>,
    machines: Vec<Seen>,
    confirmed: Vec<Confirmed>,
    operates: bool,
}

struct Number {
    label: &'static str,
    value: String,
    note: String,
}

/// A part of requests that rules do not look at.
struct Row {
    path: String,
    part: String,
    rules: String,
    reason: String,
    remove_href: Option<String>,
}

pub(super) async fn show(State(console): State<Console>, Viewer(staff): Viewer) -> Drawn {
    let now = console.now();
    let alarms = console.lately("waf").await?;
    let bought = console.lately(BOUGHT).await?;
    let exclusions = console.0.control.exclusions();
    let alarms = alarms.iter().map(|found| &found.entry.event).filter(|event| event.kind != BOUGHT);
    let bought = bought.iter().map(|found| &found.entry.event);
    let mut findings = gather(alarms, bought, &exclusions, now);
    let more = match findings.len().saturating_sub(FINDINGS_SHOWN) {
        0 => String::new(),
        more => plural(more, "other place", "other places"),
    };
    let status = console.0.edge.waf();
    let learns = status.as_ref().filter(|status| status.modes.contains(&WafMode::Learn));
    let learning = learns.map(|status| learned(&console, status).sentences(&findings, now));
    findings.truncate(FINDINGS_SHOWN);
    let (machines, confirmed) = machines::shown(&console, &staff, now);
    draw(&Page {
        shell: &Shell { refresh: Some(REFRESH_SECONDS), ..console.frame(&staff, "Rules", "/waf") },
        learning,
        numbers: numbers(&console, status.as_ref(), now),
        findings,
        more,
        exclusions: exclusions.into_iter().map(row).collect(),
        machines,
        confirmed,
        operates: staff.role.operates(),
    })
}

impl Console {
    /// The newest events of a kind or a domain.
    async fn lately(&self, kind: &str) -> Result<Vec<Found>, StoreError> {
        let wanted = Wanted { kind: Some(kind.to_owned()), ..Wanted::default() };
        let page = self.0.feed.page(Toward::Older(Place::END), EVENTS_READ, &wanted, View::Masked).await?;
        Ok(page.found)
    }
}

fn learned(console: &Console, status: &WafStatus) -> Learned {
    let counts = console.0.edge.metrics();
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    Learned {
        flagged: count(&counts.waf_flagged),
        buyers: count(&counts.waf_flagged_bought),
        purchases: count(&counts.waf_purchases),
        loaded_at: status.loaded_at,
    }
}

fn numbers(console: &Console, status: Option<&WafStatus>, now: Timestamp) -> Vec<Number> {
    let Some(status) = status else {
        let note = "no route wants its requests inspected".to_owned();
        return vec![Number { label: "Mode", value: "Off".to_owned(), note }];
    };
    let counts = console.0.edge.metrics();
    let count = |count: &AtomicU64| format::count(count.load(Ordering::Relaxed));
    let modes: Vec<_> = status.modes.iter().map(|mode| mode.as_str()).collect();
    let (mode, note) = match (status.bypassed, status.modes.last()) {
        (true, _) => ("Bypassed", "nothing is inspected for a while"),
        (_, Some(WafMode::Block)) => ("Block", "attacks are stopped"),
        (_, Some(WafMode::Learn)) => ("Learn", "only what is near-certain is stopped"),
        (_, Some(WafMode::Detect)) => ("Detect", "nothing is stopped"),
        (_, Some(WafMode::Off) | None) => ("Off", "nothing is inspected"),
    };
    let note = if modes.len() > 1 { format!("routes differ: {}", modes.join(", ")) } else { note.to_owned() };
    let loaded = Moment::new(status.loaded_at, now).relative;
    vec![
        Number { label: "Mode", value: mode.to_owned(), note },
        Number {
            label: "Rules",
            value: format::count(status.rules as u64),
            note: format!(
                "{}; loaded {loaded}, and they stopped the attacks sent to try them",
                status.sources.join(", ")
            ),
        },
        Number {
            label: "Stopped",
            value: count(&counts.waf_blocked),
            note: format!("of {} requests since the start", count(&counts.waf_inspected)),
        },
        Number {
            label: "Would be stopped",
            value: count(&counts.waf_flagged),
            note: match counts.waf_flagged_bought.load(Ordering::Relaxed) {
                0 => "passed because of the mode".to_owned(),
                1 => "passed because of the mode; one visitor then bought something".to_owned(),
                more => format!(
                    "passed because of the mode; {} visitors then bought something",
                    format::count(more)
                ),
            },
        },
    ]
}

fn row(entry: ExclusionEntry) -> Row {
    let ExclusionEntry { key, exclusion, reason } = entry;
    Row {
        path: exclusion.path,
        part: alarm::words(&exclusion.part),
        rules: alarm::rules(&exclusion.rules),
        reason: if key.is_none() { "in gabion.toml".to_owned() } else { reason },
        remove_href: key.map(|key| query::url("/waf/include", &[("key", &key)])),
    }
}

/// A wish as the form holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exclude {
    event: String,
    reason: String,
}

pub(super) async fn ask(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let event = query::value(&query.unwrap_or_default(), "event").unwrap_or_default();
    let alarm = find(&console, &event).await?;
    question(&console, &staff, &alarm, event, "False alarm".to_owned(), Mistake::default())
}

pub(super) async fn exclude(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Exclude>,
) -> Result<Response, Problem> {
    let alarm = find(&console, &wish.event).await?;
    let mistake = match steer::reason(&wish.reason) {
        Err(reason) => Mistake::in_reason(reason),
        Ok(reason) => {
            let by = steer::author(&Principal::Staff(staff.clone()));
            match console.0.control.exclude(by, alarm.exclusions(), reason).await {
                Ok(_) => return Ok(Redirect::to("/waf#exclusions").into_response()),
                Err(error) => Mistake::of_change(&error)?,
            }
        }
    };
    Ok(question(&console, &staff, &alarm, wish.event, wish.reason, mistake)?.into_response())
}

async fn find(console: &Console, id: &str) -> Result<Alarm, Problem> {
    let gone = || Problem::not_found("there is no such event, or it is too old to be kept");
    let id: EventId = id.parse().map_err(|_| gone())?;
    let found = console.0.feed.find(id, View::Masked).await?.ok_or_else(gone)?;
    let alarm = Alarm::of(&found.entry.event).filter(|alarm| !alarm.exclusions().is_empty());
    alarm.ok_or_else(|| {
        Problem::invalid("no rule of this event looked at a part of the request that has a name")
    })
}

fn question(
    console: &Console,
    staff: &Staff,
    alarm: &Alarm,
    event: String,
    reason: String,
    mistake: Mistake,
) -> Drawn {
    let exclusions = alarm.exclusions();
    let mut explanation: Vec<String> = exclusions
        .iter()
        .map(|exclusion| {
            let (rules, part) = (alarm::rules(&exclusion.rules), alarm::words(&exclusion.part));
            let verb = if exclusion.rules.len() == 1 { "looks" } else { "look" };
            format!("In requests to {}, {rules} no longer {verb} at {part}.", exclusion.path)
        })
        .collect();
    explanation.push(format!(
        "What this lets pass: whatever {} would have stopped there, attacks included. All other rules still look \
         there, and these look everywhere else.",
        if exclusions.iter().map(|exclusion| exclusion.rules.len()).sum::<usize>() == 1 { "it" } else { "they" }
    ));
    for (rule, variable) in alarm.elsewhere() {
        explanation.push(format!(
            "Rule {rule} also found something in {variable}, which has no name to leave out. It stays as it is."
        ));
    }
    explanation.push("You can take it back on the page of the rules at any time.".to_owned());
    draw(&Ask {
        shell: &console.frame(staff, "Was this a false alarm?", "/waf"),
        explanation,
        action: "/waf/exclude",
        hidden: vec![("event", event)],
        reason: Some(reason),
        mistake,
        label: "Let this pass from now on".to_owned(),
        back: "/waf",
    })
}

/// A wish as the form holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Include {
    key: String,
    reason: String,
}

pub(super) async fn ask_include(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let key = query::value(&query.unwrap_or_default(), "key").unwrap_or_default();
    question_include(&console, &staff, key, "No longer needed".to_owned(), Mistake::default())
}

pub(super) async fn include(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Include>,
) -> Result<Response, Problem> {
    let mistake = match steer::reason(&wish.reason) {
        Err(reason) => Mistake::in_reason(reason),
        Ok(reason) => {
            let by = steer::author(&Principal::Staff(staff.clone()));
            match console.0.control.include(by, wish.key.clone(), reason).await {
                Ok(_) => return Ok(Redirect::to("/waf#exclusions").into_response()),
                Err(error) => Mistake::of_change(&error)?,
            }
        }
    };
    Ok(question_include(&console, &staff, wish.key, wish.reason, mistake)?.into_response())
}

fn question_include(
    console: &Console,
    staff: &Staff,
    key: String,
    reason: String,
    mistake: Mistake,
) -> Drawn {
    let entry = console.0.control.exclusions().into_iter().find(|entry| entry.key.as_deref() == Some(&key));
    let Some(ExclusionEntry { exclusion, .. }) = entry else {
        return Err(Problem::not_found("this exclusion was removed already"));
    };
    let (rules, part) = (alarm::rules(&exclusion.rules), alarm::words(&exclusion.part));
    let sentence = format!("In requests to {}, {part} is inspected by {rules} again.", exclusion.path);
    draw(&Ask {
        shell: &console.frame(staff, "Inspect this again?", "/waf"),
        explanation: vec![sentence],
        action: "/waf/include",
        hidden: vec![("key", key)],
        reason: Some(reason),
        mistake,
        label: "Inspect it again".to_owned(),
        back: "/waf",
    })
}
