//! Policy: what each class of pages is held to, what that would stop, and how far it is.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Timestamp;
use gabion_markup::PageClass;
use gabion_page::format;
use gabion_page::shell::Shell;
use gabion_pages::decision::{HoldWish, StageWord, TrustWord, UndecidedWord};
use gabion_pages::overview::ClassOverview;
use gabion_pages::proposal::{Breakage, Proposal};
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff, Viewer};
use serde::Deserialize;

use super::mistake;
use super::site::{Chosen, Head};
use crate::Console;
use crate::page::ask::{Ask, Mistake};
use crate::page::query;
use crate::problem::{Drawn, draw};
use crate::words::pages::{self as words, Pill};
use crate::words::{Moment, counted, plural};

/// Things that a policy would stop and that are named.
const BREAKAGE_SHOWN: usize = 30;

#[derive(Template)]
#[template(path = "pages/policy.html")]
struct Page<'a> {
    shell: &'a Shell,
    head: Head,
    site: String,
    wrong: String,
    is_confirmed: bool,
    classes_href: String,
    cards: Vec<Card>,
    operates: bool,
}

/// A class, what it is held to and what it could be.
struct Card {
    name: &'static str,
    title: &'static str,
    pill: Pill,
    stage: &'static str,
    is_enforced: bool,
    is_off: bool,
    undecided: String,
    weighed: String,
    /// Scripts and destinations that wait, in words; empty where none does.
    waiting: String,
    problem: String,
    directives: Vec<(String, String)>,
    policy: String,
    breakage: Vec<Broken>,
    more: String,
    desk_href: String,
    enforce_href: String,
    undecided_choices: Vec<(&'static str, &'static str, bool)>,
    trust_choices: Vec<(&'static str, &'static str, bool)>,
    trust: &'static str,
    undecided_name: &'static str,
    elsewhere: String,
    needs_nonce: bool,
}

/// Something that a policy would stop.
struct Broken {
    label: String,
    directive: String,
    page: String,
    last_seen: Moment,
    told_by: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    RawQuery(query): RawQuery,
) -> Drawn {
    let site = Chosen::of(&console, query.as_deref().unwrap_or_default())?;
    page(&console, &staff, &site, String::new()).await
}

async fn page(console: &Console, staff: &Staff, site: &Chosen, wrong: String) -> Drawn {
    let now = console.now();
    let pages = &console.0.pages;
    let overview = pages.overview(&site.id).await?;
    let mut cards = Vec::new();
    for class in &overview.classes {
        let proposal = pages.proposal(&site.id, class.class).await?;
        cards.push(card(class, proposal, site, now));
    }
    draw(&Page {
        shell: &console.frame(staff, "Policy", "/pages"),
        head: site.head("/pages/policy"),
        site: site.id.to_string(),
        wrong,
        is_confirmed: overview.classes_confirmed,
        classes_href: site.url("/pages/classes", &[]),
        cards,
        operates: staff.role.operates(),
    })
}

fn card(class: &ClassOverview, proposal: Proposal, site: &Chosen, now: Timestamp) -> Card {
    let name = class.class.as_str();
    let more = match proposal.breakage.len().saturating_sub(BREAKAGE_SHOWN) {
        0 => String::new(),
        more => plural(more, "other thing", "other things"),
    };
    Card {
        name,
        title: words::class(class.class),
        pill: words::stage(class.stage),
        stage: class.stage.as_str(),
        is_enforced: class.stage == StageWord::Enforce,
        is_off: class.stage == StageWord::Off,
        undecided: words::undecided(class.undecided, class.elsewhere.as_deref()),
        weighed: weighed(&proposal, now),
        waiting: match proposal.undecided {
            0 => String::new(),
            1 => "1 script or destination waits".to_owned(),
            more => format!("{} scripts and destinations wait", format::count(more)),
        },
        problem: proposal.problem.unwrap_or_default(),
        directives: proposal
            .directives
            .into_iter()
            .map(|(directive, sources)| (directive, sources.join(" ")))
            .collect(),
        policy: proposal.enforced_policy,
        breakage: proposal.breakage.iter().take(BREAKAGE_SHOWN).map(|one| broken(one, now)).collect(),
        more,
        desk_href: site.url("/pages/desk", &[("class", name)]),
        enforce_href: query::url("/pages/policy/enforce", &[("site", site.id.as_str()), ("class", name)]),
        undecided_choices: UndecidedWord::ALL
            .iter()
            .map(|word| (word.as_str(), undecided_choice(*word), class.undecided == *word))
            .collect(),
        trust_choices: TrustWord::ALL
            .iter()
            .map(|word| (word.as_str(), trust_choice(*word), class.trust == *word))
            .collect(),
        trust: class.trust.as_str(),
        undecided_name: class.undecided.as_str(),
        elsewhere: class.elsewhere.clone().unwrap_or_default(),
        needs_nonce: proposal.needs_nonce,
    }
}

fn weighed(proposal: &Proposal, now: Timestamp) -> String {
    let views = counted(proposal.page_views, "page view", "page views");
    let reports = counted(proposal.reports, "report", "reports");
    match proposal.learning_since {
        Some(since) => {
            let since = Moment::new(since, now).relative;
            format!("Weighed with {views} and {reports} of browsers; the first came {since}.")
        }
        None => "No page was seen yet, so there is nothing to weigh it with.".to_owned(),
    }
}

fn broken(one: &Breakage, now: Timestamp) -> Broken {
    Broken {
        label: one.label.clone(),
        directive: one.directive.clone(),
        page: one.page.clone(),
        last_seen: Moment::new(one.last_seen, now),
        told_by: match (one.is_reported_only, one.reports) {
            (true, reports) => {
                format!(
                    "told by browsers only, {}; it may be an extension of a customer",
                    counted(reports, "time", "times")
                )
            }
            (false, 0) => "seen in the page".to_owned(),
            (false, reports) => {
                format!("seen in the page; browsers told {}", counted(reports, "time", "times"))
            }
        },
    }
}

const fn undecided_choice(word: UndecidedWord) -> &'static str {
    match word {
        UndecidedWord::Told => "is told of",
        UndecidedWord::Stopped => "does not run",
        UndecidedWord::Elsewhere => "sends customers to another address",
    }
}

const fn trust_choice(word: TrustWord) -> &'static str {
    match word {
        TrustWord::Auto => "as it fits (recommended)",
        TrustWord::Places => "by place and hash",
        TrustWord::Nonce => "also by a nonce",
        TrustWord::StrictDynamic => "by nonce and hash, and what those load",
    }
}

pub(super) async fn ask(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let query = query.unwrap_or_default();
    let site = Chosen::of(&console, &query)?;
    let class = query::value(&query, "class").and_then(|class| class.parse().ok());
    let class: PageClass = class.ok_or_else(|| Problem::invalid("class is none of the offered ones"))?;
    let overview = console.0.pages.overview(&site.id).await?;
    let found = overview.classes.iter().find(|known| known.class == class);
    let found = found.ok_or_else(|| Problem::not_found("no page of this class was seen yet"))?;
    let proposal = console.0.pages.proposal(&site.id, class).await?;
    let title = words::class_inside(class);
    let mut explanation = vec![
        format!(
            "On {title} of {}, browsers then run only scripts you approved, and send only to places you allowed.",
            site.name
        ),
        weighed(&proposal, console.now()),
    ];
    let breaks = proposal.breakage.len();
    if breaks > 0 {
        let named: Vec<_> = proposal.breakage.iter().take(5).map(|one| one.label.as_str()).collect();
        let more = if breaks > named.len() { " and others" } else { "" };
        explanation.push(format!(
            "It would stop {} that these pages do now: {}{more}.",
            plural(breaks, "thing", "things"),
            named.join(", ")
        ));
    } else {
        explanation.push("Nothing that these pages do now would be stopped.".to_owned());
    }
    explanation.push("You can go back to learning with one click; it works at once.".to_owned());
    let hidden = vec![
        ("site", site.id.to_string()),
        ("class", class.as_str().to_owned()),
        ("stage", StageWord::Enforce.as_str().to_owned()),
        ("undecided", found.undecided.as_str().to_owned()),
        ("elsewhere", found.elsewhere.clone().unwrap_or_default()),
        ("trust", found.trust.as_str().to_owned()),
        ("despite", if breaks > 0 { "yes" } else { "" }.to_owned()),
    ];
    draw(&Ask {
        shell: &console.frame(&staff, &format!("Enforce the policy on {title}?"), "/pages"),
        explanation,
        action: "/pages/policy",
        hidden,
        reason: None,
        mistake: Mistake::default(),
        label: if breaks > 0 { "Enforce it anyway" } else { "Enforce it" }.to_owned(),
        back: "/pages/policy",
    })
}

/// A wish as the forms hold it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
    site: String,
    class: PageClass,
    stage: StageWord,
    undecided: UndecidedWord,
    #[serde(default)]
    elsewhere: String,
    trust: TrustWord,
    #[serde(default)]
    despite: String,
}

pub(super) async fn hold(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Hold>,
) -> Result<Response, Problem> {
    let site = Chosen::named(&console, Some(&wish.site))?;
    let hold = HoldWish {
        stage: wish.stage,
        undecided: wish.undecided,
        elsewhere: Some(wish.elsewhere).filter(|address| !address.is_empty()),
        trust: wish.trust,
        despite_breakage: wish.despite == "yes",
    };
    let by = Principal::Staff(staff.clone()).actor();
    match console.0.pages.set_hold(&site.id, wish.class, hold, by).await {
        Ok(_) => {
            let address = format!("{}#{}", site.url("/pages/policy", &[]), wish.class);
            Ok(Redirect::to(&address).into_response())
        }
        Err(error) => Ok(page(&console, &staff, &site, mistake(error)?).await?.into_response()),
    }
}
