//! A bounded number of requests in flight, and a bounded queue before them.
//!
//! A queue that empties again smooths a burst; one that does not only makes everybody wait. After a second in which
//! nobody got a place quickly, new requests wait a few milliseconds instead of `queue_timeout_ms`, until somebody
//! does. The idea is CoDel's (RFC 8289), applied to requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::upstream::moment::now_ms;

/// Who waits less has met no standing queue.
const QUICK: Duration = Duration::from_millis(100);
/// How long a queue may stand before waiting is cut short.
const STANDING_MS: u64 = 1_000;
/// How long requests wait before a standing queue.
const SHORT: Duration = Duration::from_millis(10);

/// The places of an upstream. Lives on over reloads.
#[derive(Debug)]
pub(crate) struct Places {
    free: Semaphore,
    most: AtomicUsize,
    /// Places still taken that are not given back, because there are fewer now.
    owed: AtomicUsize,
    waiting: AtomicUsize,
    queue: Standing,
}

/// A place among the requests in flight, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

/// No place was free in time, or the queue was full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Places {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Semaphore::new(most),
            most: AtomicUsize::new(most),
            owed: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            queue: Standing::default(),
        })
    }

    /// Changes how many there are; requests in flight keep theirs. One caller at a time.
    pub(crate) fn resize(&self, most: usize) {
        let before = self.most.swap(most, Ordering::Relaxed);
        if let Some(fewer) = before.checked_sub(most) {
            let taken = fewer - self.free.forget_permits(fewer);
            self.owed.fetch_add(taken, Ordering::Relaxed);
        } else {
            (before..most).for_each(|_| self.give());
        }
    }

    /// Takes a place that is free now.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<Place> {
        self.free.try_acquire().ok()?.forget();
        self.queue.clear();
        Some(Place(Arc::clone(self)))
    }

    /// Takes a place, waiting at most `patience` in a queue of at most `queue_max`.
    pub(crate) async fn take(self: &Arc<Self>, queue_max: usize, patience: Duration) -> Result<Place, Full> {
        if let Some(place) = self.try_take() {
            return Ok(place);
        }
        let _waiting = Waiting::enter(&self.waiting, queue_max).ok_or(Full)?;
        let began = now_ms();
        let patience = self.queue.patience(patience, began);
        let permit = tokio::time::timeout(patience, self.free.acquire()).await;
        permit.map_err(|_| Full)?.map_err(|_| Full)?.forget();
        self.queue.passed(Duration::from_millis(now_ms().saturating_sub(began)));
        Ok(Place(Arc::clone(self)))
    }

    /// Requests waiting for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn give(&self) {
        let repay = |owed: usize| owed.checked_sub(1);
        if self.owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, repay).is_err() {
            self.free.add_permits(1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.give();
    }
}

/// Since when nobody got through the queue quickly, in milliseconds; 0 when somebody just did.
#[derive(Debug, Default)]
struct Standing(AtomicU64);

impl Standing {
    /// How long a request that comes now may wait.
    fn patience(&self, ceiling: Duration, now_ms: u64) -> Duration {
        let since = match self.0.compare_exchange(0, now_ms, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => now_ms,
            Err(since) => since,
        };
        if now_ms.saturating_sub(since) < STANDING_MS { ceiling } else { ceiling.min(SHORT) }
    }

    /// A request got its place.
    fn passed(&self, waited: Duration) {
        if waited < QUICK {
            self.clear();
        }
    }

    fn clear(&self) {
        if self.0.load(Ordering::Relaxed) != 0 {
            self.0.store(0, Ordering::Relaxed);
        }
    }
}

/// A request in the queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let enter = |now: usize| (now < most).then_some(now + 1);
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).ok()?;
        Some(Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const CEILING: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn the_queue_is_bounded_in_length_and_time() {
        let places = Places::new(1);
        let wait = Duration::from_millis(10);
        let place = places.take(1, wait).await.expect("the first place is free");
        let (second, third) = tokio::join!(places.take(1, wait), places.take(1, wait));
        assert_eq!(second.err(), Some(Full), "waits and times out");
        assert_eq!(third.err(), Some(Full), "finds the queue full");
        drop(place);
        assert!(places.take(1, wait).await.is_ok());
        assert_eq!(places.waiting(), 0);
    }

    #[test]
    fn places_taken_before_a_change_count_after_it() {
        let places = Places::new(3);
        let mut taken: Vec<_> = (0..3).filter_map(|_| places.try_take()).collect();
        places.resize(1);
        taken.pop();
        taken.pop();
        assert!(places.try_take().is_none(), "the third still has the only place");
        taken.pop();
        taken.extend(places.try_take());
        assert!(taken.len() == 1 && places.try_take().is_none());
        places.resize(2);
        assert!(places.try_take().is_some());
        places.resize(0);
        places.resize(2);
        let more: Vec<_> = (0..3).filter_map(|_| places.try_take()).collect();
        assert_eq!((taken.len(), more.len()), (1, 1), "debts are settled first");
    }

    #[test]
    fn a_burst_may_wait_and_a_standing_queue_may_not() {
        let queue = Standing::default();
        assert_eq!(queue.patience(CEILING, 1), CEILING);
        assert_eq!(queue.patience(CEILING, 1000), CEILING);
        queue.passed(Duration::from_millis(500));
        assert_eq!(queue.patience(CEILING, 1001), SHORT);
        queue.passed(Duration::from_millis(50));
        assert_eq!(queue.patience(CEILING, 1002), CEILING);
    }

    /// Ten seconds of twice the requests that a shop with one place and 10 ms an answer can take.
    #[test]
    fn under_lasting_overload_answers_come_early_and_the_shop_stays_busy() {
        let queue = Standing::default();
        let mut waiting: VecDeque<(u64, u64)> = VecDeque::new();
        let (mut free_at, mut served, mut slowest) = (0, 0, 0);
        for now in 1..=10_000_u64 {
            if now % 5 == 0 {
                let patience = queue.patience(CEILING, now).as_millis();
                waiting.push_back((now, now + u64::try_from(patience).unwrap()));
            }
            waiting.retain(|(_, until)| *until > now);
            if now >= free_at
                && let Some((came, _)) = waiting.pop_front()
            {
                queue.passed(Duration::from_millis(now - came));
                slowest = slowest.max(now - came);
                (free_at, served) = (now + 10, served + 1);
            }
        }
        assert!(served > 900, "{served} of 1000 answers");
        assert!(slowest < 2000, "{slowest} ms in the queue");
    }
}
