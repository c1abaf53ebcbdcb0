//! Bars that compare, and the distance to a limit.

use super::{BARS_MAX, Ink, Svg, Unit, drawable, escape};

/// Height of one bar with its text, in CSS pixels.
const ROW: u32 = 36;
/// Height of the bar itself, in CSS pixels.
const THICKNESS: u32 = 8;
/// What is not zero stays visible, in percent of the whole width.
const SLIVER_PERCENT: f64 = 0.75;
/// Share of a limit from which a meter warns.
const WARN_SHARE: f64 = 0.75;
/// Share of a limit from which a meter alarms.
const DANGER_SHARE: f64 = 0.9;

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// Its length; negative values count as zero.
    pub value: f64,
    /// Its color.
    pub ink: Ink,
}

/// Values to compare, one below the other.
#[derive(Debug, Clone)]
pub struct BarChart {
    /// What is shown; begins the sentence for screen readers.
    pub title: String,
    /// From top to bottom; see [`BARS_MAX`].
    pub bars: Vec<Bar>,
    /// Unit of every value.
    pub unit: Unit,
}

/// A value and the limit it must not reach.
#[derive(Debug, Clone)]
pub struct Meter {
    /// What is measured.
    pub label: String,
    /// Where it stands.
    pub value: f64,
    /// Where it must not go.
    pub limit: f64,
    /// Unit of both.
    pub unit: Unit,
}

/// Draws horizontal bars, the longest over the whole width.
#[must_use]
pub fn bars(chart: &BarChart) -> Svg {
    let rows: Vec<Row> = chart.bars.iter().take(BARS_MAX).map(|bar| Row::of(bar, chart.unit)).collect();
    let longest = rows.iter().map(|row| row.value).fold(0.0, f64::max);
    let told: Vec<String> = rows.iter().map(|row| format!("{} {}", row.label, row.shown)).collect();
    let told = if told.is_empty() { "no values yet".to_owned() } else { told.join(", ") };
    drawn(&format!("{}: {told}", chart.title), &rows, longest)
}

/// Draws how far a value is from its limit; the color warns at 75 % and alarms at 90 %.
#[must_use]
pub fn meter(meter: &Meter) -> Svg {
    let value = drawable(meter.value).unwrap_or(0.0).max(0.0);
    let limit = drawable(meter.limit).unwrap_or(0.0).max(0.0);
    // A limit of zero is reached by anything.
    let share = if limit > 0.0 {
        value / limit
    } else if value > 0.0 {
        1.0
    } else {
        0.0
    };
    let ink = match share {
        share if share >= DANGER_SHARE => Ink::Danger,
        share if share >= WARN_SHARE => Ink::Warn,
        _ => Ink::Gabion,
    };
    let shown = format!("{} of {}", meter.unit.format(value), meter.unit.format(limit));
    let told = format!("{}: {shown}", meter.label);
    drawn(&told, &[Row { label: meter.label.clone(), shown, value: share.min(1.0), ink }], 1.0)
}

struct Row {
    label: String,
    shown: String,
    value: f64,
    ink: Ink,
}

impl Row {
    fn of(bar: &Bar, unit: Unit) -> Self {
        let value = drawable(bar.value);
        let shown = value.map_or_else(|| "–".to_owned(), |value| unit.format(value));
        Self { label: bar.label.clone(), shown, value: value.unwrap_or(0.0).max(0.0), ink: bar.ink }
    }
}

fn drawn(told: &str, rows: &[Row], longest: f64) -> Svg {
    let mut html = format!(
        "<div class=\"chart\"><svg role=\"img\" aria-label=\"{}\" height=\"{}\">",
        escape(told),
        rows.len() * ROW as usize
    );
    for (row, top) in rows.iter().zip((0..).step_by(ROW as usize)) {
        let (text, bar): (u32, u32) = (top + 14, top + 20);
        let width = match row.value {
            value if value > 0.0 => (value / longest * 100.0).max(SLIVER_PERCENT),
            _ => 0.0,
        };
        let (label, shown, ink) = (escape(&row.label), escape(&row.shown), row.ink);
        html.push_str(&format!("<text x=\"0\" y=\"{text}\" class=\"chart-label\">{label}</text>\
             <text x=\"100%\" y=\"{text}\" text-anchor=\"end\">{shown}</text>\
             <rect class=\"chart-track\" x=\"0\" y=\"{bar}\" width=\"100%\" height=\"{THICKNESS}\" rx=\"4\"/>\
             <rect class=\"chart-bar ink-{ink}\" x=\"0\" y=\"{bar}\" width=\"{width:.2}%\" height=\"{THICKNESS}\" rx=\"4\"/>"));
    }
    html.push_str("</svg></div>");
    Svg(html)
}
