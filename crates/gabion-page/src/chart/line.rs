//! Lines: over an axis, and small ones beside a number.

use super::frame::{curves, framed, push_plot, told, width};
use super::scale::{Scale, x};
use super::{Ink, LineChart, POINTS_MAX, Svg, Unit, drawable, escape};

/// Height of a small line in CSS pixels.
const SPARK_HEIGHT: f64 = 32.0;

/// Draws one line for each series.
#[must_use]
pub fn line(chart: &LineChart) -> Svg {
    let curves = curves(chart);
    let scale = Scale::holding(curves.iter().flat_map(|curve| curve.points.iter().flatten().copied()));
    let count = width(&curves);
    let mut marks = String::new();
    for curve in &curves {
        push_line(&mut marks, curve.series.ink, &curve.points, count, &scale);
    }
    framed(chart, &curves, &scale, &marks)
}

/// Draws a small line without axes; `label` says what it shows.
#[must_use]
pub fn sparkline(label: &str, values: &[f64], ink: Ink, unit: Unit) -> Svg {
    let last = &values[values.len().saturating_sub(POINTS_MAX)..];
    let points: Vec<Option<f64>> = last.iter().map(|value| drawable(*value)).collect();
    let scale = Scale::holding(points.iter().flatten().copied());
    let mut marks = String::new();
    push_line(&mut marks, ink, &points, points.len(), &scale);
    let mut html = format!(
        "<svg class=\"chart-only\" role=\"img\" aria-label=\"{}\" height=\"{SPARK_HEIGHT}\">",
        escape(&told(label, &points, unit))
    );
    push_plot(&mut html, 1.0, SPARK_HEIGHT - 2.0, &marks);
    html.push_str("</svg>");
    Svg(html)
}

/// A path with gaps where points are missing; a lone point becomes a dot.
pub(super) fn push_line(marks: &mut String, ink: Ink, points: &[Option<f64>], count: usize, scale: &Scale) {
    let place = |(at, point): (usize, &Option<f64>)| point.map(|value| (x(at, count), scale.y(value)));
    push_path(marks, ink, points.iter().enumerate().map(place));
}

/// A path through places in the plot; the pen is lifted at `None`.
pub(super) fn push_path(marks: &mut String, ink: Ink, places: impl Iterator<Item = Option<(f64, f64)>>) {
    let mut path = String::new();
    let mut drawing = false;
    for place in places {
        if let Some((x, y)) = place {
            // The line of no length after each start shows a lone point, because line caps are round.
            path.push_str(&if drawing { format!("L{x:.1} {y:.1}") } else { format!("M{x:.1} {y:.1}h0") });
        }
        drawing = place.is_some();
    }
    if !path.is_empty() {
        marks.push_str(&format!(
            "<path class=\"chart-line ink-{ink}\" vector-effect=\"non-scaling-stroke\" d=\"{path}\"/>"
        ));
    }
}
