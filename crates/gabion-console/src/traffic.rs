//! The edge's history as the overview shows it: steps of equal length and their sum.

use std::time::Duration;

use gabion_core::Timestamp;
use gabion_edge::metrics::{Point, Snapshot};
use gabion_page::chart::{self, Ink, LineChart, Series, Svg, Unit};
use gabion_page::format;
use serde::{Deserialize, Serialize};

use crate::words::jiff;

/// Height of the large chart in CSS pixels.
const HEIGHT: u32 = 220;
/// Height of the small chart in CSS pixels.
const HEIGHT_SMALL: u32 = 140;

/// How far back the overview looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Window {
    /// Steps of a minute, or of ten seconds while the process is young.
    #[default]
    Hour,
    /// Steps of five minutes.
    Day,
}

impl Window {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Hour => "last hour",
            Self::Day => "last day",
        }
    }
}

/// How a window is cut into steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    /// Points of the edge's history in one step.
    points: usize,
    /// Steps shown; those before the start are missing.
    steps: usize,
    /// Length of a step.
    seconds: u64,
    words: &'static str,
}

impl Cut {
    const HOUR: Self = Self { points: 6, steps: 60, seconds: 60, words: "last hour" };
    /// A young process is looked at more closely, or its first minutes would be a sliver at the edge.
    const YOUNG: Self = Self { points: 1, steps: 90, seconds: 10, words: "last 15 minutes" };
    const DAY: Self = Self { points: 1, steps: 288, seconds: 300, words: "last day" };

    fn of(window: Window, points: usize) -> Self {
        match window {
            Window::Day => Self::DAY,
            Window::Hour if points <= Self::YOUNG.steps => Self::YOUNG,
            Window::Hour => Self::HOUR,
        }
    }
}

/// What happened in a window.
pub(crate) struct Traffic {
    /// Oldest first; fewer than the window holds while the process is young.
    pub(crate) steps: Vec<Point>,
    /// All steps together.
    pub(crate) sum: Point,
    cut: Cut,
    now: Timestamp,
}

impl Traffic {
    /// `points` are the edge's: ten seconds each for the hour, five minutes each for the day.
    pub(crate) fn new(window: Window, points: &[Point], now: Timestamp) -> Self {
        let cut = Cut::of(window, points.len());
        // Cut from the end: the newest minute is whole, so that its rate is not too low.
        let mut steps: Vec<Point> = points.rchunks(cut.points).map(sum).take(cut.steps).collect();
        steps.reverse();
        let sum = sum(&steps);
        Self { steps, sum, cut, now }
    }

    /// What the charts span.
    pub(crate) const fn shown(&self) -> &'static str {
        self.cut.words
    }

    /// Server errors as a share of all responses; none without responses.
    pub(crate) fn error_share(&self) -> Option<f64> {
        share(self.sum.responses[4], self.sum.requests())
    }

    /// Requests a second, over the time that was counted.
    pub(crate) fn rate(&self) -> Option<f64> {
        share(self.sum.requests(), u64::from(self.sum.seconds))
    }

    /// Mean time of a request in the shop and in Gabion, in milliseconds; none without requests.
    pub(crate) fn means(&self) -> Option<(f64, f64)> {
        means(&self.sum)
    }

    /// The duration that a share of all requests stayed at or below.
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        self.sum.total.quantile(share)
    }

    /// Shop time beside Gabion time: what customers wait for.
    pub(crate) fn times_chart(&self) -> Svg {
        let series = |name: &str, ink, value: fn(&Point) -> Option<f64>| Series {
            name: name.to_owned(),
            ink,
            points: self.padded(value),
        };
        chart::stacked_area(&LineChart {
            title: format!("Mean time of a request, {}", self.cut.words),
            series: vec![
                series("Shop", Ink::Shop, |point| means(point).map(|(shop, _)| shop)),
                series("Gabion", Ink::Gabion, |point| means(point).map(|(_, gabion)| gabion)),
            ],
            labels: self.labels(),
            unit: Unit::Milliseconds,
            height: HEIGHT,
        })
    }

    /// Requests a minute by status class.
    pub(crate) fn responses_chart(&self) -> Svg {
        let series = |name: &str, ink, value: fn(&Point) -> Option<f64>| Series {
            name: name.to_owned(),
            ink,
            points: self.padded(value),
        };
        chart::stacked_area(&LineChart {
            title: format!("Requests a minute, {}", self.cut.words),
            series: vec![
                series("2xx answers", Ink::Ok, |point| per_minute(point, 1)),
                series("3xx redirects", Ink::Second, |point| per_minute(point, 2)),
                series("4xx client errors", Ink::Warn, |point| per_minute(point, 3)),
                series("5xx server errors", Ink::Danger, |point| per_minute(point, 4)),
            ],
            labels: self.labels(),
            unit: Unit::Count,
            height: HEIGHT_SMALL,
        })
    }

    /// Values at their place in the whole window: what came before the start is missing.
    fn padded(&self, value: fn(&Point) -> Option<f64>) -> Vec<Option<f64>> {
        let missing = self.cut.steps - self.steps.len();
        std::iter::repeat_n(None, missing).chain(self.steps.iter().map(value)).collect()
    }

    fn labels(&self) -> Vec<String> {
        let end = self.steps.last().map_or(self.now, |point| point.at);
        let steps = u64::try_from(self.cut.steps).unwrap_or(u64::MAX);
        (0..steps)
            .rev()
            .map(|ago| end.before(Duration::from_secs(ago * self.cut.seconds)))
            .map(|at| format::time_of_day(jiff(at)))
            .collect()
    }
}

/// Several points as one.
fn sum(points: &[Point]) -> Point {
    let mut sum =
        Point { at: points.last().map_or(Timestamp::default(), |last| last.at), ..Point::default() };
    for point in points {
        sum.seconds += point.seconds;
        sum.responses.iter_mut().zip(point.responses).for_each(|(sum, count)| *sum += count);
        sum.refused += point.refused;
        sum.total.add(&point.total);
        sum.shop.add(&point.shop);
    }
    sum
}

/// Mean milliseconds of a request in the shop and in Gabion. Requests that never reached the shop count for Gabion
/// alone, so that both add up to the mean a customer saw.
pub(crate) fn means(point: &Point) -> Option<(f64, f64)> {
    let count = point.total.count();
    let in_shop = point.shop.sum_us.min(point.total.sum_us);
    let mean = |sum_us: u64| share(sum_us, count).map(|us| us / 1_000.0);
    mean(in_shop).zip(mean(point.total.sum_us - in_shop))
}

fn per_minute(point: &Point, class: usize) -> Option<f64> {
    share(point.responses[class] * 60, u64::from(point.seconds))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Milliseconds with their fraction, for the API.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// p50, p95 and p99 in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Quantiles {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

impl Quantiles {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let at = |share| snapshot.quantile(share).map(millis);
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: i64, total_us: u64, shop_us: u64) -> Point {
        let snapshot = |us: u64| {
            let histogram = gabion_edge::metrics::Histogram::default();
            histogram.record(Duration::from_micros(us));
            histogram.snapshot()
        };
        Point {
            at: Timestamp::from_seconds(second),
            seconds: 10,
            responses: [0, 1, 0, 0, 0],
            refused: 0,
            total: snapshot(total_us),
            shop: snapshot(shop_us),
        }
    }

    fn traffic(points: i64) -> Traffic {
        let points: Vec<_> = (1..=points).map(|at| point(at * 10, 3_000, 2_000)).collect();
        Traffic::new(Window::Hour, &points, Timestamp::default())
    }

    #[test]
    fn a_young_process_is_shown_in_steps_of_ten_seconds() {
        let traffic = traffic(14);
        assert_eq!((traffic.steps.len(), traffic.sum.requests()), (14, 14));
        assert_eq!(traffic.padded(|point| per_minute(point, 1))[75..77], [None, Some(6.0)]);
        assert_eq!(traffic.labels().len(), 90);
        assert_eq!(traffic.labels().last().map(String::as_str), Some("00:02"));
    }

    #[test]
    fn an_hour_has_whole_minutes_counted_from_its_end() {
        let traffic = traffic(92);
        let requests: Vec<_> = traffic.steps.iter().map(Point::requests).collect();
        assert_eq!(requests[..2], [2, 6]);
        assert_eq!((traffic.steps.len(), traffic.sum.requests()), (16, 92));
        assert_eq!(traffic.padded(|point| per_minute(point, 1))[43..45], [None, Some(6.0)]);
        assert_eq!(traffic.labels().len(), 60);
    }

    #[test]
    fn shop_and_gabion_add_up_to_what_the_customer_waited() {
        assert_eq!(means(&point(1, 3_000, 2_000)), Some((2.0, 1.0)));
        assert_eq!(means(&point(1, 1_000, 2_000)), Some((1.0, 0.0)));
        assert_eq!(means(&Point::default()), None);
    }

    #[test]
    fn an_empty_history_is_drawn_without_numbers() {
        let traffic = Traffic::new(Window::Day, &[], Timestamp::from_seconds(1_700_000_000));
        assert_eq!((traffic.error_share(), traffic.rate(), traffic.means()), (None, None, None));
        assert!(traffic.times_chart().as_str().contains("no values"), "{}", traffic.times_chart());
    }
}
