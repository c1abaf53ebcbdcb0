//! One script: what it is, what it says, what became different, who decided what.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::{SiteId, Timestamp};
use gabion_page::format;
use gabion_page::shell::Shell;
use gabion_pages::decision::{Authorization, DecisionView, JUSTIFICATION_BYTES_MAX, OWNER_BYTES_MAX};
use gabion_pages::script::{ScriptDetail, ScriptForm, ScriptView, VersionView};
use gabion_pages::{PagesError, ScriptId, Status as Decided};
use gabion_web::page::LIMIT_MAX;
use gabion_web::{CsrfForm, Operator, Page as Part, PathId, Principal, Problem, Staff, Viewer};
use serde::Deserialize;

use super::listing::{self, LINES_SHOWN, Listing, Note};
use super::site::{Chosen, Head};
use super::{mistake, undo};
use crate::Console;
use crate::problem::{Drawn, draw};
use crate::words::Moment;
use crate::words::pages::{self as words, Pill};

/// Letters of a hash that tell two versions apart.
const HASH_LETTERS_SHOWN: usize = 19;

#[derive(Template)]
#[template(path = "pages/script.html")]
struct Page<'a> {
    shell: &'a Shell,
    head: Head,
    facts: Facts,
    suggestions: Vec<String>,
    form: Form,
    wrong: String,
    pinned: bool,
    /// Why it can or cannot be pinned, in a sentence; none where there is nothing to pin.
    pin: Option<Pin>,
    difference: Option<Difference>,
    text: Option<Listing>,
    risks: Vec<Note>,
    versions: Vec<Version>,
    decisions: Vec<undo::Row>,
    back: String,
    operates: bool,
}

/// What a script is, for the desk and its own page.
pub(super) struct Facts {
    pub(super) id: String,
    pub(super) href: String,
    pub(super) label: String,
    pub(super) key: String,
    pub(super) class: &'static str,
    pub(super) status: Pill,
    pub(super) form: &'static str,
    /// Whose it is.
    pub(super) whose: String,
    pub(super) first_seen: Moment,
    pub(super) last_seen: Moment,
    pub(super) seen_by: String,
    pub(super) page: String,
    pub(super) reads: String,
    pub(super) elsewhere: String,
    pub(super) owner: String,
    pub(super) justification: String,
    pub(super) decided: Option<(String, Moment)>,
}

struct Pin {
    sentence: String,
    is_possible: bool,
}

struct Difference {
    old: String,
    new: String,
    summary: String,
    listing: Listing,
}

struct Version {
    hash: String,
    short: String,
    first_seen: Moment,
    last_seen: Moment,
    seen_by: String,
    bytes: String,
}

/// What was typed.
#[derive(Default)]
struct Form {
    justification: String,
    owner: String,
}

impl Facts {
    pub(super) fn new(
        script: &ScriptView,
        elsewhere: &[gabion_markup::PageClass],
        site: &Chosen,
        staff: &Staff,
        now: Timestamp,
    ) -> Self {
        let id = script.id.to_string();
        let elsewhere: Vec<_> = elsewhere.iter().map(|class| words::class_inside(*class)).collect();
        Self {
            href: site.url(&format!("/pages/scripts/{id}"), &[]),
            id,
            label: script.label.clone(),
            key: script.key.clone(),
            class: words::class(script.class),
            status: words::decided(script.status),
            form: words::form(script.form),
            whose: whose(script),
            first_seen: Moment::new(script.first_seen, now),
            last_seen: Moment::new(script.last_seen, now),
            seen_by: words::seen_by(script.seen_by),
            page: script.page.clone(),
            reads: match words::entered(script.reads) {
                Some(what) => format!("{what}, because people type it there"),
                None => "the page; nobody types anything there".to_owned(),
            },
            elsewhere: elsewhere.join(", "),
            owner: script.owner.clone().unwrap_or_default(),
            justification: script.justification.clone().unwrap_or_default(),
            decided: script
                .decided_by
                .as_ref()
                .zip(script.decided_at)
                .map(|(by, at)| (words::who(by, staff), Moment::new(at, now))),
        }
    }
}

/// Whose a script is, in words.
fn whose(script: &ScriptView) -> String {
    match (&script.origin, script.company) {
        (Some(origin), Some(company)) => format!("{company}, from {origin}"),
        (Some(origin), None) if script.is_own => format!("yours, from {origin}"),
        (Some(origin), None) => format!("unknown, from {origin}"),
        (None, _) => "written into your page".to_owned(),
    }
}

/// Reasons that fit a script; a person chooses or writes one.
pub(super) fn suggestions(script: &ScriptView) -> Vec<String> {
    let host = script.origin.as_deref().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let known = host.and_then(gabion_pages::company::of_host);
    let of_company =
        known.map(|known| format!("{} {}; we use it here", known.company, known.purpose.sentence()));
    let own = (script.is_own || script.origin.is_none()).then(|| "Part of our shop".to_owned());
    of_company.into_iter().chain(own).collect()
}

pub(super) async fn show(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    PathId(id): PathId<ScriptId>,
) -> Drawn {
    let detail = console.0.pages.script(id).await?;
    let form = Form {
        justification: detail.script.justification.clone().unwrap_or_default(),
        owner: detail.script.owner.clone().unwrap_or_default(),
    };
    page(&console, &staff, detail, form, String::new()).await
}

async fn page(console: &Console, staff: &Staff, detail: ScriptDetail, form: Form, wrong: String) -> Drawn {
    let now = console.now();
    let site = Chosen::named(console, Some(detail.site.as_str()))?;
    let decisions = decisions(console, &detail.site, detail.script.id).await?;
    let ScriptDetail { script, versions, text, risks, comparison, elsewhere, .. } = detail;
    let facts = Facts::new(&script, &elsewhere, &site, staff, now);
    let difference = comparison.map(|compared| Difference {
        summary: listing::summary(&compared.lines),
        listing: listing::of_comparison(&compared.lines, &risks),
        old: short(&compared.old),
        new: short(&compared.new),
    });
    draw(&Page {
        shell: &console.frame(staff, "Script", "/pages"),
        head: site.head("/pages/desk"),
        suggestions: suggestions(&script),
        form,
        wrong,
        pinned: script.pin.is_some(),
        pin: pin_of(&script),
        difference,
        text: text.map(|text| listing::of_text(&text, &risks, LINES_SHOWN)),
        risks: listing::told(&risks),
        versions: versions.iter().map(|version| versioned(version, now)).collect(),
        decisions: decisions.iter().map(|decision| undo::Row::new(decision, staff, now)).collect(),
        back: facts.href.clone(),
        operates: staff.role.operates(),
        facts,
    })
}

/// The newest decisions about a script.
async fn decisions(
    console: &Console,
    site: &SiteId,
    script: ScriptId,
) -> Result<Vec<DecisionView>, PagesError> {
    let all = console.0.pages.decisions(site, Part { cursor: None, limit: LIMIT_MAX }).await?;
    let id = script.to_string();
    let about = |decision: &DecisionView| decision.items.iter().any(|item| item.subject.contains(&id));
    Ok(all.items.into_iter().filter(about).collect())
}

fn pin_of(script: &ScriptView) -> Option<Pin> {
    if script.form != ScriptForm::Web {
        return None;
    }
    let is_own_pace = script.changes_by_itself;
    let (sentence, is_possible) = match (&script.pin, script.company) {
        (Some(_), _) => {
            ("Browsers run it only while it says what it said when it was pinned.".to_owned(), true)
        }
        (None, Some(company)) if is_own_pace => {
            (format!("{company} changes it without notice: a pin would break the page one day."), false)
        }
        (None, _) if script.status != Decided::Authorized => {
            ("It can be pinned once it is approved.".to_owned(), false)
        }
        (None, _) if script.hash.is_none() => ("Nobody saw yet what it says.".to_owned(), false),
        (None, _) => {
            let text =
                "Pinned, browsers refuse it when it says anything else. Unpin it before you update it.";
            (text.to_owned(), true)
        }
    };
    Some(Pin { sentence, is_possible })
}

fn versioned(version: &VersionView, now: Timestamp) -> Version {
    Version {
        short: short(&version.hash),
        hash: version.hash.clone(),
        first_seen: Moment::new(version.first_seen, now),
        last_seen: Moment::new(version.last_seen, now),
        seen_by: words::seen_by(version.seen_by),
        bytes: version.bytes.map_or_else(|| "unknown".to_owned(), format::bytes),
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(HASH_LETTERS_SHOWN).collect()
}

/// A wish as the form holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decide {
    verdict: String,
    justification: String,
    #[serde(default)]
    owner: String,
}

pub(super) async fn decide(
    State(console): State<Console>,
    Operator(staff): Operator,
    PathId(id): PathId<ScriptId>,
    CsrfForm(wish): CsrfForm<Decide>,
) -> Result<Response, Problem> {
    match verdict(&console, &staff, vec![id], &wish.verdict, &wish.justification, &wish.owner).await? {
        Ok(()) => Ok(Redirect::to(&format!("/pages/scripts/{id}")).into_response()),
        Err(error) => {
            let wrong = mistake(error)?;
            let detail = console.0.pages.script(id).await?;
            let form = Form { justification: wish.justification, owner: wish.owner };
            Ok(page(&console, &staff, detail, form, wrong).await?.into_response())
        }
    }
}

/// Approves or denies scripts with one justification.
///
/// # Errors
/// 400 for another verdict; inside, why it was refused.
pub(super) async fn verdict(
    console: &Console,
    staff: &Staff,
    scripts: Vec<ScriptId>,
    verdict: &str,
    justification: &str,
    owner: &str,
) -> Result<Result<(), PagesError>, Problem> {
    let by = Principal::Staff(staff.clone()).actor();
    let done = match verdict {
        "approve" => {
            let owner = Some(owner.to_owned());
            let authorize = |script| Authorization {
                script,
                justification: justification.to_owned(),
                owner: owner.clone(),
            };
            console.0.pages.authorize(scripts.into_iter().map(authorize).collect(), by).await
        }
        "deny" => console.0.pages.deny(scripts, justification, by).await,
        _ => return Err(Problem::invalid("verdict is approve or deny")),
    };
    Ok(done.map(drop))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPin {
    pinned: String,
}

pub(super) async fn pin(
    State(console): State<Console>,
    Operator(staff): Operator,
    PathId(id): PathId<ScriptId>,
    CsrfForm(wish): CsrfForm<SetPin>,
) -> Result<Response, Problem> {
    let set = console.0.pages.set_pin(id, wish.pinned == "yes", Principal::Staff(staff.clone()).actor());
    match set.await {
        Ok(_) => Ok(Redirect::to(&format!("/pages/scripts/{id}")).into_response()),
        Err(error) => {
            let wrong = mistake(error)?;
            let detail = console.0.pages.script(id).await?;
            Ok(page(&console, &staff, detail, Form::default(), wrong).await?.into_response())
        }
    }
}
