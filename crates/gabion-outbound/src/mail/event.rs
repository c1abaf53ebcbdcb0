//! What the journal hears of mail. Never an address in the clear: only where the person is known, under their key.

use gabion_core::{EventKind, Severity};

/// A letter was refused for good, or could not be delivered for three days, and was given up.
pub const MAIL_GAVE_UP: EventKind = EventKind::new("mail.gave_up", 1, Severity::Warning);
/// A letter was dropped because what it says no longer counted.
pub const MAIL_EXPIRED: EventKind = EventKind::new("mail.expired", 1, Severity::Warning);
/// The mail server cannot be reached or takes nothing from us. Letters wait.
pub const MAIL_FAILING: EventKind = EventKind::new("mail.failing", 1, Severity::Warning);
/// The mail server takes letters again.
pub const MAIL_BACK: EventKind = EventKind::new("mail.back", 1, Severity::Info);
