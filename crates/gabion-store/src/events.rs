//! What the store itself records.

use gabion_core::{EventKind, Severity};

/// The database was put back to an older state by someone who did not use `restore`.
pub const ROLLED_BACK: EventKind = EventKind::new("store.rolled_back", 1, Severity::Critical).sealed();

/// The database was filled from a backup.
pub const RESTORED: EventKind = EventKind::new("store.restored", 1, Severity::Warning).sealed();

/// A key of the ring was replaced by one of the next epoch.
pub const KEY_ROTATED: EventKind = EventKind::new("store.key_rotated", 1, Severity::Info).sealed();

/// Events of the edge's lane were lost; `count` says how many.
pub const LANE_DROPPED: EventKind = EventKind::new("store.lane_dropped", 1, Severity::Warning);
