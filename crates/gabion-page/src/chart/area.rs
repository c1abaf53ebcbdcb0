//! Areas on top of each other: where the time goes.

use super::frame::{Curve, curves, framed, width};
use super::line::push_path;
use super::scale::{Scale, x};
use super::{LineChart, Svg};

/// Draws the series as layers, the first one lowest, so that the upper edge is their sum.
///
/// Negative values count as zero. A value that one series lacks counts as zero where another has one; where all lack it,
/// there is a gap. A series has no line where it is zero.
#[must_use]
pub fn stacked_area(chart: &LineChart) -> Svg {
    let curves = curves(chart);
    let layers = layers(&curves);
    let scale = Scale::holding(layers.iter().flatten().flatten().copied());
    let mut marks = String::new();
    for (curve, pair) in curves.iter().zip(layers.windows(2)) {
        push_area(&mut marks, curve, &pair[0], &pair[1], &scale);
        push_edge(&mut marks, curve, &pair[0], &pair[1], &scale);
    }
    framed(chart, &curves, &scale, &marks)
}

/// Edges from the ground to the top, one more than there are curves.
fn layers(curves: &[Curve<'_>]) -> Vec<Vec<Option<f64>>> {
    let known = |at: usize| curves.iter().any(|curve| curve.points.get(at).copied().flatten().is_some());
    let ground: Vec<Option<f64>> = (0..width(curves)).map(|at| known(at).then_some(0.0)).collect();
    let mut layers = vec![ground];
    for curve in curves {
        let below = layers.last().expect("the ground is the first layer");
        let own = |at: usize| curve.points.get(at).copied().flatten().unwrap_or(0.0).max(0.0);
        layers.push(below.iter().enumerate().map(|(at, edge)| edge.map(|edge| edge + own(at))).collect());
    }
    layers
}

/// One closed shape for each run of points without a gap.
fn push_area(
    marks: &mut String,
    curve: &Curve<'_>,
    low: &[Option<f64>],
    high: &[Option<f64>],
    scale: &Scale,
) {
    let edges: Vec<Option<(f64, f64)>> = low.iter().zip(high).map(|(low, high)| low.zip(*high)).collect();
    let mut path = String::new();
    let mut from = 0;
    for run in edges.split(Option::is_none) {
        let corners: Vec<(f64, f64, f64)> = run
            .iter()
            .flatten()
            .enumerate()
            .map(|(at, (low, high))| (x(from + at, edges.len()), scale.y(*low), scale.y(*high)))
            .collect();
        from += run.len() + 1;
        for (at, (x, _, top)) in corners.iter().enumerate() {
            path.push_str(&format!("{}{x:.1} {top:.1}", if at == 0 { 'M' } else { 'L' }));
        }
        for (x, bottom, _) in corners.iter().rev() {
            path.push_str(&format!("L{x:.1} {bottom:.1}"));
        }
        if !corners.is_empty() {
            path.push('Z');
        }
    }
    if !path.is_empty() {
        marks.push_str(&format!("<path class=\"chart-area ink-{}\" d=\"{path}\"/>", curve.series.ink));
    }
}

/// The upper edge of a layer, only where the layer has a height: elsewhere it would hide the edge below it.
fn push_edge(
    marks: &mut String,
    curve: &Curve<'_>,
    low: &[Option<f64>],
    high: &[Option<f64>],
    scale: &Scale,
) {
    let tall: Vec<bool> = low.iter().zip(high).map(|(low, high)| high > low).collect();
    let is_tall = |at: usize| tall.get(at).copied().unwrap_or(false);
    let places = (0..high.len()).flat_map(|at| {
        let before = at > 0 && is_tall(at - 1);
        let shown = before || is_tall(at) || is_tall(at + 1);
        let place = high[at].filter(|_| shown).map(|value| (x(at, high.len()), scale.y(value)));
        // Between two points without a height the pen is lifted.
        let lifted = (!before && !is_tall(at)).then_some(None);
        lifted.into_iter().chain([place])
    });
    push_path(marks, curve.series.ink, places);
}
