//! Who has to act on an error.

/// Who has to act on an error. Every error enum of the workspace knows its blame; it picks the HTTP status
/// family and whether anyone is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller sent something that can never work: 4xx, logged at debug.
    Client,
    /// A system we depend on failed: 502, 503 or 504, logged at warn.
    Upstream,
    /// The configuration or the machine is wrong: logged at error with what to do.
    Operator,
    /// An invariant of ours broke: 500, logged at error.
    Bug,
}
