//! `[limits]`: how much of everything one customer, and all of them together, may use.

use std::time::Duration;

use serde::Deserialize;

/// `[limits]`: what every connection and request has to keep to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// Open connections over all public listeners; at the limit new ones wait unaccepted.
    pub connections_max: usize,
    /// Seconds a client may take to send a request head; then the connection is closed.
    pub head_timeout_seconds: u64,
    /// Seconds a client may stay silent inside a request body; then 408.
    pub body_idle_seconds: u64,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self { connections_max: 10_000, head_timeout_seconds: 10, body_idle_seconds: 30 }
    }
}

/// The checked limits.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections, at least 1. Stays as it was at the start.
    pub connections_max: usize,
    /// Time for a request head.
    pub head_timeout: Duration,
    /// Silence inside a request body.
    pub body_idle: Duration,
}

impl LimitsSection {
    pub(super) fn check(&self) -> Limits {
        Limits {
            connections_max: self.connections_max.max(1),
            head_timeout: Duration::from_secs(self.head_timeout_seconds.max(1)),
            body_idle: Duration::from_secs(self.body_idle_seconds.max(1)),
        }
    }
}
