//! How mail stands, for whoever looks: from memory.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use gabion_core::Timestamp;

use super::{Mail, Outlet};

/// Letters that may wait. Above it no more are taken: the mail server has taken nothing for long, and more would only
/// fill the disk.
pub const WAITING_LETTERS_MAX: u64 = 10_000;

/// What becomes of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Mail is not configured.
    Off,
    /// Letters are kept for the console.
    Captured,
    /// Letters are sent.
    Smtp,
}

/// How the queue stood at its last look, at most a few seconds ago.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Letters that wait.
    pub waiting: u64,
    /// When the oldest of them was put.
    pub oldest: Option<Timestamp>,
    /// What its last attempt ended with; addresses are left out. None before the first.
    pub last_error: Option<String>,
    /// Since when the mail server takes nothing, and what was wrong the last time.
    pub trouble: Option<(Timestamp, String)>,
}

/// Letters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken by the mail server.
    pub sent: u64,
    /// Kept for the console.
    pub captured: u64,
    /// Attempts that went wrong and come again.
    pub retried: u64,
    /// Given up.
    pub gave_up: u64,
    /// Dropped because they no longer counted.
    pub expired: u64,
}

/// The same, counting.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: AtomicU64,
    pub(super) captured: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) gave_up: AtomicU64,
    pub(super) expired: AtomicU64,
}

impl Mail {
    /// What becomes of letters.
    pub fn kind(&self) -> Kind {
        match self.0.outlet {
            Outlet::Off => Kind::Off,
            Outlet::Captured => Kind::Captured,
            Outlet::Smtp { .. } => Kind::Smtp,
        }
    }

    /// How the queue stands.
    pub fn queue(&self) -> Queue {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Letters since the start.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { sent, captured, retried, gave_up, expired } = &self.0.counters;
        Counts {
            sent: read(sent),
            captured: read(captured),
            retried: read(retried),
            gave_up: read(gave_up),
            expired: read(expired),
        }
    }
}
