//! The `RateLimit-Policy` and `RateLimit` fields. Source: draft-ietf-httpapi-ratelimit-headers-11 sections 3 and 4.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::gcra::Decision;
use crate::config::RateLimitConfig;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Nanoseconds as whole seconds, rounded up.
pub(super) const fn seconds(nanoseconds: u64) -> u64 {
    nanoseconds.div_ceil(1_000_000_000)
}

/// Adds both fields: what a limit allows, what is left of it, and within which time no more than that will pass. A
/// burst above the quota is not shown: clients are to plan with the quota.
pub(super) fn add(headers: &mut HeaderMap, limit: &RateLimitConfig, decision: Decision) {
    let (name, requests) = (&limit.name, limit.requests);
    let left = decision.remaining.min(requests.into());
    let lines = [
        (POLICY, format!("\"{name}\";q={requests};w={}", limit.per.as_secs())),
        (LIMIT, format!("\"{name}\";r={left};t={}", seconds(decision.next))),
    ];
    for (field, value) in lines {
        let value = HeaderValue::try_from(value).expect("names of limits and numbers are a header value");
        headers.append(field, value);
    }
}
