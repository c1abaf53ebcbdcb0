//! What customers' accounts tell the journal. Each is written in the transaction of its change.

use gabion_core::{EventKind, Severity};

use Severity::{Info, Warning};

/// Somebody made an account. Fields: `with` (`password`, `passkey`, `security_key`); personal: `address`.
pub const REGISTERED: EventKind = EventKind::new("customer.registered", 1, Info).sealed();
/// The way back into an account was given; all sessions ended. Fields: `with` (`password`, `passkey`); personal: `address`.
pub const RECOVERED: EventKind = EventKind::new("customer.recovered", 1, Warning).sealed();
/// Somebody wanted an account with an address that has one; its holder was written to. Personal: `address`.
pub const REGISTERED_AGAIN: EventKind = EventKind::new("customer.registered_again", 1, Info);
/// A session began. Fields: `methods`, `level`; personal: `address`.
pub const SIGNED_IN: EventKind = EventKind::new("customer.signed_in", 1, Info).sealed();
/// A sign-in was refused. Fields: `reason`; personal: `address`. Entity: the account, if there is one.
pub const SIGN_IN_FAILED: EventKind = EventKind::new("customer.sign_in_failed", 1, Warning);
/// One or more sessions ended before their time. Fields: `sessions`.
pub const SESSIONS_ENDED: EventKind = EventKind::new("customer.sessions_ended", 1, Info);
/// A password was set or changed; other sessions ended. Fields: `how`; personal: `address`.
pub const PASSWORD_CHANGED: EventKind = EventKind::new("customer.password_changed", 1, Info).sealed();
/// A passkey was added. Entity: the passkey. Personal: `address`.
pub const PASSKEY_ADDED: EventKind = EventKind::new("customer.passkey_added", 1, Info).sealed();
/// A passkey was removed. Entity: the passkey. Personal: `address`.
pub const PASSKEY_REMOVED: EventKind = EventKind::new("customer.passkey_removed", 1, Info).sealed();
/// A passkey's count of signatures went back: there may be two copies of its key. Entity: the passkey.
pub const PASSKEY_COPIED: EventKind = EventKind::new("customer.passkey_copied", 1, Warning).sealed();
/// An authenticator app was added or replaced, with new recovery codes. Personal: `address`.
pub const TOTP_ADDED: EventKind = EventKind::new("customer.totp_added", 1, Info).sealed();
/// The authenticator app and the recovery codes were removed. Personal: `address`.
pub const TOTP_REMOVED: EventKind = EventKind::new("customer.totp_removed", 1, Info).sealed();
/// Recovery codes were replaced. Personal: `address`.
pub const CODES_RENEWED: EventKind = EventKind::new("customer.codes_renewed", 1, Info).sealed();

/// Every kind, for documentation and filters.
pub const ALL: [EventKind; 13] = [
    REGISTERED,
    RECOVERED,
    REGISTERED_AGAIN,
    SIGNED_IN,
    SIGN_IN_FAILED,
    SESSIONS_ENDED,
    PASSWORD_CHANGED,
    PASSKEY_ADDED,
    PASSKEY_REMOVED,
    PASSKEY_COPIED,
    TOTP_ADDED,
    TOTP_REMOVED,
    CODES_RENEWED,
];
