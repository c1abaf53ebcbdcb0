//! How slow an endpoint is: an average of its response times that rises with the first slow answer and sinks slowly
//! ("peak-EWMA"). Multiplied by the requests in flight it says where the next one waits least.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Time in which the average loses half of its way to newer samples, or to nothing when there are none.
const HALF_MS: u64 = 5_000;
/// Response times below count as this: between fast endpoints only the requests in flight decide. Also what an
/// endpoint costs that never answered, so that it is asked.
const COST_MIN_US: u64 = 1_000;
/// Significant bits of a cost that are compared: differences below a fifth are noise.
const COST_BITS: u32 = 3;
/// What a failed request counts as at least, so that an endpoint that fails fast does not look quick.
const FAILURE_US: u64 = 50_000;

/// The average, in microseconds (upper half), and when it was changed, in milliseconds (lower half).
#[derive(Default)]
pub(crate) struct PeakEwma(AtomicU64);

impl PeakEwma {
    /// Adds a sample. One that comes at the same time as another may be lost.
    pub(crate) fn observe(&self, took: Duration, now_ms: u64) {
        self.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), now_ms);
    }

    /// A request failed: that counts as twice the average.
    pub(crate) fn observe_failure(&self, now_ms: u64) {
        self.add((2 * self.average_us(now_ms)).max(FAILURE_US), now_ms);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn add(&self, took: u64, now_ms: u64) {
        let took = took.min(u64::from(u32::MAX));
        let before = self.0.load(Ordering::Relaxed);
        let (cost, since) = unpack(before, now_ms);
        let cost = if took >= cost { took } else { decayed(cost, since) + took - decayed(took, since) };
        let after = (cost << 32) | (now_ms & u64::from(u32::MAX));
        // A lost race is a lost sample of many.
        self.0.compare_exchange(before, after, Ordering::Relaxed, Ordering::Relaxed).ok();
    }

    /// The average in microseconds; it halves in five seconds of silence, so that a slow endpoint is tried again.
    pub(crate) fn average_us(&self, now_ms: u64) -> u64 {
        let (cost, since) = unpack(self.0.load(Ordering::Relaxed), now_ms);
        decayed(cost, since)
    }

    /// The average as balancing compares it: bounded below, and without its noise.
    pub(crate) fn cost(&self, now_ms: u64) -> u64 {
        let cost = self.average_us(now_ms).max(COST_MIN_US);
        let noise = (u64::BITS - cost.leading_zeros()).saturating_sub(COST_BITS);
        (cost >> noise) << noise
    }
}

/// What is left of a cost: half after each [`HALF_MS`], in a straight line between.
const fn decayed(cost: u64, since_ms: u64) -> u64 {
    let halves = since_ms / HALF_MS;
    let cost = if halves < 32 { cost >> halves } else { 0 };
    cost - cost * (since_ms % HALF_MS) / (2 * HALF_MS)
}

/// The average and the milliseconds since it was changed.
const fn unpack(packed: u64, now_ms: u64) -> (u64, u64) {
    let mask = u32::MAX as u64;
    (packed >> 32, (now_ms & mask).wrapping_sub(packed & mask) & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_slow_answer_counts_at_once_and_fast_ones_make_it_forgotten() {
        let average = PeakEwma::default();
        average.observe(ms(10), 1);
        average.observe(ms(500), 2);
        assert_eq!(average.average_us(2), 500_000);
        for now in 1..=100 {
            average.observe(ms(10), 2 + now * 100);
        }
        let after = average.average_us(10_002);
        assert!((10_000..250_000).contains(&after), "{after}");
    }

    #[test]
    fn silence_halves_the_average_in_five_seconds() {
        let average = PeakEwma::default();
        average.observe(ms(400), 5);
        let after = [2_505, 5_005, 10_005, 1_000_005].map(|now| average.average_us(now));
        assert_eq!(after, [300_000, 200_000, 100_000, 0]);
        assert_eq!(average.cost(1_000_005), 896, "the least an endpoint costs, rounded");
    }

    #[test]
    fn a_failure_makes_an_endpoint_dear() {
        let average = PeakEwma::default();
        average.observe_failure(1);
        assert_eq!(average.average_us(1), 50_000);
        average.observe(ms(300), 2);
        average.observe_failure(2);
        assert_eq!(average.average_us(2), 600_000);
        average.clear();
        assert_eq!(average.average_us(3), 0);
    }

    #[test]
    fn small_differences_do_not_count_and_large_ones_do() {
        let cost = |ms_: u64| {
            let average = PeakEwma::default();
            average.observe(ms(ms_), 7);
            average.cost(7)
        };
        assert_eq!(cost(100), cost(110));
        assert_eq!(cost(0), PeakEwma::default().cost(1), "never asked is as good as fast");
        assert!(cost(140) > cost(100) && cost(3_600_000) > cost(60_000));
    }

    #[test]
    fn the_clock_may_pass_what_32_bits_hold() {
        let average = PeakEwma::default();
        let late = u64::from(u32::MAX) - 10;
        average.observe(ms(400), late);
        assert_eq!(average.average_us(late + 5_000), 200_000);
    }
}
