//! Where whoever serves pages puts sightings: bounded, never waiting, counting what it had to leave out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gabion_markup::sighting::Sighting;
use tokio::sync::mpsc;

/// Sightings that wait to be written. A page with scripts in it takes some tens of kilobytes.
pub const SIGHTINGS_WAITING_MAX: usize = 1_024;
/// Sightings that are taken at once.
pub const SIGHTINGS_PER_TURN_MAX: usize = 64;

/// Takes sightings from whoever serves pages; clones share one queue.
#[derive(Clone, Debug)]
pub struct PagesSink {
    sender: mpsc::Sender<Sighting>,
    dropped: Arc<AtomicU64>,
}

/// The other end of a [`PagesSink`]: for [`Pages::run`](crate::Pages::run).
#[derive(Debug)]
pub struct PagesReceiver {
    receiver: mpsc::Receiver<Sighting>,
    dropped: Arc<AtomicU64>,
}

/// Both ends of a queue of sightings.
pub fn channel() -> (PagesSink, PagesReceiver) {
    let (sender, receiver) = mpsc::channel(SIGHTINGS_WAITING_MAX);
    let dropped = Arc::new(AtomicU64::new(0));
    (PagesSink { sender, dropped: Arc::clone(&dropped) }, PagesReceiver { receiver, dropped })
}

impl PagesSink {
    /// Hands over a sighting. Never waits: when too many do already, it is dropped and counted. Says whether it was taken.
    pub fn offer(&self, sighting: Sighting) -> bool {
        let is_taken = self.sender.try_send(sighting).is_ok();
        if !is_taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// Sightings that were dropped since the start and not told of yet.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl PagesReceiver {
    /// Waits for sightings and appends some of them; 0 when there will be no more.
    pub(crate) async fn some(&mut self, sightings: &mut Vec<Sighting>) -> usize {
        self.receiver.recv_many(sightings, SIGHTINGS_PER_TURN_MAX).await
    }

    /// How many were dropped since this was asked last.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// Puts back what could not be told of.
    pub(crate) fn give_back_dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }
}
