//! Charts as accessible SVG, drawn on the server, without scripts and without colors of their own.
//!
//! Every chart is `role="img"` with a sentence that says what it shows. Colors come from classes in `gabion.css`, so both
//! color schemes work. Widths are fluid: curves stretch, text keeps its size. Any input is drawable: values that are not
//! finite count as missing, huge ones are cut at [`VALUE_MAX`].

use crate::format;
use askama::filters::HtmlSafe;
use std::fmt;

mod area;
mod bars;
mod flows;
mod frame;
mod line;
mod scale;

pub use area::stacked_area;
pub use bars::{Bar, BarChart, Meter, bars, meter};
pub use flows::{Flow, FlowChart, FlowEnd, flows};
pub use line::{line, sparkline};

/// Largest size of a value; larger ones are drawn as this.
pub const VALUE_MAX: f64 = 1e18;
/// Points of one series; of more, the last ones are drawn. A screen shows no more.
pub const POINTS_MAX: usize = 2000;
/// Series of one chart; further ones are left out. Nobody can tell more lines apart.
pub const SERIES_MAX: usize = 8;
/// Bars of one chart; further ones are left out.
pub const BARS_MAX: usize = 50;

/// A finished chart; prints as HTML and is not escaped in templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Svg(String);

impl Svg {
    /// The markup.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Svg {}

/// Color of a mark, by meaning; prints as the suffix of its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// The shop's share.
    Shop,
    /// Gabion's share.
    Gabion,
    /// As it should be.
    Ok,
    /// Needs a look soon.
    Warn,
    /// Needs a look now.
    Danger,
    /// First of several without a meaning of their own.
    First,
    /// Second of several.
    Second,
    /// Third of several.
    Third,
    /// Fourth of several.
    Fourth,
}

impl fmt::Display for Ink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shop => "shop",
            Self::Gabion => "gabion",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Danger => "danger",
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
            Self::Fourth => "fourth",
        })
    }
}

/// What the numbers of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    Count,
    /// Events per second.
    PerSecond,
    /// Milliseconds.
    Milliseconds,
    /// Bytes.
    Bytes,
    /// A share of one.
    Share,
}

impl Unit {
    /// The value with its unit, in three digits.
    #[must_use]
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Count => format::short(value),
            Self::PerSecond => format!("{}/s", format::short(value)),
            Self::Milliseconds => format::milliseconds(value),
            Self::Bytes => format::bytes_of(value),
            Self::Share => format::percent(value),
        }
    }
}

/// One curve.
#[derive(Debug, Clone)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Color of the curve.
    pub ink: Ink,
    /// Values from left to right; `None` leaves a gap.
    pub points: Vec<Option<f64>>,
}

/// Several curves over one axis, for [`line()`] and [`stacked_area`].
#[derive(Debug, Clone)]
pub struct LineChart {
    /// What is shown; begins the sentence for screen readers.
    pub title: String,
    /// Curves, the lowest of a stack first.
    pub series: Vec<Series>,
    /// Label of each point, usually a time; a handful of them is shown.
    pub labels: Vec<String>,
    /// Unit of every value.
    pub unit: Unit,
    /// Height of the plotted area in CSS pixels, held between 40 and 600.
    pub height: u32,
}

/// Text as it may stand in markup; control characters are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !character.is_control()) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not characters of XML 1.0, section 2.2.
            '\u{fffe}' | '\u{ffff}' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// A value that can be drawn, or nothing.
fn drawable(value: f64) -> Option<f64> {
    value.is_finite().then(|| value.clamp(-VALUE_MAX, VALUE_MAX))
}

#[cfg(test)]
mod tests;
