//! Where in the file something is wrong, and what the writer may have meant.

use std::ops::Range;
use std::path::Path;

use gabion_edge::config::Invalid;

use super::ConfigError;

/// Names less alike than this are not offered. Jaro-Winkler, 1 is equal.
const LIKENESS_MIN: f64 = 0.75;

/// An error of the TOML parser or of a section's shape.
pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span();
    let section = span.as_ref().and_then(|span| section(text, span.start));
    let message = error.message().lines().next().unwrap_or_default();
    let within = section.map(|section| format!(" in {section}")).unwrap_or_default();
    let (message, nearest) = match quoted(message).as_slice() {
        [name, valid @ ..] if message.starts_with("unknown field") => {
            (format!("unknown key `{name}`{within}"), nearest(name, valid))
        }
        [name, ..] if message.starts_with("missing field") => (format!("missing key `{name}`{within}"), None),
        [name, valid @ ..] if message.starts_with("unknown variant") => {
            (format!("unknown value `{name}`, there are {}", valid.join(", ")), nearest(name, valid))
        }
        _ => (message.to_owned(), None),
    };
    ConfigError {
        path: path.to_owned(),
        place: span.map(|span| line_and_column(text, span.start)),
        message,
        nearest,
    }
}

/// Something in a section that cannot work.
pub(super) fn invalid(path: &Path, text: &str, invalid: Invalid) -> ConfigError {
    let place =
        invalid.span.filter(|span| !span.is_empty()).map(|Range { start, .. }| line_and_column(text, start));
    ConfigError { path: path.to_owned(), place, message: invalid.message, nearest: None }
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    (line, column)
}

/// The header of the table that `at` lies in, unless `at` is the header itself.
fn section(text: &str, at: usize) -> Option<&str> {
    let line_start = text[..at.min(text.len())].rfind('\n').map_or(0, |newline| newline + 1);
    let here = text[line_start..].lines().next().unwrap_or_default().trim();
    if here.starts_with('[') && !text[line_start..at].trim().is_empty() {
        return None;
    }
    let up_to_here = &text[..line_start + here.len().min(text.len() - line_start)];
    up_to_here.lines().rev().map(str::trim).find(|line| line.starts_with('[') && line.ends_with(']'))
}

/// The names between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

fn nearest(name: &str, valid: &[&str]) -> Option<String> {
    let likeness = |candidate: &&str| strsim::jaro_winkler(name, candidate);
    let best = valid.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= LIKENESS_MIN).then(|| (*best).to_owned())
}
