//! Passive health: what requests say about an endpoint. One that fails too often gets none for a while, longer each
//! time, and comes back slowly.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::config::EjectSection;
use crate::upstream::window::Window;

/// The share of its requests, in percent, that an endpoint gets at once when it comes back.
const WEIGHT_MIN: u64 = 10;
/// The whole share.
pub(crate) const WEIGHT_MAX: u64 = 100;
/// Doublings of the time an endpoint stays out; `seconds_max` is reached before.
const DOUBLINGS_MAX: u32 = 16;

/// What is known of one endpoint.
#[derive(Default)]
pub(crate) struct Ejection {
    failed_in_a_row: AtomicU32,
    window: Window,
    /// When it may come back; 0 when it never was out.
    until_ms: AtomicU64,
    /// When it came back, from an ejection or from failed health checks; 0 for never.
    back_ms: AtomicU64,
    times: AtomicU32,
}

impl Ejection {
    /// Whether the endpoint gets no requests now.
    pub(crate) fn is_out(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms.load(Ordering::Relaxed)
    }

    /// Notes how a request ended; says whether that is too much.
    pub(crate) fn note(&self, failed: bool, settings: &EjectSection, now_ms: u64) -> bool {
        let counted = self.window.add(failed, now_ms, settings.window_seconds * 1000);
        if !failed {
            if self.failed_in_a_row.load(Ordering::Relaxed) != 0 {
                self.failed_in_a_row.store(0, Ordering::Relaxed);
            }
            return false;
        }
        let row = self.failed_in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let too_many = settings.failures > 0 && row >= settings.failures;
        too_many || counted.exceeds(u64::from(settings.percent), u64::from(settings.requests_min))
    }

    /// Takes the endpoint out; says for how long. Twice as long as the last time, unless that is long ago.
    pub(crate) fn eject(&self, settings: &EjectSection, now_ms: u64) -> Duration {
        let most = settings.seconds_max.max(settings.seconds) * 1000;
        let last = self.until_ms.load(Ordering::Relaxed);
        let again = last != 0 && now_ms.saturating_sub(last) < most;
        let times = if again { self.times.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
        self.times.store(times, Ordering::Relaxed);
        let length = ((settings.seconds * 1000) << times.min(DOUBLINGS_MAX)).min(most).max(1);
        self.until_ms.store(now_ms + length, Ordering::Relaxed);
        self.back_ms.store(now_ms + length, Ordering::Relaxed);
        self.failed_in_a_row.store(0, Ordering::Relaxed);
        self.window.clear();
        Duration::from_millis(length)
    }

    /// Lets the endpoint come back before its time; says whether it was out.
    pub(crate) fn release(&self, now_ms: u64) -> bool {
        let was_out = self.is_out(now_ms);
        if was_out {
            self.until_ms.store(now_ms, Ordering::Relaxed);
            self.back_ms.store(now_ms, Ordering::Relaxed);
        }
        was_out
    }

    /// When it may come back; 0 when it never was out.
    pub(crate) fn until_ms(&self) -> u64 {
        self.until_ms.load(Ordering::Relaxed)
    }

    /// The endpoint is back from failed health checks.
    pub(crate) fn back(&self, now_ms: u64) {
        self.back_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// The share of its requests it should get, in percent: all, unless it came back a moment ago.
    pub(crate) fn weight(&self, slow_start_ms: u64, now_ms: u64) -> u64 {
        let back = self.back_ms.load(Ordering::Relaxed);
        if back == 0 || slow_start_ms == 0 {
            return WEIGHT_MAX;
        }
        (now_ms.saturating_sub(back) * WEIGHT_MAX / slow_start_ms).clamp(WEIGHT_MIN, WEIGHT_MAX)
    }
}

/// Whether one more of `all` endpoints may be ejected, `out` being out already: never the last, and at most
/// `percent` of them, but one of two or more always.
pub(crate) const fn may_eject(all: usize, out: usize, percent: usize) -> bool {
    all > out + 1 && (out == 0 || (out + 1) * 100 <= percent * all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> EjectSection {
        EjectSection {
            failures: 3,
            percent: 50,
            requests_min: 10,
            window_seconds: 10,
            seconds: 10,
            seconds_max: 60,
            ..EjectSection::default()
        }
    }

    #[test]
    fn failures_in_a_row_are_too_much_and_a_success_between_them_is_not() {
        let ejection = Ejection::default();
        let outcomes = [true, true, false, true, true, true];
        let verdicts = outcomes.map(|failed| ejection.note(failed, &settings(), 5));
        assert_eq!(verdicts, [false, false, false, false, false, true]);
    }

    #[test]
    fn a_share_of_failures_is_too_much_when_there_are_enough_requests() {
        let ejection = Ejection::default();
        let verdicts: Vec<_> = (0..10).map(|i| ejection.note(i % 2 == 1, &settings(), 5)).collect();
        assert_eq!(verdicts.iter().position(|verdict| *verdict), Some(9));
        let calm = Ejection::default();
        assert!((0..100).all(|i| !calm.note(i % 3 == 0, &settings(), 5)), "a third is below half");
    }

    #[test]
    fn the_time_out_grows_to_a_bound_and_is_forgotten_after_a_good_while() {
        let ejection = Ejection::default();
        let mut now = 1;
        let mut lengths = Vec::new();
        for _ in 0..5 {
            let length = ejection.eject(&settings(), now);
            assert!(ejection.is_out(now));
            now += u64::try_from(length.as_millis()).unwrap();
            assert!(!ejection.is_out(now));
            lengths.push(length.as_secs());
            now += 1000;
        }
        assert_eq!(lengths, [10, 20, 40, 60, 60]);
        assert_eq!(ejection.eject(&settings(), now + 60_000).as_secs(), 10);
    }

    #[test]
    fn who_comes_back_ramps_up() {
        let ejection = Ejection::default();
        assert_eq!(ejection.weight(10_000, 5), 100, "was never away");
        ejection.eject(&settings(), 1);
        let weights = [10_001, 10_500, 15_001, 20_001, 99_999].map(|now| ejection.weight(10_000, now));
        assert_eq!(weights, [10, 10, 50, 100, 100]);
        ejection.back(30_000);
        assert_eq!(ejection.weight(10_000, 32_000), 20);
        assert_eq!(ejection.weight(0, 30_000), 100, "no slow start");
    }

    #[test]
    fn the_last_endpoint_and_more_than_the_share_stay() {
        let most = |all: usize, percent: usize| (0..all).find(|out| !may_eject(all, *out, percent)).unwrap();
        assert_eq!([1, 2, 3, 4, 5, 10].map(|all| most(all, 50)), [0, 1, 1, 2, 2, 5]);
        assert_eq!([2, 3, 4].map(|all| most(all, 100)), [1, 2, 3]);
        assert_eq!(most(4, 0), 1);
    }
}
