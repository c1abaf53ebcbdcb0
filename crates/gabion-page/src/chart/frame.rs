//! What charts over an axis share: grid, labels, legend, hints, and the sentence for screen readers.

use super::scale::{PLOT, Scale, x};
use super::{LineChart, POINTS_MAX, SERIES_MAX, Series, Svg, Unit, drawable, escape};

/// Room above the plot for the topmost label, in CSS pixels.
const TOP: f64 = 18.0;
/// Room below the plot for the labels of points, in CSS pixels.
const BOTTOM: f64 = 22.0;
/// Labels of points that fit beside each other on a phone.
const LABELS_SHOWN_MAX: usize = 5;
/// Up to this many points, each has a hint with its values.
const HINTS_MAX: usize = 240;

/// A series cleaned for drawing.
pub(super) struct Curve<'a> {
    pub(super) series: &'a Series,
    pub(super) points: Vec<Option<f64>>,
}

/// The series of a chart within their limits, without values that cannot be drawn.
pub(super) fn curves(chart: &LineChart) -> Vec<Curve<'_>> {
    let clean = |series: &Series| tail(&series.points).iter().map(|point| point.and_then(drawable)).collect();
    chart.series.iter().take(SERIES_MAX).map(|series| Curve { series, points: clean(series) }).collect()
}

/// The last points, as many as are drawn.
fn tail<T>(points: &[T]) -> &[T] {
    &points[points.len().saturating_sub(POINTS_MAX)..]
}

/// Puts the drawn marks between grid and labels and adds the legend.
pub(super) fn framed(chart: &LineChart, curves: &[Curve<'_>], scale: &Scale, marks: &str) -> Svg {
    let plot = f64::from(chart.height.clamp(40, 600));
    let count = width(curves);
    let mut html = format!(
        "<div class=\"chart\"><svg class=\"chart-axis\" role=\"img\" aria-label=\"{}\" height=\"{}\">",
        escape(&summary(chart, curves)),
        TOP + plot + BOTTOM
    );
    push_grid(&mut html, scale, plot);
    push_plot(&mut html, TOP, plot, marks);
    push_ticks(&mut html, chart.unit, scale, plot);
    push_labels(&mut html, tail(&chart.labels), count, TOP + plot + BOTTOM - 4.0);
    push_hints(&mut html, chart, curves, plot);
    html.push_str("</svg>");
    push_legend(&mut html, chart.unit, curves);
    html.push_str("</div>");
    Svg(html)
}

/// Number of points of the longest curve.
pub(super) fn width(curves: &[Curve<'_>]) -> usize {
    curves.iter().map(|curve| curve.points.len()).max().unwrap_or(0)
}

/// An inner drawing that stretches with the page while its strokes keep their width.
pub(super) fn push_plot(html: &mut String, top: f64, height: f64, marks: &str) {
    html.push_str(&format!(
        "<svg x=\"0\" y=\"{top}\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 {PLOT} {PLOT}\" \
         preserveAspectRatio=\"none\">{marks}</svg>"
    ));
}

fn tick_y(scale: &Scale, tick: f64, plot: f64) -> f64 {
    TOP + scale.y(tick) / PLOT * plot
}

fn push_grid(html: &mut String, scale: &Scale, plot: f64) {
    for tick in scale.ticks() {
        let y = tick_y(scale, tick, plot);
        let class = if tick == 0.0 { "chart-base" } else { "chart-grid" };
        html.push_str(&format!("<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"));
    }
}

/// Left of the plot, where the style sheet leaves room.
fn push_ticks(html: &mut String, unit: Unit, scale: &Scale, plot: f64) {
    for tick in scale.ticks() {
        let y = tick_y(scale, tick, plot) + 4.0;
        let label = escape(&unit.format(tick));
        html.push_str(&format!("<text x=\"-10\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>"));
    }
}

fn push_labels(html: &mut String, labels: &[String], count: usize, y: f64) {
    let count = count.min(labels.len());
    let shown = count.min(LABELS_SHOWN_MAX);
    for nth in 0..shown {
        let at = if shown < 2 { 0 } else { nth * (count - 1) / (shown - 1) };
        let anchor = match nth {
            _ if shown == 1 => "middle",
            0 => "start",
            last if last + 1 == shown => "end",
            _ => "middle",
        };
        let place = x(at, count) / PLOT * 100.0;
        let label = escape(&labels[at]);
        html.push_str(&format!("<text x=\"{place:.2}%\" y=\"{y}\" text-anchor=\"{anchor}\">{label}</text>"));
    }
}

/// Invisible columns whose titles browsers show under the pointer.
fn push_hints(html: &mut String, chart: &LineChart, curves: &[Curve<'_>], plot: f64) {
    let count = width(curves);
    if !(2..=HINTS_MAX).contains(&count) {
        return;
    }
    let labels = tail(&chart.labels);
    let step = x(1, count) / PLOT * 100.0;
    for at in 0..count {
        let left = (x(at, count) / PLOT * 100.0 - step / 2.0).max(0.0);
        let values: Vec<String> = curves.iter().map(|curve| named(curve, at, chart.unit)).collect();
        let label = labels.get(at).map(|label| format!("{label}: ")).unwrap_or_default();
        html.push_str(&format!(
            "<rect class=\"chart-hint\" x=\"{left:.2}%\" y=\"{TOP}\" width=\"{step:.2}%\" height=\"{plot}\">\
             <title>{}</title></rect>",
            escape(&format!("{label}{}", values.join(", ")))
        ));
    }
}

fn named(curve: &Curve<'_>, at: usize, unit: Unit) -> String {
    let value = curve.points.get(at).copied().flatten();
    format!("{} {}", curve.series.name, value.map_or_else(|| "–".to_owned(), |value| unit.format(value)))
}

fn push_legend(html: &mut String, unit: Unit, curves: &[Curve<'_>]) {
    if curves.is_empty() {
        return;
    }
    html.push_str("<ul class=\"legend\">");
    for curve in curves {
        let latest = curve.points.iter().rev().flatten().next();
        html.push_str(&format!("<li class=\"ink-{}\"><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\" focusable=\"false\"><rect \
             class=\"chart-bar\" width=\"12\" height=\"12\" rx=\"3\"/></svg><span>{}</span> <strong>{}</strong></li>",
            curve.series.ink,
            escape(&curve.series.name),
            escape(&latest.map_or_else(|| "–".to_owned(), |value| unit.format(*value)))));
    }
    html.push_str("</ul>");
}

fn summary(chart: &LineChart, curves: &[Curve<'_>]) -> String {
    let told: Vec<String> =
        curves.iter().map(|curve| told(&curve.series.name, &curve.points, chart.unit)).collect();
    if told.is_empty() {
        format!("{}: no values yet", chart.title)
    } else {
        format!("{}: {}", chart.title, told.join("; "))
    }
}

/// `Shop: latest 120 ms, between 80 ms and 300 ms`.
pub(super) fn told(name: &str, points: &[Option<f64>], unit: Unit) -> String {
    let Some(latest) = points.iter().rev().flatten().next() else {
        return format!("{name}: no values yet");
    };
    let (low, high) = points
        .iter()
        .flatten()
        .fold((*latest, *latest), |(low, high), value| (low.min(*value), high.max(*value)));
    let [latest, low, high] = [*latest, low, high].map(|value| unit.format(value));
    if low == high {
        format!("{name}: {latest} throughout")
    } else {
        format!("{name}: latest {latest}, between {low} and {high}")
    }
}
