//! The circuit breaker of an upstream. When most requests fail, further ones are answered 503 at once for a few
//! seconds, so that the shop can get up; then one request tries, and its outcome decides.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::config::BreakerSection;
use crate::upstream::window::Window;

/// A trial is out. Above any time.
const TRIAL: u64 = 1 << 63;

/// What a breaker does with requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// They pass.
    #[default]
    Closed,
    /// They are answered 503.
    Open,
    /// One is under way to find out; the others are answered 503.
    Trial,
}

/// The breaker of an upstream.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    window: Window,
    /// 0 while closed; else when it opened for a trial, in milliseconds; with [`TRIAL`] while one is out.
    until_ms: AtomicU64,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The breaker opened.
    Opened,
    /// It closed again.
    Closed,
}

/// A request the breaker let through. Dropped without an outcome, a trial is given to another request.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    trial: bool,
}

impl Breaker {
    /// Lets a request through, or says after how many milliseconds another may try.
    pub(crate) fn admit(&self, now_ms: u64) -> Result<Pass<'_>, u64> {
        let until = self.until_ms.load(Ordering::Relaxed);
        if until == 0 {
            return Ok(Pass { breaker: self, trial: false });
        }
        let due = until & !TRIAL;
        if until & TRIAL != 0 || now_ms < due {
            return Err(due.saturating_sub(now_ms));
        }
        let won = self.until_ms.compare_exchange(until, until | TRIAL, Ordering::Relaxed, Ordering::Relaxed);
        won.map(|_| Pass { breaker: self, trial: true }).map_err(|_| 0)
    }

    /// What it does with requests now.
    pub(crate) fn state(&self, now_ms: u64) -> BreakerState {
        match self.until_ms.load(Ordering::Relaxed) {
            0 => BreakerState::Closed,
            until if until & TRIAL == 0 && now_ms < until => BreakerState::Open,
            _ => BreakerState::Trial,
        }
    }
}

impl Pass<'_> {
    /// Notes how the request ended.
    pub(crate) fn end(mut self, failed: bool, settings: &BreakerSection, now_ms: u64) -> Option<Change> {
        let (breaker, trial) = (self.breaker, std::mem::take(&mut self.trial));
        let open_until = now_ms + (settings.open_seconds * 1000).max(1);
        if trial {
            breaker.until_ms.store(if failed { open_until } else { 0 }, Ordering::Relaxed);
            breaker.window.clear();
            return (!failed).then_some(Change::Closed);
        }
        let counted = breaker.window.add(failed, now_ms, settings.window_seconds * 1000);
        if !failed || !counted.exceeds(u64::from(settings.percent), u64::from(settings.requests_min)) {
            return None;
        }
        let closed = breaker.until_ms.compare_exchange(0, open_until, Ordering::Relaxed, Ordering::Relaxed);
        closed.is_ok().then_some(Change::Opened)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.breaker.until_ms.fetch_and(!TRIAL, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSection =
        BreakerSection { percent: 50, requests_min: 10, window_seconds: 10, open_seconds: 5 };

    fn end(breaker: &Breaker, failed: bool, now_ms: u64) -> Option<Change> {
        breaker.admit(now_ms).expect("it lets the request through").end(failed, &SETTINGS, now_ms)
    }

    fn open() -> Breaker {
        let breaker = Breaker::default();
        let changes: Vec<_> = (0..10).filter_map(|i| end(&breaker, i % 2 == 1, 100)).collect();
        assert_eq!(changes, [Change::Opened]);
        breaker
    }

    #[test]
    fn it_opens_over_a_share_of_failures_and_tells_once() {
        let breaker = open();
        assert_eq!(breaker.state(100), BreakerState::Open);
        assert_eq!(breaker.admit(1100).err(), Some(4000));
    }

    #[test]
    fn few_requests_and_few_failures_leave_it_closed() {
        let few = Breaker::default();
        assert!((0..9).all(|_| end(&few, true, 100).is_none()));
        let most_well = Breaker::default();
        assert!((0..100).all(|i| end(&most_well, i % 3 == 0, 100).is_none()));
        assert_eq!(few.state(100), BreakerState::Closed);
    }

    #[test]
    fn one_trial_at_a_time_decides() {
        let breaker = open();
        let trial = breaker.admit(5100).expect("the trial");
        assert!(breaker.admit(5100).is_err(), "others wait");
        assert_eq!(breaker.state(5100), BreakerState::Trial);
        assert_eq!(trial.end(true, &SETTINGS, 5200), None);
        assert_eq!(breaker.admit(5300).err(), Some(4900), "open again");
        assert_eq!(end(&breaker, false, 10_200), Some(Change::Closed));
        assert_eq!(breaker.state(10_200), BreakerState::Closed);
    }

    #[test]
    fn a_trial_that_nobody_waited_for_is_given_to_the_next() {
        let breaker = open();
        drop(breaker.admit(5100));
        assert_eq!(end(&breaker, false, 5200), Some(Change::Closed));
    }

    #[test]
    fn who_was_under_way_when_it_opened_changes_nothing() {
        let breaker = Breaker::default();
        let late = breaker.admit(1).expect("closed");
        assert_eq!((0..10).filter_map(|_| breaker.admit(2).ok()?.end(true, &SETTINGS, 2)).count(), 1);
        assert_eq!(late.end(true, &SETTINGS, 3), None);
        assert_eq!(breaker.state(3), BreakerState::Open);
    }
}
