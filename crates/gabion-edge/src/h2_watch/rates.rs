//! How much happened in the last second.

use std::time::Duration;

use tokio::time::Instant;

/// The second of the limits.
const WINDOW: Duration = Duration::from_secs(1);

/// Counters over a window that slides: what happened in the last whole one counts for the share of it that the
/// window still covers.
#[derive(Debug)]
pub(super) struct Rates<const N: usize> {
    began: Instant,
    now: [u32; N],
    before: [u32; N],
}

impl<const N: usize> Rates<N> {
    pub(super) const fn new(now: Instant) -> Self {
        Self { began: now, now: [0; N], before: [0; N] }
    }

    /// Counts one, and says how many there were in the last second.
    pub(super) fn add(&mut self, which: usize, now: Instant) -> u32 {
        let since = self.turn(now);
        self.now[which] = self.now[which].saturating_add(1);
        let covered = (WINDOW - since).as_millis();
        let before = u128::from(self.before[which]) * covered / WINDOW.as_millis();
        self.now[which].saturating_add(u32::try_from(before).expect("no more than it was"))
    }

    /// Begins a new window when one is over, and says how old the current one is.
    fn turn(&mut self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.began);
        if since < WINDOW {
            return since;
        }
        let next = since < WINDOW * 2;
        self.before = if next { self.now } else { [0; N] };
        self.now = [0; N];
        self.began = if next { self.began + WINDOW } else { now };
        now.saturating_duration_since(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut rates = Rates::<2>::new(start);
        assert_eq!((1..=100).map(|_| rates.add(0, at(900))).last(), Some(100));
        assert_eq!(rates.add(1, at(950)), 1, "each for itself");
        assert_eq!(rates.add(0, at(1250)), 76, "three quarters of the last one are covered");
        assert_eq!(rates.add(0, at(1750)), 27);
        assert_eq!(rates.add(0, at(9000)), 1, "long ago");
    }
}
