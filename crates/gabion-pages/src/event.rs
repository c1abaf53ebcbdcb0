//! What this domain tells the journal. Each is written in the transaction of its change. Its severity is that of the
//! change: critical on payment pages once somebody approved what is there, info while nobody has.

use gabion_core::{EventKind, Severity};

use Severity::{Critical, Info, Warning};

/// A script was seen for the first time. Fields: `class`, `page`, `key`, `detail`, `seen_by`. Entity: the change.
pub const SCRIPT_APPEARED: EventKind = EventKind::new("pages.script_appeared", 1, Info).sealed();
/// A known script says something else. Fields as above.
pub const SCRIPT_CHANGED: EventKind = EventKind::new("pages.script_changed", 1, Info).sealed();
/// A script that people denied is in a page again; once a day. Fields as above.
pub const SCRIPT_DENIED_SEEN: EventKind = EventKind::new("pages.script_denied_seen", 1, Warning).sealed();
/// A script that people authorized was not seen for a week. Fields as above.
pub const SCRIPT_GONE: EventKind = EventKind::new("pages.script_gone", 1, Info).sealed();
/// Pages send to or load from a new place. Fields as above.
pub const DESTINATION_APPEARED: EventKind = EventKind::new("pages.destination_appeared", 1, Info).sealed();
/// A form is sent elsewhere than before. Fields as above.
pub const FORM_REDIRECTED: EventKind = EventKind::new("pages.form_redirected", 1, Warning).sealed();
/// A header that protects the reader is gone or forbids less. Fields as above.
pub const HEADER_WEAKENED: EventKind = EventKind::new("pages.header_weakened", 1, Warning).sealed();
/// An answer says what it should not. Fields as above.
pub const LEAK_FOUND: EventKind = EventKind::new("pages.leak_found", 1, Warning).sealed();
/// There are as many of something as are kept; once a day. Fields: `what`, `class`, `limit`.
pub const LIMIT_REACHED: EventKind = EventKind::new("pages.limit_reached", 1, Warning);
/// A person decided something. Fields: `kind`, `items`, `class`, `first`, `justification`. Entity: the decision.
pub const DECIDED: EventKind = EventKind::new("pages.decided", 1, Info).sealed();
/// A class of pages is held differently from now on. Fields: `class`, `stage`, `undecided`. Entity: the decision.
pub const HELD: EventKind = EventKind::new("pages.held", 1, Warning).sealed();
/// A look from outside saw nothing. Fields: `page`, `reason`. Told when it begins to fail.
pub const LOOK_FAILED: EventKind = EventKind::new("pages.look_failed", 1, Warning);
/// No look from outside saw a payment page for seven days; once a week. Only a warning where the page was served, and so
/// looked at, in that time. Fields: `page`, `reason`.
pub const LOOK_OVERDUE: EventKind = EventKind::new("pages.look_overdue", 1, Critical).sealed();
/// Sightings were lost because there were too many at once. Fields: `sightings`.
pub const SIGHTINGS_DROPPED: EventKind = EventKind::new("pages.sightings_dropped", 1, Warning);
/// Evidence was exported. Fields: `from`, `until`, `digest`.
pub const EVIDENCE_EXPORTED: EventKind = EventKind::new("pages.evidence_exported", 1, Info).sealed();

/// Every kind, for documentation and filters.
pub const ALL: [EventKind; 15] = [
    SCRIPT_APPEARED,
    SCRIPT_CHANGED,
    SCRIPT_DENIED_SEEN,
    SCRIPT_GONE,
    DESTINATION_APPEARED,
    FORM_REDIRECTED,
    HEADER_WEAKENED,
    LEAK_FOUND,
    LIMIT_REACHED,
    DECIDED,
    HELD,
    LOOK_FAILED,
    LOOK_OVERDUE,
    SIGHTINGS_DROPPED,
    EVIDENCE_EXPORTED,
];
