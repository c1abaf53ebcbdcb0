//! How often requests may be sent again: a share of all requests and a small reserve, so that retries never become
//! the flood that keeps a weak shop down.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::config::RetrySection;

/// A retry, in the unit of the balance.
const RETRY: i64 = 1000;
/// Retries that can be saved up beyond the reserve of a second.
const SAVED_MAX: i64 = 100;

/// The budget of an upstream.
pub(crate) struct Budget {
    /// Thousandths of retries.
    balance: AtomicI64,
    refilled_ms: AtomicU64,
}

impl Budget {
    /// A budget that begins with the reserve of one second.
    pub(crate) fn new(settings: &RetrySection, now_ms: u64) -> Self {
        let balance = i64::from(settings.per_second) * RETRY;
        Self { balance: AtomicI64::new(balance), refilled_ms: AtomicU64::new(now_ms) }
    }

    /// A request earns its share.
    pub(crate) fn earn(&self, settings: &RetrySection) {
        if self.balance.load(Ordering::Relaxed) < most(settings) {
            self.balance.fetch_add(i64::from(settings.percent) * RETRY / 100, Ordering::Relaxed);
        }
    }

    /// Takes a retry out of the budget; `false` when it is used up.
    pub(crate) fn spend(&self, settings: &RetrySection, now_ms: u64) -> bool {
        let last = self.refilled_ms.swap(now_ms, Ordering::Relaxed);
        // The reserve of a second in thousandths is the reserve of a millisecond in whole units.
        let since = i64::try_from(now_ms.saturating_sub(last)).unwrap_or(i64::MAX);
        let refill = since.saturating_mul(i64::from(settings.per_second)).min(most(settings));
        let take = |balance: i64| {
            let balance = balance.saturating_add(refill).min(most(settings).max(balance));
            Some(if balance >= RETRY { balance - RETRY } else { balance })
        };
        let before = self.balance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let before = before.unwrap_or_else(|balance| balance);
        before.saturating_add(refill).min(most(settings).max(before)) >= RETRY
    }
}

fn most(settings: &RetrySection) -> i64 {
    (i64::from(settings.per_second) + SAVED_MAX) * RETRY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(budget: &Budget, settings: &RetrySection, wanted: usize, now_ms: u64) -> usize {
        (0..wanted).filter(|_| budget.spend(settings, now_ms)).count()
    }

    #[test]
    fn a_share_of_the_requests_and_a_reserve_can_be_sent_again() {
        let settings = RetrySection { percent: 20, per_second: 5 };
        let budget = Budget::new(&settings, 1);
        assert_eq!(spent(&budget, &settings, 50, 1), 5, "the reserve");
        for _ in 0..100 {
            budget.earn(&settings);
        }
        assert_eq!(spent(&budget, &settings, 50, 1), 20, "a fifth of the requests");
        assert_eq!(spent(&budget, &settings, 50, 2001), 10, "two seconds of the reserve");
    }

    #[test]
    fn what_is_saved_is_bounded() {
        let settings = RetrySection { percent: 20, per_second: 5 };
        let budget = Budget::new(&settings, 1);
        for _ in 0..100_000 {
            budget.earn(&settings);
        }
        let spent = spent(&budget, &settings, 1000, 1_000_000);
        assert!((105..=106).contains(&spent), "{spent}");
    }

    #[test]
    fn nothing_is_sent_again_without_a_budget() {
        let settings = RetrySection { percent: 0, per_second: 0 };
        let budget = Budget::new(&settings, 1);
        budget.earn(&settings);
        assert_eq!(spent(&budget, &settings, 10, 1_000_000), 0);
    }
}
