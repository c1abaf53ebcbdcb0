//! Theoretical arrival times of many keys in memory that never grows.
//!
//! A key's hash picks a bucket of [`SLOTS`] places behind one small lock, held for a few nanoseconds. In a full bucket
//! the key that has used least of its limit makes room: flooding the table with new keys makes others forget that
//! they had begun, never that they are at their limit before all others of the bucket are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::gcra::{Decision, Quota};

/// Places of a bucket: searched in a row, 128 bytes.
const SLOTS: usize = 8;

#[derive(Clone, Copy, Default)]
struct Slot {
    /// Hash of the key; 0 is a free place.
    key: u64,
    tat: u64,
}

/// The table.
pub(crate) struct Table {
    buckets: Box<[Mutex<[Slot; SLOTS]>]>,
    displaced: AtomicU64,
}

impl Table {
    /// A table for about `keys` keys, rounded up to a power of two. 17 bytes each.
    pub(crate) fn new(keys: usize) -> Self {
        let buckets = keys.div_ceil(SLOTS).max(1).next_power_of_two();
        let buckets = std::iter::repeat_with(Mutex::default).take(buckets).collect();
        Self { buckets, displaced: AtomicU64::new(0) }
    }

    /// Counts a request of `key` at `now`, in nanoseconds.
    pub(crate) fn count(&self, key: u64, quota: Quota, now: u64) -> Decision {
        self.change(key, now, |tat| {
            let decision = quota.decide(tat, now);
            (decision.tat, decision)
        })
    }

    /// The theoretical arrival time of `key`; 0 when it is not known.
    pub(crate) fn tat(&self, key: u64) -> u64 {
        let key = key.max(1);
        self.bucket(key).iter().find(|slot| slot.key == key).map_or(0, |slot| slot.tat)
    }

    /// Takes over the theoretical arrival time of `key` that somebody else has counted, unless a later one is known.
    pub(crate) fn raise(&self, key: u64, tat: u64, now: u64) {
        self.change(key, now, |known| (known.max(tat), ()));
    }

    fn bucket(&self, key: u64) -> MutexGuard<'_, [Slot; SLOTS]> {
        let bucket = usize::try_from(key >> 32).unwrap_or(0) & (self.buckets.len() - 1);
        self.buckets[bucket].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, key: u64, now: u64, change: impl FnOnce(u64) -> (u64, T)) -> T {
        let key = key.max(1);
        let mut slots = self.bucket(key);
        if let Some(slot) = slots.iter_mut().find(|slot| slot.key == key) {
            let (tat, answer) = change(slot.tat);
            slot.tat = tat;
            return answer;
        }
        let (tat, answer) = change(0);
        let place = slots.iter_mut().min_by_key(|slot| slot.tat).expect("a bucket has places");
        if place.tat > now {
            self.displaced.fetch_add(1, Ordering::Relaxed);
        }
        *place = Slot { key, tat };
        answer
    }

    /// Keys that made room while they still counted for something, so far.
    pub(crate) fn displaced(&self) -> u64 {
        self.displaced.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn quota(burst: u32) -> Quota {
        Quota::new(60, Duration::from_secs(60), burst)
    }

    #[test]
    fn keys_are_counted_apart() {
        let table = Table::new(64);
        assert!(table.count(1, quota(1), SECOND).allowed);
        assert!(!table.count(1, quota(1), SECOND).allowed);
        assert!(table.count(2, quota(1), SECOND).allowed);
        assert!(table.count(1, quota(1), 2 * SECOND).allowed);
    }

    #[test]
    fn a_flood_of_keys_forgets_the_idle_and_keeps_who_is_at_the_limit() {
        let table = Table::new(SLOTS);
        assert_eq!(table.buckets.len(), 1);
        let heavy = 77;
        while table.count(heavy, quota(20), SECOND).allowed {}
        for key in 1_000..2_000 {
            assert!(table.count(key, quota(20), SECOND).allowed);
        }
        assert!(!table.count(heavy, quota(20), SECOND).allowed);
        assert_eq!(table.displaced(), 1_000 - (SLOTS as u64 - 1));
    }

    #[test]
    fn keys_whose_time_is_over_make_room_without_a_loss() {
        let table = Table::new(SLOTS);
        for key in 1..=100 {
            assert!(table.count(key, quota(1), key * 10 * SECOND).allowed);
        }
        assert_eq!(table.displaced(), 0);
    }

    #[test]
    fn what_somebody_else_counted_is_taken_over_and_never_taken_back() {
        let table = Table::new(64);
        assert_eq!(table.tat(1), 0);
        table.raise(1, 3 * SECOND, SECOND);
        table.raise(1, 2 * SECOND, SECOND);
        assert_eq!(table.tat(1), 3 * SECOND);
        assert!(!table.count(1, quota(2), SECOND).allowed);
        assert!(table.count(1, quota(2), 2 * SECOND).allowed);
    }

    #[test]
    fn sizes_are_rounded_up_and_never_zero() {
        let buckets = |keys| Table::new(keys).buckets.len();
        assert_eq!([buckets(0), buckets(65_536), buckets(65_537)], [1, 8_192, 16_384]);
    }
}
