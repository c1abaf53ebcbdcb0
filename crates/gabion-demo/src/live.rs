//! What happens right now: who looks at a product, what was just ordered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use crate::fault::Fault;

/// Changes a slow listener may lag behind; beyond that it misses some and catches up with the newest.
const BACKLOG_MAX: usize = 64;
/// Open stock notices and event streams together. Above it: 503.
const LISTENERS_MAX: usize = 200;

/// A product that was just bought.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ordered {
    pub(crate) product: String,
    pub(crate) name: String,
    pub(crate) town: String,
}

/// Handle to the shop's news.
#[derive(Clone)]
pub(crate) struct Live {
    viewers: Arc<Mutex<HashMap<&'static str, usize>>>,
    /// Slugs whose stock or viewers changed.
    changes: broadcast::Sender<String>,
    orders: broadcast::Sender<Ordered>,
    seats: Arc<Semaphore>,
}

/// One listener's place; dropping it gives it back.
pub(crate) struct Seat(
    #[expect(dead_code, reason = "held only to be given back when dropped")] OwnedSemaphorePermit,
);

/// One visitor who looks at a product; dropping it means leaving.
pub(crate) struct Viewer {
    live: Live,
    slug: &'static str,
}

impl Live {
    pub(crate) fn new() -> Live {
        Live {
            viewers: Arc::default(),
            changes: broadcast::Sender::new(BACKLOG_MAX),
            orders: broadcast::Sender::new(BACKLOG_MAX),
            seats: Arc::new(Semaphore::new(LISTENERS_MAX)),
        }
    }

    /// Takes a place for a long-lived listener.
    pub(crate) fn seat(&self) -> Result<Seat, Fault> {
        self.seats.clone().try_acquire_owned().map(Seat).map_err(|_| Fault::Busy)
    }

    /// Counts one more visitor of a product and tells the others.
    pub(crate) fn look_at(&self, slug: &'static str) -> Viewer {
        *self.viewers.lock().unwrap_or_else(PoisonError::into_inner).entry(slug).or_default() += 1;
        self.changed(slug);
        Viewer { live: self.clone(), slug }
    }

    pub(crate) fn viewers(&self, slug: &str) -> usize {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner).get(slug).copied().unwrap_or(0)
    }

    pub(crate) fn changes(&self) -> broadcast::Receiver<String> {
        self.changes.subscribe()
    }

    pub(crate) fn orders(&self) -> broadcast::Receiver<Ordered> {
        self.orders.subscribe()
    }

    /// Tells everybody that a product was bought.
    pub(crate) fn ordered(&self, ordered: Ordered) {
        self.changed(&ordered.product);
        // An error only means that nobody listens.
        let _ = self.orders.send(ordered);
    }

    fn changed(&self, slug: &str) {
        // An error only means that nobody listens.
        let _ = self.changes.send(slug.to_owned());
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut viewers = self.live.viewers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = viewers.get_mut(self.slug) {
            *count -= 1;
        }
        drop(viewers);
        self.live.changed(self.slug);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn viewers_are_counted_while_they_look() {
        let live = Live::new();
        let first = live.look_at("tide-cups");
        let second = live.look_at("tide-cups");
        assert_eq!(live.viewers("tide-cups"), 2);
        drop(first);
        assert_eq!(live.viewers("tide-cups"), 1);
        drop(second);
        assert_eq!(live.viewers("tide-cups"), 0);
    }

    #[test]
    fn listeners_beyond_the_limit_are_refused_until_one_leaves() {
        let live = Live::new();
        let mut seats: Vec<_> = (0..LISTENERS_MAX).map(|_| live.seat().unwrap()).collect();
        assert!(matches!(live.seat(), Err(Fault::Busy)));
        seats.pop();
        assert!(live.seat().is_ok());
    }
}
