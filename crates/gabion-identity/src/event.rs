//! What this domain tells the journal. Each is written in the transaction of its change.

use gabion_core::{EventKind, Severity};

use Severity::{Info, Warning};

/// A one-time link for a new account was given out. Fields: `role`.
pub const LINK_ISSUED: EventKind = EventKind::new("staff.link_issued", 1, Warning).sealed();
/// A one-time link for a new password was given out. Entity: the account.
pub const RESET_ISSUED: EventKind = EventKind::new("staff.reset_issued", 1, Warning).sealed();
/// A one-time link was taken back before anybody used it.
pub const LINK_REVOKED: EventKind = EventKind::new("staff.link_revoked", 1, Info).sealed();
/// Somebody made an account through a link. Fields: `role`; personal: `email`, `name`, `address`.
pub const JOINED: EventKind = EventKind::new("staff.joined", 1, Info).sealed();
/// A password was set through a link; all sessions ended. Personal: `address`.
pub const PASSWORD_RESET: EventKind = EventKind::new("staff.password_reset", 1, Warning).sealed();
/// A person changed their password; their other sessions ended. Personal: `address`.
pub const PASSWORD_CHANGED: EventKind = EventKind::new("staff.password_changed", 1, Info).sealed();
/// A session began. Personal: `address`.
pub const SIGNED_IN: EventKind = EventKind::new("staff.signed_in", 1, Info).sealed();
/// A sign-in was refused. Fields: `reason`; personal: `address`. Entity: the account, if there is one.
pub const SIGN_IN_FAILED: EventKind = EventKind::new("staff.sign_in_failed", 1, Warning);
/// A person ended one or more sessions of theirs. Fields: `sessions`.
pub const SESSIONS_ENDED: EventKind = EventKind::new("staff.sessions_ended", 1, Info);
/// An account got another role; its sessions ended. Fields: `from`, `to`.
pub const ROLE_CHANGED: EventKind = EventKind::new("staff.role_changed", 1, Warning).sealed();
/// An account was disabled; its sessions ended.
pub const DISABLED: EventKind = EventKind::new("staff.disabled", 1, Warning).sealed();
/// A disabled account was enabled again.
pub const ENABLED: EventKind = EventKind::new("staff.enabled", 1, Warning).sealed();
/// An API key was made. Fields: `name`, `scopes`.
pub const API_KEY_CREATED: EventKind = EventKind::new("api_key.created", 1, Warning).sealed();
/// An API key was revoked.
pub const API_KEY_REVOKED: EventKind = EventKind::new("api_key.revoked", 1, Info).sealed();

/// Every kind, for documentation and filters.
pub const ALL: [EventKind; 14] = [
    LINK_ISSUED,
    RESET_ISSUED,
    LINK_REVOKED,
    JOINED,
    PASSWORD_RESET,
    PASSWORD_CHANGED,
    SIGNED_IN,
    SIGN_IN_FAILED,
    SESSIONS_ENDED,
    ROLE_CHANGED,
    DISABLED,
    ENABLED,
    API_KEY_CREATED,
    API_KEY_REVOKED,
];
