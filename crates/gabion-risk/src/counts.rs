//! How often what was seen, with the old counting ever less.

use std::time::Duration;

use gabion_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::features::{Feature, FeatureKey, Features};
use crate::recent::Recent;

/// A count that halves with time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Decayed {
    count: f64,
    at: Timestamp,
}

impl Decayed {
    fn at(self, now: Timestamp, half_life: Duration) -> f64 {
        self.count * (-now.since(self.at).div_duration_f64(half_life)).exp2()
    }

    fn add(&mut self, now: Timestamp, half_life: Duration) {
        *self = Self { count: self.at(now, half_life) + 1.0, at: self.at.max(now) };
    }
}

/// How often each feature had each value. Plain data of bounded size: what was not seen for longest is forgotten.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Kept", into = "Kept")]
pub struct Counts {
    half_life: Duration,
    values: Recent<FeatureKey, Decayed>,
    totals: [Decayed; Feature::ALL.len()],
}

/// Stored counts that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the counts are not as they were kept")]
pub struct InvalidCounts;

impl Counts {
    /// Of nothing yet. Counts halve after each `half_life`; at most `entries_max` values are remembered.
    ///
    /// # Panics
    /// When either is zero.
    pub fn new(half_life: Duration, entries_max: usize) -> Self {
        assert!(!half_life.is_zero(), "counts last a while");
        Self { half_life, values: Recent::new(entries_max), totals: Default::default() }
    }

    /// Counts one more.
    pub fn add(&mut self, features: &Features, now: Timestamp) {
        for (feature, key) in features.iter() {
            self.values.touch(key, Decayed::default).add(now, self.half_life);
            self.totals[feature as usize].add(now, self.half_life);
        }
    }

    /// How often a value was seen, the old counting less.
    pub fn count(&self, key: FeatureKey, now: Timestamp) -> f64 {
        self.values.get(&key).map_or(0.0, |count| count.at(now, self.half_life))
    }

    /// How often a feature had any value, the old counting less.
    pub fn total(&self, feature: Feature, now: Timestamp) -> f64 {
        self.totals[feature as usize].at(now, self.half_life)
    }

    /// Values remembered.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// [`Counts`] as they are kept: values from the one seen longest ago, with microseconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    half_life_seconds: u64,
    entries_max: usize,
    values: Vec<(FeatureKey, f64, i64)>,
    totals: [(f64, i64); Feature::ALL.len()],
}

impl From<Counts> for Kept {
    fn from(counts: Counts) -> Self {
        Self {
            half_life_seconds: counts.half_life.as_secs(),
            entries_max: counts.values.entries_max(),
            values: counts
                .values
                .oldest_first()
                .map(|(key, decayed)| (key, decayed.count, decayed.at.micros()))
                .collect(),
            totals: counts.totals.map(|total| (total.count, total.at.micros())),
        }
    }
}

impl TryFrom<Kept> for Counts {
    type Error = InvalidCounts;

    fn try_from(kept: Kept) -> Result<Self, Self::Error> {
        let decayed = |count: f64, micros| {
            let at = Timestamp::from_micros(micros);
            (count.is_finite() && count >= 0.0).then_some(Decayed { count, at }).ok_or(InvalidCounts)
        };
        if kept.half_life_seconds == 0 || kept.entries_max == 0 || kept.values.len() > kept.entries_max {
            return Err(InvalidCounts);
        }
        let mut counts = Self::new(Duration::from_secs(kept.half_life_seconds), kept.entries_max);
        for (key, count, at) in kept.values {
            *counts.values.touch(key, Decayed::default) = decayed(count, at)?;
        }
        for (total, (count, at)) in counts.totals.iter_mut().zip(kept.totals) {
            *total = decayed(count, at)?;
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::features::FeatureKeys;
    use crate::network::Origin;
    use gabion_core::Secret;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn features(third: u8) -> Features {
        let origin = Origin::of([192, 0, third, 1].into());
        FeatureKeys::new(&Secret::new([1; 32])).features(&origin, &Client::default())
    }

    fn count(counts: &Counts, third: u8, now: Timestamp) -> f64 {
        counts.count(features(third).get(Feature::Network).unwrap(), now)
    }

    #[test]
    fn counts_halve() {
        let mut counts = Counts::new(DAY, 10);
        counts.add(&features(1), NOW);
        counts.add(&features(1), NOW.after(DAY));
        assert!((count(&counts, 1, NOW.after(DAY)) - 1.5).abs() < 1e-9);
        assert!((counts.total(Feature::Network, NOW.after(DAY * 2)) - 0.75).abs() < 1e-9);
        assert_eq!(counts.total(Feature::Asn, NOW), 0.0, "never known");
    }

    #[test]
    fn a_clock_that_went_backwards_makes_nothing_grow() {
        let mut counts = Counts::new(DAY, 10);
        counts.add(&features(1), NOW);
        assert_eq!(count(&counts, 1, NOW.before(DAY)), 1.0);
        counts.add(&features(1), NOW.before(DAY));
        assert_eq!(count(&counts, 1, NOW), 2.0);
    }

    #[test]
    fn what_was_not_seen_for_longest_is_forgotten() {
        let mut counts = Counts::new(DAY, 2);
        for third in [1, 2, 1, 3] {
            counts.add(&features(third), NOW);
        }
        assert_eq!([1, 2, 3].map(|third| count(&counts, third, NOW)), [2.0, 0.0, 1.0]);
        assert_eq!(counts.total(Feature::Network, NOW), 4.0);
    }

    #[test]
    fn what_is_kept_comes_back() {
        let mut counts = Counts::new(DAY, 3);
        for third in [1, 2, 1, 3] {
            counts.add(&features(third), NOW);
        }
        let text = serde_json::to_string(&counts).unwrap();
        let mut back: Counts = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        back.add(&features(4), NOW);
        assert_eq!([1, 2].map(|third| count(&back, third, NOW)), [2.0, 0.0], "the order came back too");
        for (good, bad) in [("\"entries_max\":3", "\"entries_max\":2"), ("86400", "0"), ("2.0", "-2.0")] {
            assert!(serde_json::from_str::<Counts>(&text.replacen(good, bad, 1)).is_err(), "{bad}");
        }
    }
}
