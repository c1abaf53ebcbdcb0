//! What was told lately, in memory that never grows.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gabion_core::Timestamp;

use crate::rate_limit::Quota;

/// How long the same thing is not told again.
pub(super) const TOLD_AGAIN: Duration = Duration::from_secs(600);
/// New things of one kind that are told in a second, and at once: a shop has some hundreds of each.
const NEW_PER_SECOND: u32 = 20;
const NEW_AT_ONCE: u32 = 500;

/// Values by key. When the younger half is full, the older one is forgotten; who is asked for becomes young.
pub(super) struct Recent<V> {
    half: usize,
    young: HashMap<u64, V>,
    old: HashMap<u64, V>,
}

impl<V: Copy> Recent<V> {
    /// Remembers between `half` and twice as many.
    pub(super) fn new(half: usize) -> Self {
        Self { half, young: HashMap::new(), old: HashMap::new() }
    }

    /// The value of `key`.
    pub(super) fn get(&mut self, key: u64) -> Option<V> {
        if let Some(value) = self.young.get(&key) {
            return Some(*value);
        }
        let value = self.old.remove(&key)?;
        self.put(key, value);
        Some(value)
    }

    /// Remembers `value`.
    pub(super) fn put(&mut self, key: u64, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Forgets `key`.
    pub(super) fn forget(&mut self, key: u64) {
        self.young.remove(&key);
        self.old.remove(&key);
    }
}

/// So many in a second, and no more.
pub(super) struct Allowance {
    quota: Quota,
    /// Theoretical arrival time of the next, in nanoseconds since 1970.
    tat: AtomicU64,
}

impl Allowance {
    pub(super) fn new(requests: u32, per: Duration, burst: u32) -> Self {
        Self { quota: Quota::new(requests, per, burst), tat: AtomicU64::new(0) }
    }

    /// Whether there may be one more.
    pub(super) fn take(&self, now: Timestamp) -> bool {
        let now = nanos(now);
        let next =
            |tat| Some(self.quota.decide(tat, now)).filter(|found| found.allowed).map(|found| found.tat);
        self.tat.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// Nanoseconds since 1970, as limits count.
pub(super) fn nanos(now: Timestamp) -> u64 {
    u64::try_from(now.micros()).unwrap_or(0).saturating_mul(1_000)
}

/// Things of one kind, each told when it is new and every [`TOLD_AGAIN`].
pub(super) struct Told {
    at: Mutex<Recent<Timestamp>>,
    new: Allowance,
}

/// What to do about a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is told.
    Tell,
    /// It was told a moment ago.
    Known,
    /// Too many new ones come at a time; it is as if it had not been seen.
    TooMany,
}

impl Told {
    pub(super) fn new(half: usize) -> Self {
        let new = Allowance::new(NEW_PER_SECOND, Duration::from_secs(1), NEW_AT_ONCE);
        Self { at: Mutex::new(Recent::new(half)), new }
    }

    /// What to do about `key`, which is here now.
    pub(super) fn turn(&self, key: u64, now: Timestamp) -> Turn {
        let mut at = lock(&self.at);
        match at.get(key) {
            Some(told) if now.since(told) < TOLD_AGAIN => return Turn::Known,
            None if !self.new.take(now) => return Turn::TooMany,
            _ => at.put(key, now),
        }
        Turn::Tell
    }

    /// It was not told after all: it is new the next time.
    pub(super) fn forget(&self, key: u64) {
        lock(&self.at).forget(key);
    }
}

/// Locks what is held for a moment only and stays whole whatever happens.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let mut recent = Recent::new(100);
        recent.put(1, 'a');
        for key in 2..10_000 {
            recent.put(key, 'b');
            assert_eq!(recent.get(1), Some('a'));
        }
        assert_eq!(recent.get(2), None);
        assert!(recent.young.len() + recent.old.len() <= 200);
    }

    #[test]
    fn a_thing_is_told_once_and_again_after_ten_minutes() {
        let told = Told::new(10);
        let at = Timestamp::from_seconds;
        assert_eq!(told.turn(1, at(1_000)), Turn::Tell);
        assert_eq!(told.turn(1, at(1_599)), Turn::Known);
        assert_eq!(told.turn(1, at(1_600)), Turn::Tell);
        let told_of_a_flood = (100..10_100).filter(|key| told.turn(*key, at(1_600)) == Turn::Tell).count();
        assert_eq!(told_of_a_flood, 500);
        assert_eq!(told.turn(99, at(1_600)), Turn::TooMany);
        assert_eq!(told.turn(99, at(1_601)), Turn::Tell);
    }
}
