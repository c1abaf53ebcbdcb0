//! `[limits]`: how much of everything one customer, and all of them together, may use.

pub(super) mod http2;

use std::time::Duration;

use serde::Deserialize;

pub use http2::Http2Section;

use super::RateLimitConfig;

/// Range of `rate_limit_keys_max`: 17 KiB to 272 MiB.
const KEYS_MIN: usize = 1_024;
const KEYS_MAX: usize = 1 << 24;

/// `[limits]`: what every connection and request has to keep to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// Open connections over all public listeners; one more is closed at once.
    pub connections_max: usize,
    /// Open connections of one IPv4 address or one IPv6 /64; one more is closed at once.
    pub connections_per_address_max: usize,
    /// TLS handshakes at a time; one more is closed at once.
    pub handshakes_max: usize,
    /// Seconds until a client has said where it comes from (PROXY protocol) and agreed on TLS; then the connection is
    /// closed.
    pub handshake_timeout_seconds: u64,
    /// Seconds a client may take to send a request head over HTTP/1; then 408 and the connection is closed.
    pub head_timeout_seconds: u64,
    /// Seconds a connection may stay open without a request; then it is closed.
    pub keepalive_idle_seconds: u64,
    /// Seconds a client may stay silent inside a request body; then 408.
    pub body_idle_seconds: u64,
    /// Bytes a second that a request body has to bring while we wait for it; below it 408. 0 asks for nothing.
    pub body_rate_min: u64,
    /// Seconds a request body may be slower than that.
    pub body_rate_grace_seconds: u64,
    /// Seconds a client may take nothing of a response; then the connection is closed.
    pub write_timeout_seconds: u64,
    /// Requests a second that one address may send in the long run; above it 429. 0 turns the built-in limit off.
    pub visitor_requests_per_second: u32,
    /// Requests that one address may send at once.
    pub visitor_burst: u32,
    /// Milliseconds that every task has to wait for its turn before Gabion counts as overloaded; 0 never sheds.
    pub overload_lag_ms: u64,
    /// Keys that rate limits remember, 17 bytes each; then who used least of a limit is forgotten.
    pub rate_limit_keys_max: usize,
    /// What an HTTP/2 connection may do beside requests.
    pub http2: Http2Section,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: 64,
            handshakes_max: 1_000,
            handshake_timeout_seconds: 5,
            head_timeout_seconds: 10,
            keepalive_idle_seconds: 75,
            body_idle_seconds: 30,
            body_rate_min: 240,
            body_rate_grace_seconds: 5,
            write_timeout_seconds: 60,
            visitor_requests_per_second: 100,
            visitor_burst: 3_000,
            overload_lag_ms: 100,
            rate_limit_keys_max: 65_536,
            http2: Http2Section::default(),
        }
    }
}

/// The checked limits.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections, at least 1.
    pub connections_max: usize,
    /// Open connections of one address, at least 1.
    pub connections_per_address_max: usize,
    /// TLS handshakes at a time, at least 1.
    pub handshakes_max: usize,
    /// Time until TLS is agreed on.
    pub handshake_timeout: Duration,
    /// Time for a request head.
    pub head_timeout: Duration,
    /// Time without a request.
    pub keepalive_idle: Duration,
    /// Silence inside a request body.
    pub body_idle: Duration,
    /// Bytes a second of a request body; 0 for any.
    pub body_rate_min: u64,
    /// Time a request body may be slower.
    pub body_rate_grace: Duration,
    /// Time a client takes nothing of a response.
    pub write_timeout: Duration,
    /// The built-in rate limit.
    pub visitor: Option<RateLimitConfig>,
    /// Delay of every task above which Gabion is overloaded; zero never sheds.
    pub overload_lag: Duration,
    /// Keys that rate limits remember. Stays as it was at the start.
    pub rate_limit_keys_max: usize,
    /// What an HTTP/2 connection may do beside requests.
    pub http2: Http2Section,
}

impl LimitsSection {
    pub(super) fn check(&self) -> Limits {
        let seconds = |seconds: u64| Duration::from_secs(seconds.max(1));
        Limits {
            connections_max: self.connections_max.max(1),
            connections_per_address_max: self.connections_per_address_max.max(1),
            handshakes_max: self.handshakes_max.max(1),
            handshake_timeout: seconds(self.handshake_timeout_seconds),
            head_timeout: seconds(self.head_timeout_seconds),
            keepalive_idle: seconds(self.keepalive_idle_seconds),
            body_idle: seconds(self.body_idle_seconds),
            body_rate_min: self.body_rate_min,
            body_rate_grace: seconds(self.body_rate_grace_seconds),
            write_timeout: seconds(self.write_timeout_seconds),
            visitor: (self.visitor_requests_per_second > 0)
                .then(|| RateLimitConfig::visitor(self.visitor_requests_per_second, self.visitor_burst)),
            overload_lag: Duration::from_millis(self.overload_lag_ms),
            rate_limit_keys_max: self.rate_limit_keys_max.clamp(KEYS_MIN, KEYS_MAX),
            http2: self.http2.clone(),
        }
    }
}
