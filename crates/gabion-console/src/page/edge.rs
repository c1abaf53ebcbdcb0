//! The front door: limits in force, who is above them, overload, and whom to let in or keep out.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gabion_edge::Cut;
use gabion_edge::access::{Subject, Verdict};
use gabion_edge::config::{Action, RateLimitConfig};
use gabion_edge::network::Network;
use gabion_edge::rate_limit::Limit;
use gabion_edge::rate_limit::lately::{Limited, MINUTES};
use gabion_edge::shed::ShedStatus;
use gabion_page::chart::{self, Ink, LineChart, Series, Svg, Unit};
use gabion_page::format;
use gabion_page::shell::{Shell, Status};
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff, Viewer};
use serde::Deserialize;

use super::overview::REFRESH_SECONDS;
use crate::access::{self, Wrong};
use crate::control::{Access, ChangeError};
use crate::problem::{self, Drawn, draw};
use crate::words::{Moment, field_name, plural};
use crate::{Console, steer};

/// Minutes and words of the offered durations.
const DURATIONS: [(u32, &str); 3] = [(15, "15 minutes"), (60, "1 hour"), (1_440, "24 hours")];
/// The duration that is chosen at first.
const MINUTES_DEFAULT: u32 = 60;
/// Rows of who is limited; the heaviest ones.
const ROWS_MAX: usize = 50;
/// Height of the chart in CSS pixels.
const HEIGHT: u32 = 160;

#[derive(Template)]
#[template(path = "edge.html")]
struct Page<'a> {
    shell: &'a Shell,
    numbers: [Number; 4],
    chart: Option<Svg>,
    limited: Vec<Row>,
    more: usize,
    entries: Vec<Entry>,
    limits: Vec<Rule>,
    cuts: Vec<(String, String)>,
    durations: Vec<(u32, &'static str, bool)>,
    operates: bool,
    form: Form,
    wrong: Option<Wrong>,
}

impl Page<'_> {
    /// What is wrong with a field of the form.
    fn wrong_in(&self, field: &str) -> String {
        self.wrong
            .as_ref()
            .filter(|(wrong, _)| *wrong == field)
            .map(|(_, text)| text.clone())
            .unwrap_or_default()
    }
}

struct Number {
    label: &'static str,
    value: String,
    note: String,
}

/// Somebody above a limit.
struct Row {
    key: String,
    /// Whom an entry would be about; none for who may not see it.
    subject: Option<String>,
    limit: String,
    observed: bool,
    requests: String,
    spark: Svg,
    last: Moment,
    site: String,
    route: String,
    ja4: String,
    listed: Option<(Status, &'static str)>,
}

/// Somebody let in or kept out.
struct Entry {
    subject: String,
    /// What the form sends back; none for who may not see it.
    hidden: Option<String>,
    status: Status,
    word: &'static str,
    until: Moment,
    by: String,
    reason: String,
    requests: String,
}

/// A limit in force.
struct Rule {
    name: String,
    by: String,
    rate: String,
    burst: String,
    place: &'static str,
    observes: bool,
    over: String,
}

/// What was typed into the form.
#[derive(Default)]
struct Form {
    subject: String,
    reason: String,
}

pub(super) async fn show(State(console): State<Console>, Viewer(staff): Viewer) -> Drawn {
    page(&console, &staff, Form::default(), None)
}

fn page(console: &Console, staff: &Staff, form: Form, wrong: Option<Wrong>) -> Drawn {
    let now = console.now();
    let personal = staff.role.sees_personal();
    let (edge, entries) = (&console.0.edge, console.0.control.access());
    let limited = edge.limited();
    let rules = edge.rate_limits();
    let row = |limited: &Limited| row(limited, &entries, personal, now);
    draw(&Page {
        shell: &Shell {
            refresh: wrong.is_none().then_some(REFRESH_SECONDS),
            ..console.frame(staff, "Edge", "/edge")
        },
        numbers: numbers(edge.shed(), &limited, &entries),
        chart: (!limited.is_empty()).then(|| by_minute(&limited)),
        limited: limited.iter().take(ROWS_MAX).map(row).collect(),
        more: limited.len().saturating_sub(ROWS_MAX),
        entries: entries.iter().map(|entry| shown(console, entry, personal, now)).collect(),
        limits: rules.iter().map(|limit| rule(limit)).collect(),
        cuts: cuts(console),
        durations: DURATIONS.map(|(minutes, words)| (minutes, words, minutes == MINUTES_DEFAULT)).to_vec(),
        operates: staff.role.operates(),
        form,
        wrong,
    })
}

fn numbers(shed: ShedStatus, limited: &[Limited], entries: &[Access]) -> [Number; 4] {
    let refused = limited.iter().filter(|limited| limited.who.action == Action::Refuse);
    let refused: u64 = refused.map(|limited| limited.requests).sum();
    let blocked = entries.iter().filter(|entry| entry.verdict == Verdict::Block).count();
    let (state, note) = match shed.level {
        0 => ("Calm", "everybody is served"),
        1 => ("Overloaded", "new visitors who only look are refused"),
        2 => ("Overloaded", "everybody without a cookie is refused"),
        3 => ("Overloaded", "only forms of customers are served"),
        _ => ("Overloaded", "everything is refused"),
    };
    let delay = std::time::Duration::from_micros(shed.lag_us);
    [
        Number { label: "Load", value: state.to_owned(), note: note.to_owned() },
        Number {
            label: "Wait for a turn",
            value: format::duration(delay),
            note: "of every task, at least, in the last second".to_owned(),
        },
        Number {
            label: "Refused by rate limits",
            value: format::count(refused),
            note: "in the last ten minutes".to_owned(),
        },
        Number {
            label: "Blocked",
            value: format::count(blocked as u64),
            note: format!("{} allowed", format::count((entries.len() - blocked) as u64)),
        },
    ]
}

/// Requests above a limit, minute by minute.
fn by_minute(limited: &[Limited]) -> Svg {
    let sum = |minute: usize| limited.iter().map(|limited| f64::from(limited.minutes[minute])).sum();
    let points = (0..MINUTES).map(|minute| Some(sum(minute))).collect();
    let label = |minute: usize| match MINUTES - 1 - minute {
        0 => "now".to_owned(),
        ago => format!("\u{2212}{ago} min"),
    };
    chart::stacked_area(&LineChart {
        title: "Requests above a limit, by minute".to_owned(),
        series: vec![Series { name: "above a limit".to_owned(), ink: Ink::Warn, points }],
        labels: (0..MINUTES).map(label).collect(),
        unit: Unit::Count,
        height: HEIGHT,
    })
}

fn row(limited: &Limited, entries: &[Access], personal: bool, now: gabion_core::Timestamp) -> Row {
    let who = &limited.who;
    // What people block is a household or an office: one IPv4 address, or an IPv6 /64.
    let subject = Subject::Network(Network::around(who.address, 32, 64));
    let listed = entries.iter().find(|entry| entry.subject == subject).map(|entry| verdict(entry.verdict));
    let minutes = limited.minutes.map(f64::from);
    let label = format!("{} above {} by minute", if personal { &who.key } else { "somebody" }, who.limit);
    Row {
        key: if personal { who.key.clone() } else { "hidden".to_owned() },
        subject: personal.then(|| subject.to_string()),
        limit: who.limit.clone(),
        observed: who.action == Action::Observe,
        requests: format::count(limited.requests),
        spark: chart::sparkline(&label, &minutes, Ink::Warn, Unit::Count),
        last: Moment::new(limited.last, now),
        site: who.site.clone(),
        route: who.route.clone(),
        ja4: who.ja4.clone().unwrap_or_default(),
        listed,
    }
}

const fn verdict(verdict: Verdict) -> (Status, &'static str) {
    match verdict {
        Verdict::Allow => (Status::Ok, "allowed"),
        Verdict::Block => (Status::Down, "blocked"),
    }
}

fn shown(console: &Console, entry: &Access, personal: bool, now: gabion_core::Timestamp) -> Entry {
    let (status, word) = verdict(entry.verdict);
    Entry {
        subject: if personal { entry.subject.to_string() } else { "hidden".to_owned() },
        hidden: personal.then(|| entry.subject.to_string()),
        status,
        word,
        until: Moment::new(entry.until, now),
        by: entry.by.clone(),
        reason: entry.reason.clone(),
        requests: plural_requests(console.0.edge.access_requests(&entry.subject)),
    }
}

/// Reasons and counts of connections that a limit ended; those that never did are left out.
fn cuts(console: &Console) -> Vec<(String, String)> {
    let cut = &console.0.edge.metrics().connections_cut;
    let counted = Cut::ALL.into_iter().map(|reason| (reason, cut.count(reason)));
    let some = counted.filter(|(_, count)| *count > 0);
    some.map(|(reason, count)| (field_name(reason.as_str()), format::count(count))).collect()
}

fn plural_requests(requests: u64) -> String {
    plural(usize::try_from(requests).unwrap_or(usize::MAX), "request", "requests")
}

fn rule(limit: &Limit) -> Rule {
    let RateLimitConfig { name, by, requests, per, burst, action, everywhere, methods, .. } = &limit.config;
    let by: Vec<_> = by.iter().map(|key| key.as_str()).collect();
    let methods: Vec<_> = methods.iter().map(http::Method::as_str).collect();
    let only = if methods.is_empty() { String::new() } else { format!(", only {}", methods.join(", ")) };
    let rate = match per.as_secs() {
        1 => format!("{} a second", format::count((*requests).into())),
        60 => format!("{} a minute", format::count((*requests).into())),
        3_600 => format!("{} an hour", format::count((*requests).into())),
        seconds => format!("{} in {seconds} s", format::count((*requests).into())),
    };
    Rule {
        name: name.clone(),
        by: format!("{}{only}", by.join(", ")),
        rate,
        burst: format::count((*burst).into()),
        place: if *everywhere { "everywhere" } else { "some routes" },
        observes: *action == Action::Observe,
        over: format::count(limit.over()),
    }
}

/// A wish as forms hold it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    subject: String,
    verdict: Verdict,
    minutes: String,
    #[serde(default)]
    reason: String,
}

pub(super) async fn set(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Wish>,
) -> Result<Response, Problem> {
    let known = DURATIONS.into_iter().find(|(minutes, _)| minutes.to_string() == wish.minutes);
    let (minutes, _) = known.ok_or_else(|| Problem::invalid("choose one of the offered durations"))?;
    let by = steer::author(&Principal::Staff(staff.clone()));
    let wrong = match access::wish(&wish.subject, wish.verdict, minutes, &wish.reason) {
        Ok(accepted) => match console.0.control.set_access(by, accepted).await {
            Ok(_) => return Ok(Redirect::to("/edge#access").into_response()),
            Err(error @ ChangeError::Unavailable { .. }) => return Err(problem::of_change(&error)),
            Err(error) => ("subject", error.to_string()),
        },
        Err(wrong) => wrong,
    };
    let form = Form { subject: wish.subject, reason: wish.reason };
    Ok(page(&console, &staff, form, Some(wrong))?.into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gone {
    subject: String,
}

/// Removing an entry that is gone already is fine: that is what was wanted.
pub(super) async fn remove(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(gone): CsrfForm<Gone>,
) -> Result<Response, Problem> {
    let subject = access::subject(&gone.subject).map_err(|(_, text)| Problem::invalid(text))?;
    let by = steer::author(&Principal::Staff(staff));
    let removed = console.0.control.remove_access(by, subject).await;
    removed.map_err(|error| problem::of_change(&error))?;
    Ok(Redirect::to("/edge#access").into_response())
}
