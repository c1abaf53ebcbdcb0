//! What flows from whom to whom: names on two sides and lines between them.

use super::{BARS_MAX, Ink, Svg, escape};

/// Height of one name with what stands below it, in CSS pixels.
const ROW: usize = 44;
/// Where the names on the left end and their lines begin, in percent of the width.
const LEFT_PERCENT: u32 = 31;
/// Where the lines end and the names on the right begin.
const RIGHT_PERCENT: u32 = 52;
/// Letters of a name on the right that fit beside the lines on a phone. Of longer ones the end is shown, which says most
/// of a host.
const NAME_LETTERS_MAX: usize = 19;

/// Names on two sides and the lines between them. At most [`BARS_MAX`] names are drawn on each side.
#[derive(Debug, Clone)]
pub struct FlowChart {
    /// What is shown; begins the sentence for screen readers.
    pub title: String,
    /// Names on the left, from top to bottom; short.
    pub left: Vec<String>,
    /// Names on the right, from top to bottom.
    pub right: Vec<FlowEnd>,
    /// The lines.
    pub flows: Vec<Flow>,
    /// What each color means; only those are listed.
    pub legend: Vec<(Ink, String)>,
}

/// Where lines end.
#[derive(Debug, Clone)]
pub struct FlowEnd {
    /// The name.
    pub name: String,
    /// A few words below it.
    pub note: String,
}

/// One line. A line between names that are not there is left out.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Place of its beginning on the left, from 0.
    pub from: usize,
    /// Place of its end on the right, from 0.
    pub to: usize,
    /// Its color.
    pub ink: Ink,
    /// Whether nothing flows any more; drawn in dashes.
    pub is_cut: bool,
}

/// Draws the names and the lines between them. Lines stretch with the page, names keep their size.
#[must_use]
pub fn flows(chart: &FlowChart) -> Svg {
    let left = &chart.left[..chart.left.len().min(BARS_MAX)];
    let right = &chart.right[..chart.right.len().min(BARS_MAX)];
    let height = left.len().max(right.len()).max(1) * ROW;
    let places = Places { left: left.len(), right: right.len(), height };
    let mut html = format!(
        "<div class=\"chart\"><svg role=\"img\" aria-label=\"{}\" height=\"{height}\">",
        escape(&told(chart, left, right))
    );
    push_lines(&mut html, chart, &places);
    for (nth, name) in left.iter().enumerate() {
        let (y, name) = (places.left(nth) + 4, escape(name));
        html.push_str(&format!(
            "<text class=\"chart-label\" x=\"{LEFT_PERCENT}%\" dx=\"-8\" y=\"{y}\" text-anchor=\"end\">{name}</text>"
        ));
    }
    for (nth, end) in right.iter().enumerate() {
        let y = places.right(nth);
        let (whole, name, note) = (escape(&end.name), escape(&shortened(&end.name)), escape(&end.note));
        html.push_str(&format!(
            "<text class=\"chart-label\" x=\"{RIGHT_PERCENT}%\" dx=\"8\" y=\"{y}\">{name}<title>{whole}</title></text>\
             <text x=\"{RIGHT_PERCENT}%\" dx=\"8\" y=\"{}\">{note}</text>",
            y + 16
        ));
    }
    html.push_str("</svg>");
    push_legend(&mut html, &chart.legend);
    html.push_str("</div>");
    Svg(html)
}

/// Where names stand: each side is spread over the whole height.
struct Places {
    left: usize,
    right: usize,
    height: usize,
}

impl Places {
    fn left(&self, nth: usize) -> usize {
        Self::middle(nth, self.left, self.height)
    }

    fn right(&self, nth: usize) -> usize {
        Self::middle(nth, self.right, self.height)
    }

    fn middle(nth: usize, of: usize, height: usize) -> usize {
        (2 * nth + 1) * height / (2 * of)
    }
}

/// An inner drawing that stretches with the page while its strokes keep their width.
fn push_lines(html: &mut String, chart: &FlowChart, places: &Places) {
    let (width, height) = (RIGHT_PERCENT - LEFT_PERCENT, places.height);
    html.push_str(&format!(
        "<svg x=\"{LEFT_PERCENT}%\" y=\"0\" width=\"{width}%\" height=\"{height}\" viewBox=\"0 0 100 {height}\" \
         preserveAspectRatio=\"none\">"
    ));
    let drawable = |flow: &&Flow| flow.from < places.left && flow.to < places.right;
    for flow in chart.flows.iter().filter(drawable) {
        let (from, to, ink) = (places.left(flow.from), places.right(flow.to), flow.ink);
        let cut = if flow.is_cut { " chart-cut" } else { "" };
        html.push_str(&format!(
            "<path class=\"chart-line{cut} ink-{ink}\" vector-effect=\"non-scaling-stroke\" \
             d=\"M0 {from}C50 {from} 50 {to} 100 {to}\"/>"
        ));
    }
    html.push_str("</svg>");
}

fn push_legend(html: &mut String, legend: &[(Ink, String)]) {
    if legend.is_empty() {
        return;
    }
    html.push_str("<ul class=\"legend\">");
    for (ink, name) in legend {
        let name = escape(name);
        html.push_str(&format!(
            "<li class=\"ink-{ink}\"><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\" focusable=\"false\"><rect \
             class=\"chart-bar\" width=\"12\" height=\"12\" rx=\"3\"/></svg><span>{name}</span></li>"
        ));
    }
    html.push_str("</ul>");
}

fn shortened(name: &str) -> String {
    let letters = name.chars().count();
    if letters <= NAME_LETTERS_MAX {
        return name.to_owned();
    }
    let end = name.chars().skip(letters + 1 - NAME_LETTERS_MAX);
    std::iter::once('…').chain(end).collect()
}

/// `Who gets what: Payment pages to pay.example (reads cards); …`.
fn told(chart: &FlowChart, left: &[String], right: &[FlowEnd]) -> String {
    let line = |flow: &Flow| {
        let (from, to) = (left.get(flow.from)?, right.get(flow.to)?);
        let cut = if flow.is_cut { ", stopped" } else { "" };
        Some(format!("{from} to {} ({}{cut})", to.name, to.note))
    };
    let lines: Vec<String> = chart.flows.iter().filter_map(line).collect();
    let lines = if lines.is_empty() { "nothing yet".to_owned() } else { lines.join("; ") };
    format!("{}: {lines}", chart.title)
}
