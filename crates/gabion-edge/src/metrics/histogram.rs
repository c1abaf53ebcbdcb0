//! Durations counted in buckets that grow with the value: two per octave from 64 us to about 137 s.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The first bucket holds everything up to 2^6 us.
const FIRST_OCTAVE: u32 = 6;
/// Octaves above the first; the last bucket holds everything longer.
const OCTAVES: usize = 21;
/// Buckets: two per octave, one below and one above.
pub const BUCKETS: usize = OCTAVES * 2 + 2;

/// Counts of durations; every count lands in the bucket whose upper bound is the next one at or above it.
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum_us: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        self.record_us(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts a duration in microseconds.
    pub fn record_us(&self, us: u64) {
        self.buckets[bucket(us)].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The counts now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            buckets: std::array::from_fn(|i| self.buckets[i].load(Ordering::Relaxed)),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

fn bucket(us: u64) -> usize {
    if us <= 1 << FIRST_OCTAVE {
        return 0;
    }
    let above = us - 1;
    let octave = above.ilog2();
    let half = (above >> (octave - 1)) & 1;
    let index = (octave - FIRST_OCTAVE) as usize * 2 + usize::from(half == 1) + 1;
    index.min(BUCKETS - 1)
}

/// The upper bound of a bucket; `None` for the last one.
pub fn upper_bound_us(bucket: usize) -> Option<u64> {
    match bucket {
        0 => Some(1 << FIRST_OCTAVE),
        last if last >= BUCKETS - 1 => None,
        bucket => {
            let base = 1u64 << (FIRST_OCTAVE as usize + (bucket - 1) / 2);
            Some(if bucket % 2 == 1 { base + base / 2 } else { base * 2 })
        }
    }
}

/// A histogram at one moment, or the difference of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Counts by bucket.
    pub buckets: [u64; BUCKETS],
    /// Sum of all durations in microseconds.
    pub sum_us: u64,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], sum_us: 0 }
    }
}

impl Snapshot {
    /// What was counted since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            buckets: std::array::from_fn(|i| self.buckets[i].saturating_sub(earlier.buckets[i])),
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
        }
    }

    /// Adds another snapshot's counts.
    pub fn add(&mut self, other: &Self) {
        for (bucket, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += count;
        }
        self.sum_us += other.sum_us;
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Their mean; none when nothing was counted.
    pub fn mean(&self) -> Option<Duration> {
        self.sum_us.checked_div(self.count()).map(Duration::from_micros)
    }

    /// The duration that the given share (0 to 1) of all stayed at or below, placed inside its bucket in
    /// proportion; none when nothing was counted. Error: at most half the bucket, a third of the value.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let total = self.count();
        let rank = (share.clamp(0.0, 1.0) * total as f64).max(1.0);
        let mut below = 0.0;
        for (i, count) in self.buckets.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = *count as f64;
            if below + count >= rank {
                let low = i.checked_sub(1).and_then(upper_bound_us).unwrap_or(0) as f64;
                let high = upper_bound_us(i).map_or(low, |high| high as f64);
                return Some(Duration::from_micros((low + (high - low) * (rank - below) / count) as u64));
            }
            below += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_at_or_below_its_bound_and_above_the_one_before() {
        for us in (0..2_000).chain([4_096, 4_097, 6_144, 6_145, 1 << 20, (1 << 27) - 1]) {
            let i = bucket(us);
            assert!(upper_bound_us(i).is_none_or(|bound| us <= bound), "{us} in {i}");
            assert!(i == 0 || upper_bound_us(i - 1).is_some_and(|bound| us > bound), "{us} in {i}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_within_a_bucket() {
        let histogram = Histogram::default();
        for ms in 1..=100 {
            histogram.record(Duration::from_millis(ms));
        }
        let snapshot = histogram.snapshot();
        let p50 = snapshot.quantile(0.5).expect("values were counted").as_millis();
        let p99 = snapshot.quantile(0.99).expect("values were counted").as_millis();
        assert!((40..=66).contains(&p50), "{p50}");
        assert!((90..=132).contains(&p99), "{p99}");
        assert_eq!(snapshot.mean().map(|mean| mean.as_micros()), Some(50_500));
        assert_eq!(Snapshot::default().quantile(0.5), None);
    }

    #[test]
    fn differences_count_only_what_is_new() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_millis(1));
        let before = histogram.snapshot();
        histogram.record(Duration::from_secs(1));
        let new = histogram.snapshot().since(&before);
        assert_eq!((new.count(), new.sum_us), (1, 1_000_000));
    }
}
