//! What changed between two versions of a script, line by line of their layout.

use std::collections::HashMap;

use serde::Serialize;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::layout::{Layout, Line, lay_out};

/// Lines of a comparison that are kept.
pub const CHANGES_MAX: usize = 400;
/// Unchanged lines shown around changed ones.
const CONTEXT_LINES: usize = 2;
/// Lines of either version that are put in relation. Above it lines only count as there or not, for relating them takes
/// the square of their number.
const RELATED_LINES_MAX: usize = 3000;

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Changed lines and a few around them, in order.
    pub changes: Vec<Change>,
    /// How many lines were added in all.
    pub added: usize,
    /// How many lines were removed in all.
    pub removed: usize,
    /// Whether there is more than is kept or was looked at.
    pub is_partial: bool,
}

/// One line of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which version has it.
    pub side: Side,
    /// Its number, from 1, in the version that has it; in the new one when both do.
    pub line: usize,
    /// The line.
    pub text: String,
}

/// Which version has a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Both.
    Both,
    /// The old one: it was removed.
    Old,
    /// The new one: it was added.
    New,
}

/// Compares two versions of a script.
pub fn compare(old: &str, new: &str) -> Comparison {
    let (old, new) = (lay_out(old), lay_out(new));
    let mut comparison = Comparison { is_partial: old.is_partial || new.is_partial, ..Comparison::default() };
    let (old_texts, new_texts) = (texts(&old), texts(&new));
    let start = old_texts.iter().zip(&new_texts).take_while(|(a, b)| a == b).count();
    let rest = (old_texts.len() - start).min(new_texts.len() - start);
    let backwards = old_texts.iter().rev().zip(new_texts.iter().rev());
    let end = backwards.take(rest).take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old_texts.len() - end, new_texts.len() - end);
    let mut note = Note { comparison: &mut comparison, old: &old.lines, new: &new.lines };
    note.both(start.saturating_sub(CONTEXT_LINES)..start);
    if (old_end - start).max(new_end - start) <= RELATED_LINES_MAX {
        let (old_part, new_part) = (&old_texts[start..old_end], &new_texts[start..new_end]);
        for step in capture_diff_slices(Algorithm::Myers, old_part, new_part) {
            note.step(&step, start);
        }
    } else {
        note.unrelated(start, &old_texts[start..old_end], &new_texts[start..new_end]);
    }
    note.both(new_end..(new_end + CONTEXT_LINES).min(new_texts.len()));
    if comparison.added + comparison.removed == 0 {
        comparison.changes.clear();
    }
    comparison
}

fn texts(layout: &Layout) -> Vec<&str> {
    layout.lines.iter().map(|line| line.text.as_str()).collect()
}

struct Note<'a> {
    comparison: &'a mut Comparison,
    old: &'a [Line],
    new: &'a [Line],
}

impl Note<'_> {
    fn step(&mut self, step: &DiffOp, start: usize) {
        let (old, new) = (step.old_range(), step.new_range());
        let (old, new) = (old.start + start..old.end + start, new.start + start..new.end + start);
        if let DiffOp::Equal { .. } = step {
            if new.len() <= 2 * CONTEXT_LINES {
                return self.both(new);
            }
            self.both(new.start..new.start + CONTEXT_LINES);
            return self.both(new.end - CONTEXT_LINES..new.end);
        }
        old.for_each(|at| self.removed(at));
        new.for_each(|at| self.added(at));
    }

    /// Lines that only one version has, each as often as it has it more often.
    fn unrelated(&mut self, start: usize, old: &[&str], new: &[&str]) {
        let mut counts: HashMap<&str, i64> = HashMap::new();
        new.iter().for_each(|text| *counts.entry(text).or_default() -= 1);
        for (at, text) in old.iter().enumerate() {
            let count = counts.entry(text).or_default();
            *count += 1;
            if *count > 0 {
                self.removed(start + at);
            }
        }
        for (at, text) in new.iter().enumerate() {
            let count = counts.entry(text).or_default();
            if *count < 0 {
                *count += 1;
                self.added(start + at);
            }
        }
    }

    fn both(&mut self, lines: std::ops::Range<usize>) {
        lines.for_each(|at| self.keep(Side::Both, at, self.new));
    }

    fn removed(&mut self, at: usize) {
        self.comparison.removed += 1;
        self.keep(Side::Old, at, self.old);
    }

    fn added(&mut self, at: usize) {
        self.comparison.added += 1;
        self.keep(Side::New, at, self.new);
    }

    fn keep(&mut self, side: Side, at: usize, lines: &[Line]) {
        if self.comparison.changes.len() < CHANGES_MAX {
            let text = lines[at].text.clone();
            self.comparison.changes.push(Change { side, line: at + 1, text });
        } else {
            self.comparison.is_partial = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> Vec<String> {
        let sign = |side| match side {
            Side::Both => ' ',
            Side::Old => '-',
            Side::New => '+',
        };
        let comparison = compare(old, new);
        comparison.changes.iter().map(|change| format!("{}{}", sign(change.side), change.text)).collect()
    }

    #[test]
    fn a_line_in_a_minified_script_is_found() {
        let old = "a();b();c();d();e();f();g();h()";
        let new = "a();b();c();d();steal();e();f();g();i()";
        assert_eq!(
            shown(old, new),
            [" c();", " d();", "+steal();", " e();", " f();", " g();", "-h()", "+i()"]
        );
        assert_eq!(shown(old, old), Vec::<String>::new());
        assert_eq!(shown("", "a"), ["+a"]);
    }

    #[test]
    fn large_differences_are_counted_and_bounded() {
        let script = |n: usize| (0..5000).map(|line| format!("f{}();", line * n)).collect::<String>();
        let comparison = compare(&script(1), &script(2));
        assert_eq!((comparison.added, comparison.removed), (2500, 2500));
        assert_eq!((comparison.changes.len(), comparison.is_partial), (CHANGES_MAX, true));
    }
}
