//! From values to positions.

/// Width and height of the plotted area in its own units.
pub(super) const PLOT: f64 = 1000.0;
/// Steps an axis is divided into, roughly.
const STEPS: f64 = 4.0;
/// Ranges below this are drawn as if nothing had happened.
const RANGE_MIN: f64 = 1e-9;

/// What is lost of a step before the axis grows by another one.
const SLACK: f64 = 1e-9;

/// A value axis that includes zero and ends on round numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    step: f64,
    // Whole numbers of steps, so that zero is exact.
    low: f64,
    high: f64,
}

impl Scale {
    /// The scale that holds all these values.
    pub(super) fn holding(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) =
            values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if high - low < RANGE_MIN { (0.0, 1.0) } else { (low, high) };
        let step = round_step((high - low) / STEPS);
        Self { step, low: (low / step + SLACK).floor(), high: (high / step - SLACK).ceil() }
    }

    /// Height of a value in the plot, 0 at the top.
    pub(super) fn y(&self, value: f64) -> f64 {
        ((1.0 - (value / self.step - self.low) / (self.high - self.low)) * PLOT).clamp(0.0, PLOT)
    }

    /// Round values from the lowest to the highest; at most seven.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        let Self { step, low, high } = *self;
        (0..=6)
            .map(move |at| low + f64::from(at))
            .take_while(move |tick| *tick <= high)
            .map(move |tick| tick * step)
    }
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
fn round_step(raw: f64) -> f64 {
    let power = 10.0_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| raw <= factor * power * (1.0 + SLACK));
    factor.unwrap_or(10.0) * power
}

/// Place of a point among `count`, from 0 at the left to `PLOT` at the right; a single point stands in the middle.
#[allow(clippy::cast_precision_loss)] // Both numbers are at most POINTS_MAX.
pub(super) fn x(at: usize, count: usize) -> f64 {
    if count < 2 { PLOT / 2.0 } else { at as f64 / (count - 1) as f64 * PLOT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_on_round_numbers_and_include_zero() {
        #[track_caller]
        fn check(values: &[f64], expected: &[f64]) {
            let ticks: Vec<f64> = Scale::holding(values.iter().copied()).ticks().collect();
            assert_eq!(ticks, expected, "{values:?}");
        }
        check(&[], &[0.0, 0.25, 0.5, 0.75, 1.0]);
        check(&[0.0, 0.0], &[0.0, 0.25, 0.5, 0.75, 1.0]);
        check(&[7.0], &[0.0, 2.0, 4.0, 6.0, 8.0]);
        check(&[100.0, 380.0], &[0.0, 100.0, 200.0, 300.0, 400.0]);
        check(&[-3.0, 5.0], &[-4.0, -2.0, 0.0, 2.0, 4.0, 6.0]);
        check(&[1e9, -1e-9], &[0.0, 2.5e8, 5e8, 7.5e8, 1e9]);
        check(&[1e18], &[0.0, 2.5e17, 5e17, 7.5e17, 1e18]);
    }

    #[test]
    fn the_highest_value_is_at_or_below_the_top() {
        let scale = Scale::holding([3.0, 41.0].into_iter());
        assert!(scale.y(41.0) >= 0.0);
        assert!((scale.y(0.0) - PLOT).abs() < 1e-9);
    }
}
