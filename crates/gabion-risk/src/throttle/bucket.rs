//! Failures that a network may have, refilled with time.

use std::time::Duration;

use gabion_core::Timestamp;

/// Failures at once: a school or a mobile carrier behind one /24.
const FAILURES_AT_ONCE: f64 = 60.0;
/// One more each this long: 360 an hour.
const REFILL: Duration = Duration::from_secs(10);

/// The failures a network has left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Bucket {
    pub(super) const fn full(now: Timestamp) -> Self {
        Self { left: FAILURES_AT_ONCE, at: now }
    }

    /// How long to wait for one.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), Duration> {
        let left = self.left_at(now);
        if left >= 1.0 { Ok(()) } else { Err(REFILL.mul_f64(1.0 - left)) }
    }

    pub(super) fn take(&mut self, now: Timestamp) {
        *self = Self { left: self.left_at(now) - 1.0, at: self.at.max(now) };
    }

    pub(super) fn give_back(&mut self, now: Timestamp) {
        *self = Self { left: (self.left_at(now) + 1.0).min(FAILURES_AT_ONCE), at: self.at.max(now) };
    }

    fn left_at(&self, now: Timestamp) -> f64 {
        (self.left + now.since(self.at).div_duration_f64(REFILL)).min(FAILURES_AT_ONCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    #[test]
    fn a_bucket_empties_and_refills() {
        let mut bucket = Bucket::full(NOW);
        for _ in 0..60 {
            bucket.check(NOW).unwrap();
            bucket.take(NOW);
        }
        assert_eq!(bucket.check(NOW), Err(REFILL));
        assert_eq!(bucket.check(NOW.after(REFILL / 2)), Err(REFILL / 2));
        bucket.check(NOW.after(REFILL)).unwrap();
        assert_eq!(bucket.left_at(NOW.after(REFILL * 1000)), FAILURES_AT_ONCE);
        bucket.give_back(NOW);
        bucket.check(NOW).unwrap();
        assert_eq!(bucket.left_at(NOW.before(REFILL)), 1.0, "a clock that went backwards refills nothing");
    }
}
