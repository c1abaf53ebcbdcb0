//! The generic cell rate algorithm: one number per key decides whether the next request comes too early.
//!
//! The number is the theoretical arrival time (TAT): when the next request would arrive if they came exactly at the
//! allowed rate. A request may be early by as much as the burst allows. Source: ITU-T I.371 annex A, virtual
//! scheduling. Times are nanoseconds since an origin of the caller's choice; no clock is read here.

use std::time::Duration;

/// How many requests are allowed, how fast, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Nanoseconds between two requests at the allowed rate; at least 1.
    pub interval: u64,
    /// Nanoseconds the theoretical arrival time may lie ahead: `interval` times the burst.
    pub tolerance: u64,
}

/// What one request found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may pass.
    pub allowed: bool,
    /// The theoretical arrival time to keep. Unchanged by a request that came too early: who is refused is not
    /// punished for trying.
    pub tat: u64,
    /// Requests that may follow at once.
    pub remaining: u64,
    /// Nanoseconds until one more than those may pass.
    pub next: u64,
}

impl Quota {
    /// `requests` in `per`, `burst` of them at once. Nothing is allowed to be zero; one stands in for it.
    pub fn new(requests: u32, per: Duration, burst: u32) -> Self {
        let per = u64::try_from(per.as_nanos()).unwrap_or(u64::MAX);
        let interval = (per / u64::from(requests.max(1))).max(1);
        Self { interval, tolerance: interval.saturating_mul(burst.max(1).into()) }
    }

    /// Decides over a request at `now` of a key whose theoretical arrival time is `tat`; 0 for a key never seen.
    pub fn decide(self, tat: u64, now: u64) -> Decision {
        let after = tat.max(now).saturating_add(self.interval);
        let allowed = after - now <= self.tolerance;
        self.decision(allowed, if allowed { after } else { tat }, now)
    }

    /// What a request found that was decided already, at `now`, and left `tat` behind.
    pub(crate) fn decision(self, allowed: bool, tat: u64, now: u64) -> Decision {
        let ahead = tat.saturating_sub(now);
        let remaining = self.tolerance.saturating_sub(ahead) / self.interval;
        // One more than those passes when its own interval and theirs fit again.
        let all = self.interval.saturating_mul(remaining + 1).saturating_add(ahead);
        Decision { allowed, tat, remaining, next: all.saturating_sub(self.tolerance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Whether requests at these seconds pass, under `requests` a minute with a burst.
    #[track_caller]
    fn check(requests: u32, burst: u32, seconds: &[u64], expected: &str) {
        let quota = Quota::new(requests, Duration::from_secs(60), burst);
        let mut tat = 0;
        let mut found = String::new();
        for second in seconds {
            let decision = quota.decide(tat, second * SECOND);
            tat = decision.tat;
            found.push(if decision.allowed { '+' } else { '-' });
        }
        assert_eq!(found, expected, "{seconds:?}");
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        check(6, 3, &[100, 100, 100, 100], "+++-");
        check(6, 3, &[100, 100, 100, 109, 110, 110], "+++-+-");
        check(60, 1, &[5, 5, 6, 7, 7], "+-++-");
    }

    #[test]
    fn refused_requests_cost_nothing() {
        check(6, 1, &[100, 101, 102, 103, 109, 110], "+----+");
    }

    #[test]
    fn silence_gives_no_more_than_the_burst() {
        check(6, 2, &[0, 0, 100_000, 100_000, 100_000], "++++-");
    }

    #[test]
    fn what_is_left_and_when_more_comes_are_exact() {
        let quota = Quota::new(6, Duration::from_secs(60), 3);
        let first = quota.decide(0, 0);
        assert_eq!((first.remaining, first.next), (2, 10 * SECOND));
        let second = quota.decide(first.tat, 4 * SECOND);
        assert_eq!((second.remaining, second.next), (1, 6 * SECOND));
        let third = quota.decide(second.tat, 4 * SECOND);
        let refused = quota.decide(third.tat, 4 * SECOND);
        assert_eq!(refused, Decision { allowed: false, tat: third.tat, remaining: 0, next: 6 * SECOND });
        assert!(!quota.decide(third.tat, 10 * SECOND - 1).allowed);
        assert!(quota.decide(third.tat, 10 * SECOND).allowed);
    }

    #[test]
    fn extremes_neither_overflow_nor_divide_by_zero() {
        let endless = Quota::new(0, Duration::MAX, 0);
        assert_eq!(endless.decide(u64::MAX, u64::MAX - 1).tat, u64::MAX);
        let fast = Quota::new(u32::MAX, Duration::from_nanos(1), u32::MAX);
        assert!(fast.decide(0, u64::MAX).allowed);
        assert_eq!(Quota::new(1, Duration::ZERO, 1).interval, 1);
    }
}
