//! Third parties: whose hosts pages talk to, as a picture, a table and a plain list; stopping one.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Timestamp;
use gabion_markup::PageClass;
use gabion_page::chart::{self, FlowChart, FlowEnd, Ink, Svg};
use gabion_page::shell::{Shell, Status};
use gabion_pages::PagesError;
use gabion_pages::third_party::{Flow, ThirdParty};
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff, Viewer};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;

use super::mistake;
use super::site::{Chosen, Head};
use crate::Console;
use crate::page::ask::{Ask, Mistake};
use crate::page::query;
use crate::problem::{Drawn, draw};
use crate::words::Moment;
use crate::words::pages as words;

/// Hosts of the picture: those that could receive most. The table has all.
const DRAWN_MAX: usize = 24;

#[derive(Template)]
#[template(path = "pages/parties.html")]
struct Page<'a> {
    shell: &'a Shell,
    head: Head,
    map: Option<Svg>,
    note: String,
    rows: Vec<Row>,
    list_href: String,
    operates: bool,
}

struct Row {
    host: String,
    company: &'static str,
    purpose: &'static str,
    classes: String,
    ways: String,
    flow: String,
    is_card: bool,
    /// Scripts of it that wait, in words; empty where none does.
    waiting: String,
    first_seen: Moment,
    last_seen: Moment,
    is_stopped: bool,
    /// Where it is stopped, or allowed again.
    act_href: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    RawQuery(query): RawQuery,
) -> Drawn {
    let site = Chosen::of(&console, query.as_deref().unwrap_or_default())?;
    let parties = console.0.pages.third_parties(&site.id).await?;
    let now = console.now();
    let left_out = parties.len().saturating_sub(DRAWN_MAX);
    draw(&Page {
        shell: &console.frame(&staff, "Third parties", "/pages"),
        head: site.head("/pages/third-parties"),
        map: (!parties.is_empty()).then(|| map(&parties)),
        note: match left_out {
            0 => String::new(),
            more => format!("the {DRAWN_MAX} that could receive most; {more} more in the table"),
        },
        rows: parties.iter().map(|party| row(party, &site, now)).collect(),
        list_href: site.url("/pages/third-parties/list.txt", &[]),
        operates: staff.role.operates(),
    })
}

/// Pages on one side, hosts on the other.
fn map(parties: &[ThirdParty]) -> Svg {
    let drawn = &parties[..parties.len().min(DRAWN_MAX)];
    let classes: Vec<PageClass> = PageClass::ALL
        .into_iter()
        .filter(|class| drawn.iter().any(|party| party.classes.contains(class)))
        .collect();
    let end = |party: &ThirdParty| FlowEnd {
        name: host(&party.origin).trim_start_matches("www.").to_owned(),
        note: match (party.is_stopped, party.company) {
            (true, _) => "stopped".to_owned(),
            (false, Some(company)) => company.to_owned(),
            (false, None) => "unknown".to_owned(),
        },
    };
    let lines = drawn.iter().enumerate().flat_map(|(to, party)| {
        let from = classes.iter().enumerate().filter(|(_, class)| party.classes.contains(class));
        from.map(move |(from, _)| chart::Flow {
            from,
            to,
            ink: words::flow_ink(party.flow, party.could_receive),
            is_cut: party.is_stopped,
        })
    });
    chart::flows(&FlowChart {
        title: "Which pages talk to whom".to_owned(),
        left: classes.iter().map(|class| short(*class).to_owned()).collect(),
        right: drawn.iter().map(end).collect(),
        flows: lines.collect(),
        legend: legend(drawn),
    })
}

/// A class in one or two words that fit beside the lines on a phone.
const fn short(class: PageClass) -> &'static str {
    match class {
        PageClass::Payment => "Payment",
        PageClass::SignIn => "Sign-in",
        PageClass::Account => "Account",
        PageClass::Other => "Other pages",
    }
}

/// The colors that are there, the gravest first.
fn legend(parties: &[ThirdParty]) -> Vec<(Ink, String)> {
    [
        (Ink::Danger, "could read card data"),
        (Ink::Warn, "could read what people type"),
        (Ink::Second, "has a frame of its own"),
        (Ink::Fourth, "gets what scripts send"),
        (Ink::Shop, "learns which page is looked at"),
    ]
    .into_iter()
    .filter(|(ink, _)| parties.iter().any(|party| words::flow_ink(party.flow, party.could_receive) == *ink))
    .map(|(ink, word)| (ink, word.to_owned()))
    .collect()
}

fn host(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

fn row(party: &ThirdParty, site: &Chosen, now: Timestamp) -> Row {
    let classes: Vec<_> = party.classes.iter().map(|class| words::class(*class)).collect();
    let ways: Vec<_> = party.ways.iter().map(|way| words::way(*way)).collect();
    let act = if party.is_stopped { "allow" } else { "stop" };
    Row {
        host: host(&party.origin).to_owned(),
        company: party.company.unwrap_or_default(),
        purpose: party.purpose.unwrap_or_default(),
        classes: classes.join(", "),
        ways: ways.join(", "),
        flow: words::flow(party.flow, party.could_receive),
        is_card: party.flow == Flow::FormAccess
            && words::flow_ink(party.flow, party.could_receive) == Ink::Danger,
        waiting: match party.scripts_new {
            0 => String::new(),
            1 => "; 1 script waits for your word".to_owned(),
            more => format!("; {more} scripts wait for your word"),
        },
        first_seen: Moment::new(party.first_seen, now),
        last_seen: Moment::new(party.last_seen, now),
        is_stopped: party.is_stopped,
        act_href: query::url(
            "/pages/third-parties/decide",
            &[("site", site.id.as_str()), ("origin", &party.origin), ("act", act)],
        ),
    }
}

/// The list for a page about privacy, to take away.
pub(super) async fn download(
    State(console): State<Console>,
    _: Viewer,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let site = Chosen::of(&console, query.as_deref().unwrap_or_default())?;
    let list = console.0.pages.privacy_list(&site.id).await?;
    let name = format!("attachment; filename=\"third-parties-{}.txt\"", site.id);
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], list)
        .into_response())
}

/// A wish as link and form hold it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    site: String,
    origin: String,
    act: String,
    #[serde(default)]
    reason: String,
}

pub(super) async fn ask(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let query = query.unwrap_or_default();
    let site = Chosen::of(&console, &query)?;
    let value = |name| query::value(&query, name).unwrap_or_default();
    let wish =
        Wish { site: site.id.to_string(), origin: value("origin"), act: value("act"), reason: String::new() };
    question(&console, &staff, &site, wish, Mistake::default()).await
}

pub(super) async fn decide(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Wish>,
) -> Result<Response, Problem> {
    let site = Chosen::named(&console, Some(&wish.site))?;
    let by = Principal::Staff(staff.clone()).actor();
    let pages = &console.0.pages;
    let done = match wish.act.as_str() {
        "stop" => pages.stop_origin(&site.id, &wish.origin, &wish.reason, by).await,
        "allow" => pages.allow_origin(&site.id, &wish.origin, by).await,
        _ => return Err(Problem::invalid("act is stop or allow")),
    };
    let refused = match done {
        Ok(_) => return Ok(Redirect::to(&site.url("/pages/third-parties", &[])).into_response()),
        Err(PagesError::Field { field: "justification", reason }) => Mistake::in_reason(reason),
        Err(error) => Mistake { refused: mistake(error)?, ..Mistake::default() },
    };
    Ok(question(&console, &staff, &site, wish, refused).await?.into_response())
}

async fn question(console: &Console, staff: &Staff, site: &Chosen, wish: Wish, mistake: Mistake) -> Drawn {
    let stops = match wish.act.as_str() {
        "stop" => true,
        "allow" => false,
        _ => return Err(Problem::invalid("act is stop or allow")),
    };
    let parties = console.0.pages.third_parties(&site.id).await?;
    let party = parties.iter().find(|party| party.origin == wish.origin);
    let party = party.ok_or_else(|| Problem::not_found("no page of this site talks to that host"))?;
    let host = host(&party.origin);
    let classes: Vec<_> = party.classes.iter().map(|class| words::class_inside(*class)).collect();
    let explanation = if stops {
        vec![
            format!("From now on no script from {host} runs on any page of {}.", site.name),
            format!("It is on {} now. Whatever needs it there stops working.", classes.join(", ")),
            "What is not a script, such as pictures and frames, is decided on the page of approvals."
                .to_owned(),
            "You can allow it again at any time; both work at once.".to_owned(),
        ]
    } else {
        vec![
            format!("Scripts from {host} run again on pages of {}.", site.name),
            "Scripts of it that were denied one by one stay denied.".to_owned(),
        ]
    };
    let title = if stops { format!("Stop {host}?") } else { format!("Allow {host} again?") };
    draw(&Ask {
        shell: &console.frame(staff, &title, "/pages"),
        explanation,
        action: "/pages/third-parties/decide",
        hidden: vec![("site", wish.site), ("origin", wish.origin), ("act", wish.act)],
        reason: stops.then_some(wish.reason),
        mistake,
        label: if stops { "Stop it".to_owned() } else { "Allow it again".to_owned() },
        back: "/pages/third-parties",
    })
}
