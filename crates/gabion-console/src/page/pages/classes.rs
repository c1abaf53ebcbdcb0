//! What pages are for: proposed from traffic, confirmed by a person.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Timestamp;
use gabion_markup::PageClass;
use gabion_markup::class::ClassRule;
use gabion_page::format;
use gabion_page::shell::Shell;
use gabion_pages::class::ClassesView;
use gabion_pages::overview::PageView;
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff, Viewer};
use serde::Deserialize;

use super::site::{Chosen, Head};
use super::{mistake, one_or_many};
use crate::Console;
use crate::problem::{Drawn, draw};
use crate::words::Moment;
use crate::words::pages as words;

/// Empty rows of the form, for pages that nobody proposed.
const ROWS_FREE: usize = 3;

#[derive(Template)]
#[template(path = "pages/classes.html")]
struct Page<'a> {
    shell: &'a Shell,
    head: Head,
    site: String,
    wrong: String,
    is_confirmed: bool,
    rules: Vec<Rule>,
    pages: Vec<Seen>,
    operates: bool,
}

/// A row of the form.
struct Rule {
    path: String,
    why: String,
    choices: Vec<(&'static str, &'static str, bool)>,
}

/// A page that was seen.
struct Seen {
    path: String,
    class: &'static str,
    why: String,
    servings: String,
    last_seen: Moment,
    outside: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    RawQuery(query): RawQuery,
) -> Drawn {
    let site = Chosen::of(&console, query.as_deref().unwrap_or_default())?;
    let classes = console.0.pages.classes(&site.id).await?;
    let rules = proposed(&classes);
    page(&console, &staff, &site, classes.confirmed.is_some(), rules, String::new()).await
}

/// The rules in force, after those for pages that look like something else.
fn proposed(classes: &ClassesView) -> Vec<Rule> {
    let new = classes.unexplained.iter().map(|page| rule(&page.path, page.proposed, reasons(&page.reasons)));
    let rules = classes.confirmed.as_ref().unwrap_or(&classes.proposed);
    let known = rules.iter().map(|known| rule(known.path.as_str(), known.class, String::new()));
    let free = (0..ROWS_FREE).map(|_| rule("", PageClass::Other, String::new()));
    new.chain(known).chain(free).collect()
}

fn rule(path: &str, class: PageClass, why: String) -> Rule {
    let choices = PageClass::ALL.map(|one| (one.as_str(), words::purpose(one), one == class));
    Rule { path: path.to_owned(), why, choices: choices.to_vec() }
}

async fn page(
    console: &Console,
    staff: &Staff,
    site: &Chosen,
    is_confirmed: bool,
    rules: Vec<Rule>,
    wrong: String,
) -> Drawn {
    let now = console.now();
    let pages = console.0.pages.pages(&site.id).await?;
    draw(&Page {
        shell: &console.frame(staff, "What pages are for", "/pages"),
        head: site.head("/pages"),
        site: site.id.to_string(),
        wrong,
        is_confirmed,
        rules,
        pages: pages.iter().map(|page| seen(page, now)).collect(),
        operates: staff.role.operates(),
    })
}

fn seen(page: &PageView, now: Timestamp) -> Seen {
    let outside = match (page.class, page.look_ok_at, &page.look_error) {
        (_, _, Some(error)) => format!("the last look failed: {error}"),
        (_, Some(at), None) => Moment::new(at, now).relative,
        (PageClass::Payment, None, None) => "not yet".to_owned(),
        (_, None, None) => String::new(),
    };
    Seen {
        path: page.path.clone(),
        class: words::class(page.class),
        why: reasons(&page.reasons),
        servings: format::count(page.servings),
        last_seen: Moment::new(page.last_seen, now),
        outside,
    }
}

/// Why a page looks like something, in words.
fn reasons(codes: &[String]) -> String {
    let words: Vec<_> = codes
        .iter()
        .map(|code| match code.as_str() {
            "card_fields" => "it has fields for cards",
            "password_field" => "it asks for a password",
            "path" => "its address says so",
            "payment_provider" => "a payment company is on it",
            other => other,
        })
        .collect();
    words.join(", ")
}

/// A wish as the form holds it: paths and what they are for, row by row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirm {
    site: String,
    #[serde(default, deserialize_with = "one_or_many")]
    path: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    class: Vec<String>,
}

pub(super) async fn confirm(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Confirm>,
) -> Result<Response, Problem> {
    let site = Chosen::named(&console, Some(&wish.site))?;
    let wrong = match read(&wish.path, &wish.class) {
        Err(wrong) => wrong,
        Ok(rules) => {
            let by = Principal::Staff(staff.clone()).actor();
            match console.0.pages.set_classes(&site.id, rules, by).await {
                Ok(_) => return Ok(Redirect::to(&site.url("/pages", &[])).into_response()),
                Err(error) => mistake(error)?,
            }
        }
    };
    let typed = wish.path.iter().zip(&wish.class);
    let rows = typed.map(|(path, class)| rule(path, class.parse().unwrap_or_default(), String::new()));
    Ok(page(&console, &staff, &site, false, rows.collect(), wrong).await?.into_response())
}

/// The rules of a form; rows without a path are left out.
///
/// # Errors
/// The sentence for whoever typed it.
fn read(paths: &[String], classes: &[String]) -> Result<Vec<ClassRule>, String> {
    if paths.len() != classes.len() {
        return Err("the form lacks a field; load it again".to_owned());
    }
    let rows = paths.iter().zip(classes).filter(|(path, _)| !path.trim().is_empty());
    rows.map(|(path, class)| {
        let shown = gabion_core::limits::cut(path.trim(), 80);
        let path = path.trim().parse().map_err(|error| format!("{shown}: {error}"))?;
        let class = class.parse().map_err(|error| format!("{error}"))?;
        Ok(ClassRule { path, class })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_rows_are_left_out_and_wrong_ones_named() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let rules = read(&texts(&["/checkout/*", " "]), &texts(&["payment", "other"])).expect("rules");
        assert_eq!(rules.len(), 1);
        assert_eq!((rules[0].path.as_str(), rules[0].class), ("/checkout/*", PageClass::Payment));
        assert!(
            read(&texts(&["checkout"]), &texts(&["payment"])).is_err_and(|wrong| wrong.contains("checkout"))
        );
        assert!(read(&texts(&["/a"]), &texts(&["paying"])).is_err_and(|wrong| wrong.contains("payment")));
        assert!(read(&texts(&["/a", "/b"]), &texts(&["other"])).is_err());
    }
}
