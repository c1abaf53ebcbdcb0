//! Pages at a glance: what waits for a person, class by class.

use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};
use gabion_core::{Severity, Timestamp};
use gabion_markup::PageClass;
use gabion_page::chart::{self, Ink, LineChart, Series, Svg, Unit};
use gabion_page::shell::{Shell, Status, Tone};
use gabion_pages::change::{ChangeFilter, ChangeState, ChangeView};
use gabion_pages::overview::{ClassOverview, SiteOverview};
use gabion_web::page::LIMIT_MAX;
use gabion_web::{Page as Part, Viewer};

use super::changes::Row;
use super::site::{Chosen, Head};
use crate::Console;
use crate::page::overview::REFRESH_SECONDS;
use crate::problem::{Drawn, draw};
use crate::words::pages::{self as words, Pill};
use crate::words::{Moment, counted};

/// Open changes that are listed.
const CHANGES_SHOWN: usize = 6;
/// Days of the chart.
const DAYS: usize = 30;
/// Height of the chart in CSS pixels.
const HEIGHT: u32 = 120;
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Template)]
#[template(path = "pages/overview.html")]
struct Page<'a> {
    shell: &'a Shell,
    head: Head,
    tone: Tone,
    sentence: String,
    classes_href: String,
    /// Where what the sentence asks for is done.
    action: Option<(&'static str, String)>,
    classes: Vec<Card>,
    changes: Vec<Row>,
    changes_href: String,
    chart: Option<Svg>,
    stopped: Vec<(String, String)>,
}

/// A class at a glance.
struct Card {
    title: &'static str,
    stage: Pill,
    /// Scripts that wait, in words.
    waiting: String,
    waits: bool,
    approved: u64,
    denied: u64,
    open: String,
    has_critical: bool,
    seen: String,
    last_look: Option<Moment>,
    is_overdue: bool,
    watches_looks: bool,
    baseline: Option<Moment>,
    desk_href: String,
    changes_href: String,
    policy_href: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    RawQuery(query): RawQuery,
) -> Drawn {
    let site = Chosen::of(&console, query.as_deref().unwrap_or_default())?;
    let now = console.now();
    let pages = &console.0.pages;
    let overview = pages.overview(&site.id).await?;
    let all = Part { cursor: None, limit: LIMIT_MAX };
    let lately = pages.changes(&site.id, ChangeFilter::default(), all).await?.items;
    let open = ChangeFilter { state: Some(ChangeState::Open), ..ChangeFilter::default() };
    let few = Part { cursor: None, limit: CHANGES_SHOWN };
    let open = pages.changes(&site.id, open, few).await?.items;
    let (tone, sentence, action) = standing(&overview, &site);
    draw(&Page {
        shell: &Shell { refresh: Some(REFRESH_SECONDS), ..console.frame(&staff, "Pages", "/pages") },
        classes_href: site.url("/pages/classes", &[]),
        head: site.head("/pages"),
        tone,
        sentence,
        action,
        classes: overview.classes.iter().map(|class| card(class, &site, now)).collect(),
        changes: open.iter().map(|change| Row::new(change, &site, now)).collect(),
        changes_href: site.url("/pages/changes", &[]),
        chart: (!lately.is_empty()).then(|| by_day(&lately, now)),
        stopped: overview.stopped_origins.into_iter().map(|stop| (stop.origin, stop.reason)).collect(),
    })
}

/// How it stands in one sentence, and what to do about it.
fn standing(overview: &SiteOverview, site: &Chosen) -> (Tone, String, Option<(&'static str, String)>) {
    let sum = |of: fn(&ClassOverview) -> u64| overview.classes.iter().map(of).sum::<u64>();
    let payment = overview.classes.iter().find(|class| class.class == PageClass::Payment);
    let of_payment = |of: fn(&ClassOverview) -> u64| payment.map_or(0, of);
    let waiting = of_payment(|class| class.scripts.new);
    let elsewhere = sum(|class| class.scripts.new) - waiting;
    let (critical, open) = (sum(|class| class.changes_critical), sum(|class| class.changes_open));
    let overdue = sum(|class| class.looks_overdue);
    let link = |label, path: &str, pairs: &[(&str, &str)]| Some((label, site.url(path, pairs)));
    if sum(|class| class.page_views) == 0 {
        let text = "No page was seen yet. Open the checkout of the shop once, then look here again.";
        return (Tone::Info, text.to_owned(), None);
    }
    if critical > 0 {
        let text = counted(critical, "critical change waits", "critical changes wait");
        let open = link("Look", "/pages/changes", &[("state", "open"), ("severity", "critical")]);
        return (Tone::Danger, format!("{text} for a look."), open);
    }
    if !overview.classes_confirmed {
        let text = "Gabion guessed which pages are for paying. Say whether that is right.";
        return (Tone::Warn, text.to_owned(), link("Look at the guess", "/pages/classes", &[]));
    }
    if waiting > 0 {
        let text =
            counted(waiting, "script on your payment pages waits", "scripts on your payment pages wait");
        return (Tone::Warn, format!("{text} for your word."), link("Decide", "/pages/desk", &[]));
    }
    if overdue > 0 {
        let text = counted(overdue, "payment page was", "payment pages were");
        let sentence = format!("{text} not seen from outside for seven days.");
        return (Tone::Warn, sentence, link("Look at pages", "/pages/classes", &[]));
    }
    if open > 0 {
        let text = counted(open, "change waits", "changes wait");
        let open = link("Look", "/pages/changes", &[("state", "open")]);
        return (Tone::Info, format!("{text} for a look."), open);
    }
    if payment.is_none() {
        return (Tone::Info, "No payment page was seen yet.".to_owned(), None);
    }
    if elsewhere > 0 {
        let text = counted(elsewhere, "script elsewhere waits", "scripts elsewhere wait");
        let sentence = format!("Everything on your payment pages is decided; {text} for your word.");
        return (Tone::Ok, sentence, link("Decide", "/pages/desk", &[]));
    }
    (Tone::Ok, "Nothing changed on your pages since you approved them.".to_owned(), None)
}

fn card(class: &ClassOverview, site: &Chosen, now: Timestamp) -> Card {
    let name = class.class.as_str();
    let moment = |at: Option<Timestamp>| at.map(|at| Moment::new(at, now));
    let seen = match class.last_seen {
        Some(last) => {
            let last = Moment::new(last, now).relative;
            format!("{}, last {last}", counted(class.page_views, "time", "times"))
        }
        None => "not yet".to_owned(),
    };
    Card {
        title: words::class(class.class),
        stage: words::stage(class.stage),
        waiting: counted(class.scripts.new, "waits", "wait"),
        waits: class.scripts.new > 0,
        approved: class.scripts.authorized,
        denied: class.scripts.denied,
        open: match class.changes_open {
            0 => "none".to_owned(),
            open => counted(open, "change", "changes"),
        },
        has_critical: class.changes_critical > 0,
        seen,
        last_look: moment(class.last_look),
        is_overdue: class.looks_overdue > 0,
        watches_looks: class.class == PageClass::Payment,
        baseline: moment(class.baseline_at),
        desk_href: site.url("/pages/desk", &[("class", name)]),
        changes_href: site.url("/pages/changes", &[("class", name), ("state", "open")]),
        policy_href: format!("{}#{name}", site.url("/pages/policy", &[])),
    }
}

/// Changes by day and severity.
fn by_day(changes: &[ChangeView], now: Timestamp) -> Svg {
    let age = |at: Timestamp| usize::try_from(now.since(at).as_secs() / DAY.as_secs()).unwrap_or(usize::MAX);
    let points = |severity: Severity| {
        let of = |day: usize| {
            changes
                .iter()
                .filter(move |change| change.severity == severity && age(change.at) == DAYS - 1 - day)
        };
        (0..DAYS).map(|day| Some(of(day).map(|_| 1.0).sum())).collect()
    };
    let series = |name: &str, ink, severity| Series { name: name.to_owned(), ink, points: points(severity) };
    let label = |day: usize| match DAYS - 1 - day {
        0 => "today".to_owned(),
        ago => format!("\u{2212}{ago} d"),
    };
    chart::stacked_area(&LineChart {
        title: "Changes by day".to_owned(),
        series: vec![
            series("critical", Ink::Danger, Severity::Critical),
            series("warning", Ink::Warn, Severity::Warning),
            series("good to know", Ink::Shop, Severity::Info),
        ],
        labels: (0..DAYS).map(label).collect(),
        unit: Unit::Count,
        height: HEIGHT,
    })
}

impl Card {
    fn status(&self) -> Status {
        if self.waits { Status::Degraded } else { Status::Ok }
    }
}
