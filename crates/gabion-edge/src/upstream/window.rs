//! Outcomes counted over a stretch of time, in one atomic.

use std::sync::atomic::{AtomicU64, Ordering};

const COUNT_BITS: u32 = 20;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

/// Outcomes of the running stretch. A new stretch begins empty. Holds a million outcomes; more are not counted.
#[derive(Debug, Default)]
pub(crate) struct Window(AtomicU64);

/// What a stretch has seen so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) total: u64,
    pub(crate) failed: u64,
}

impl Window {
    /// Adds an outcome to the stretch of `length_ms` that `now_ms` is in.
    pub(crate) fn add(&self, failed: bool, now_ms: u64, length_ms: u64) -> Counted {
        let stretch = (now_ms / length_ms.max(1)) & (u64::MAX >> (2 * COUNT_BITS));
        let next = |packed: u64| {
            let fresh = packed >> (2 * COUNT_BITS) != stretch;
            let total = if fresh { 0 } else { (packed >> COUNT_BITS) & COUNT_MAX };
            let bad = if fresh { 0 } else { packed & COUNT_MAX };
            let full = u64::from(total < COUNT_MAX);
            (stretch << (2 * COUNT_BITS))
                | ((total + full) << COUNT_BITS)
                | (bad + u64::from(failed).min(full))
        };
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| Some(next(packed)));
        let after = next(before.unwrap_or_else(|packed| packed));
        Counted { total: (after >> COUNT_BITS) & COUNT_MAX, failed: after & COUNT_MAX }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl Counted {
    /// Whether at least `percent` of at least `least` outcomes failed. No share is 0 percent.
    pub(crate) const fn exceeds(self, percent: u64, least: u64) -> bool {
        percent > 0 && self.total >= least && self.failed * 100 >= percent * self.total && self.failed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_until_the_next_stretch_begins() {
        let window = Window::default();
        assert_eq!(window.add(true, 100, 1000), Counted { total: 1, failed: 1 });
        assert_eq!(window.add(false, 999, 1000), Counted { total: 2, failed: 1 });
        assert_eq!(window.add(false, 1000, 1000), Counted { total: 1, failed: 0 });
        window.clear();
        assert_eq!(window.add(true, 1000, 1000), Counted { total: 1, failed: 1 });
    }

    #[test]
    fn a_full_stretch_stays_full() {
        let window = Window(AtomicU64::new((COUNT_MAX << COUNT_BITS) | 7));
        assert_eq!(window.add(true, 1, 1000), Counted { total: COUNT_MAX, failed: 7 });
    }

    #[test]
    fn a_share_needs_volume() {
        let counted = |failed, total| Counted { total, failed };
        assert!(counted(10, 20).exceeds(50, 20) && counted(20, 20).exceeds(50, 20));
        assert!(!counted(9, 20).exceeds(50, 20) && !counted(19, 19).exceeds(50, 20));
        assert!(!counted(20, 20).exceeds(0, 20), "0 percent is off");
    }
}
