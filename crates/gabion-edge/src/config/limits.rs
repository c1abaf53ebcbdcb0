//! `[limits]`: how much of everything one customer, and all of them together, may use.

use std::time::Duration;

use serde::Deserialize;

use super::RateLimitConfig;

/// Range of `rate_limit_keys_max`: 17 KiB to 272 MiB.
const KEYS_MIN: usize = 1_024;
const KEYS_MAX: usize = 1 << 24;

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
    /// Requests a second that one address may send in the long run; above it 429. 0 turns the built-in limit off.
    pub visitor_requests_per_second: u32,
    /// Requests that one address may send at once.
    pub visitor_burst: u32,
    /// Milliseconds that every task has to wait for its turn before Gabion counts as overloaded; 0 never sheds.
    pub overload_lag_ms: u64,
    /// Keys that rate limits remember, 17 bytes each; then who used least of a limit is forgotten.
    pub rate_limit_keys_max: usize,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            head_timeout_seconds: 10,
            body_idle_seconds: 30,
            visitor_requests_per_second: 100,
            visitor_burst: 3_000,
            overload_lag_ms: 100,
            rate_limit_keys_max: 65_536,
        }
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
    /// The built-in rate limit.
    pub visitor: Option<RateLimitConfig>,
    /// Delay of every task above which Gabion is overloaded; zero never sheds.
    pub overload_lag: Duration,
    /// Keys that rate limits remember. Stays as it was at the start.
    pub rate_limit_keys_max: usize,
}

impl LimitsSection {
    pub(super) fn check(&self) -> Limits {
        Limits {
            connections_max: self.connections_max.max(1),
            head_timeout: Duration::from_secs(self.head_timeout_seconds.max(1)),
            body_idle: Duration::from_secs(self.body_idle_seconds.max(1)),
            visitor: (self.visitor_requests_per_second > 0)
                .then(|| RateLimitConfig::visitor(self.visitor_requests_per_second, self.visitor_burst)),
            overload_lag: Duration::from_millis(self.overload_lag_ms),
            rate_limit_keys_max: self.rate_limit_keys_max.clamp(KEYS_MIN, KEYS_MAX),
        }
    }
}
