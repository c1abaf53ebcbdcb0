//! The last hour in ten-second steps and the last day in five-minute steps, for the console's charts.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use gabion_core::Timestamp;

use super::{Metrics, Snapshot};

/// Seconds of a fine step.
pub const FINE_SECONDS: i64 = 10;
/// Fine steps kept: one hour.
pub const FINE_POINTS: usize = 360;
/// Fine steps in a coarse one: five minutes.
const FINE_PER_COARSE: usize = 30;
/// Coarse steps kept: one day.
pub const COARSE_POINTS: usize = 288;

/// What happened in one step.
#[derive(Clone, Debug, Default)]
pub struct Point {
    /// The end of the step.
    pub at: Timestamp,
    /// Length of the step.
    pub seconds: u32,
    /// Responses by status class, 1xx to 5xx.
    pub responses: [u64; 5],
    /// Requests answered by Gabion's own error pages.
    pub refused: u64,
    /// From request head to response head.
    pub total: Snapshot,
    /// The shop's part of it.
    pub shop: Snapshot,
}

impl Point {
    /// Responses of all classes.
    pub fn requests(&self) -> u64 {
        self.responses.iter().sum()
    }

    fn add(&mut self, later: &Self) {
        self.at = later.at;
        self.seconds += later.seconds;
        self.responses.iter_mut().zip(later.responses).for_each(|(sum, count)| *sum += count);
        self.refused += later.refused;
        self.total.add(&later.total);
        self.shop.add(&later.shop);
    }
}

/// The history of the metrics. Fixed in size: about 650 points.
#[derive(Default)]
pub struct History {
    last: Point,
    fine: VecDeque<Point>,
    coarse: VecDeque<Point>,
    steps: usize,
}

impl History {
    /// Closes a step: takes what was counted since the step before. Called every [`FINE_SECONDS`].
    pub fn step(&mut self, metrics: &Metrics, now: Timestamp) {
        let sum = Point {
            at: now,
            seconds: 0,
            responses: std::array::from_fn(|i| metrics.responses[i].load(Ordering::Relaxed)),
            refused: metrics.refused.load(Ordering::Relaxed),
            total: metrics.total.snapshot(),
            shop: metrics.shop.snapshot(),
        };
        let point = Point {
            at: now,
            seconds: u32::try_from(FINE_SECONDS).unwrap_or(u32::MAX),
            responses: std::array::from_fn(|i| sum.responses[i] - self.last.responses[i]),
            refused: sum.refused - self.last.refused,
            total: sum.total.since(&self.last.total),
            shop: sum.shop.since(&self.last.shop),
        };
        self.last = sum;
        match self.coarse.back_mut().filter(|_| !self.steps.is_multiple_of(FINE_PER_COARSE)) {
            Some(open) => open.add(&point),
            None => push(&mut self.coarse, point.clone(), COARSE_POINTS),
        }
        self.steps += 1;
        push(&mut self.fine, point, FINE_POINTS);
    }

    /// The last hour, oldest first.
    pub fn hour(&self) -> Vec<Point> {
        self.fine.iter().cloned().collect()
    }

    /// The last day, oldest first; its newest point is still growing.
    pub fn day(&self) -> Vec<Point> {
        self.coarse.iter().cloned().collect()
    }
}

fn push(points: &mut VecDeque<Point>, point: Point, most: usize) {
    if points.len() == most {
        points.pop_front();
    }
    points.push_back(point);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;

    #[test]
    fn steps_hold_differences_and_days_hold_sums() {
        let metrics = Metrics::default();
        let mut history = History::default();
        for step in 0..(FINE_POINTS + 5) {
            metrics.answered(StatusCode::OK, Duration::from_millis(2), Some(Duration::from_millis(1)));
            history
                .step(&metrics, Timestamp::from_seconds(i64::try_from(step).expect("small") * FINE_SECONDS));
        }
        let (hour, day) = (history.hour(), history.day());
        assert_eq!(hour.len(), FINE_POINTS);
        assert!(hour.iter().all(|point| point.requests() == 1 && point.total.count() == 1));
        assert_eq!(day.len(), 13);
        assert_eq!(day[0].requests(), 30);
        assert_eq!(day[12].requests(), 5);
    }
}
