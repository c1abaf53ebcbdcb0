//! Evidence: a period, a statement in words, and the signed record to take away.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use gabion_core::Timestamp;
use gabion_page::shell::Shell;
use gabion_pages::evidence::{EVIDENCE_DAYS_MAX, Period, REQUIREMENTS, Requirement};
use gabion_web::{CsrfForm, Principal, Problem, Staff, Viewer};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;

use super::mistake;
use super::site::{Chosen, Head};
use crate::Console;
use crate::page::query;
use crate::problem::{Drawn, draw};
use crate::words::jiff;

/// Days that are shown at first.
const DAYS_DEFAULT: u64 = 90;
const DAY_SECONDS: u64 = 24 * 3600;

#[derive(Template)]
#[template(path = "pages/evidence.html")]
struct Page<'a> {
    shell: &'a Shell,
    head: Head,
    site: String,
    from: String,
    to: String,
    wrong: String,
    statement: Vec<Block>,
    requirements: [Requirement; 5],
    key: String,
}

/// A part of the statement.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    Title(String),
    Heading(String),
    Text(String),
    Items(Vec<String>),
}

/// The first and last day of a period, as a form holds them: `2026-11-23`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Days {
    site: String,
    from: String,
    to: String,
}

impl Days {
    fn lately(site: &Chosen, now: Timestamp) -> Self {
        let first = now.before(std::time::Duration::from_secs(DAYS_DEFAULT * DAY_SECONDS));
        Self { site: site.id.to_string(), from: day_of(first), to: day_of(now) }
    }

    /// Both days count as a whole, in UTC.
    fn period(&self) -> Result<Period, String> {
        let until = start_of(&self.to)?.after(std::time::Duration::from_secs(DAY_SECONDS));
        Ok(Period { from: start_of(&self.from)?, until })
    }
}

fn day_of(at: Timestamp) -> String {
    jiff(at).strftime("%Y-%m-%d").to_string()
}

fn start_of(day: &str) -> Result<Timestamp, String> {
    format!("{day}T00:00:00Z").parse().map_err(|_| "a day is written like 2026-11-23".to_owned())
}

pub(super) async fn show(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    RawQuery(query): RawQuery,
) -> Drawn {
    let query = query.unwrap_or_default();
    let site = Chosen::of(&console, &query)?;
    let mut days = Days::lately(&site, console.now());
    days.from = query::value(&query, "from").unwrap_or(days.from);
    days.to = query::value(&query, "to").unwrap_or(days.to);
    page(&console, &staff, &site, days).await
}

async fn page(console: &Console, staff: &Staff, site: &Chosen, days: Days) -> Drawn {
    let (statement, wrong) = match days.period() {
        Err(wrong) => (String::new(), wrong),
        Ok(period) => match console.0.pages.statement(&site.id, period).await {
            Ok(statement) => (statement, String::new()),
            Err(error) => (String::new(), mistake(error)?),
        },
    };
    draw(&Page {
        shell: &console.frame(staff, "Evidence", "/pages"),
        head: site.head("/pages/evidence"),
        site: days.site,
        from: days.from,
        to: days.to,
        wrong,
        statement: blocks(&statement),
        requirements: REQUIREMENTS,
        key: console.0.pages.evidence_key(),
    })
}

/// The signed record, to take away. Everybody who may look may have it; who took it is in the journal.
pub(super) async fn export(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    CsrfForm(days): CsrfForm<Days>,
) -> Result<Response, Problem> {
    let site = Chosen::named(&console, Some(&days.site))?;
    let by = Principal::Staff(staff.clone()).actor();
    let record = match days.period() {
        Err(_) => return Ok(page(&console, &staff, &site, days).await?.into_response()),
        Ok(period) => console.0.pages.evidence(&site.id, period, by).await,
    };
    match record {
        Ok(record) => {
            let name = format!("attachment; filename=\"pages-{}-{}-{}.json\"", site.id, days.from, days.to);
            let headers = [(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_DISPOSITION, name)];
            Ok((headers, record).into_response())
        }
        Err(error) => {
            mistake(error)?;
            Ok(page(&console, &staff, &site, days).await?.into_response())
        }
    }
}

/// The few forms of Markdown that a statement is written in.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let block = match (line.strip_prefix("# "), line.strip_prefix("## "), line.strip_prefix("- ")) {
            (Some(title), ..) => Block::Title(title.to_owned()),
            (_, Some(heading), _) => Block::Heading(heading.to_owned()),
            (_, _, Some(item)) => match blocks.last_mut() {
                Some(Block::Items(items)) => {
                    items.push(item.to_owned());
                    continue;
                }
                _ => Block::Items(vec![item.to_owned()]),
            },
            _ => Block::Text(line.to_owned()),
        };
        blocks.push(block);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_becomes_headings_texts_and_lists() {
        let owned = str::to_owned;
        let expected = [
            Block::Title(owned("Scripts")),
            Block::Text(owned("It says.")),
            Block::Heading(owned("What")),
            Block::Items(vec![owned("one"), owned("two")]),
        ];
        assert_eq!(blocks("# Scripts\n\nIt says.\n\n## What\n\n- one\n- two\n"), expected);
    }

    #[test]
    fn the_last_day_counts_as_a_whole() {
        let days = |from: &str, to: &str| Days { site: "tea".into(), from: from.into(), to: to.into() };
        let period = days("2026-11-22", "2026-11-23").period().expect("two days");
        assert_eq!(period.until.since(period.from).as_secs(), 2 * DAY_SECONDS);
        assert!(days("yesterday", "2026-11-23").period().is_err());
    }
}
