//! Taking decisions back, and the list of them.

use axum::extract::State;
use axum::response::Redirect;
use gabion_core::Timestamp;
use gabion_pages::DecisionId;
use gabion_pages::decision::{DecisionKind, DecisionView};
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff};
use serde::Deserialize;

use crate::Console;
use crate::words::Moment;
use crate::words::pages as words;

/// Things of one decision that are named.
const ITEMS_NAMED: usize = 3;

/// A decision in a list.
pub(super) struct Row {
    pub(super) at: Moment,
    pub(super) title: &'static str,
    /// About what, with what was and is.
    pub(super) items: Vec<String>,
    pub(super) justification: String,
    pub(super) by: String,
    pub(super) is_undone: bool,
    /// What the form of taking it back sends; none where it cannot be.
    pub(super) undo: Option<String>,
}

impl Row {
    pub(super) fn new(decision: &DecisionView, staff: &Staff, now: Timestamp) -> Self {
        let is_undone = decision.undone_by.is_some();
        let may_undo = staff.role.operates() && !is_undone && decision.kind != DecisionKind::Undo;
        let more = decision.items.len().saturating_sub(ITEMS_NAMED);
        let mut items: Vec<String> = decision
            .items
            .iter()
            .take(ITEMS_NAMED)
            .map(|item| format!("{}: {} → {}", item.label, item.before, item.after))
            .collect();
        if more > 0 {
            items.push(format!("and {more} more"));
        }
        Self {
            at: Moment::new(decision.at, now),
            title: words::decision(decision.kind),
            items,
            justification: decision.justification.clone().unwrap_or_default(),
            by: words::who(&decision.by, staff),
            is_undone,
            undo: may_undo.then(|| decision.id.to_string()),
        }
    }
}

/// A wish as the form holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Undo {
    decision: String,
    back: String,
}

pub(super) async fn undo(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Undo>,
) -> Result<Redirect, Problem> {
    let unknown = |_| Problem::not_found("there is no such decision");
    let id: DecisionId = wish.decision.parse().map_err(unknown)?;
    console.0.pages.undo(id, Principal::Staff(staff).actor()).await?;
    Ok(Redirect::to(back(&wish.back)))
}

/// Where the form stood, if that is a page of ours.
fn back(path: &str) -> &str {
    let is_ours = path == "/pages" || path.starts_with("/pages/") || path.starts_with("/pages?");
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours && is_plain { path } else { "/pages" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_pages_of_ours_only() {
        for (path, expected) in [
            ("/pages/desk?site=tea", "/pages/desk?site=tea"),
            ("/pages?site=tea", "/pages?site=tea"),
            ("//evil.example", "/pages"),
            ("https://evil.example", "/pages"),
            ("/pagesque", "/pages"),
            ("/pages/\r\nx: y", "/pages"),
        ] {
            assert_eq!(back(path), expected, "{path}");
        }
    }
}
