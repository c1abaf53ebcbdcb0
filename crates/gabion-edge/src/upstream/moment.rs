//! Milliseconds since the machine started: small enough to be kept in atomics.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of a clock that never goes back, never 0: that stands for "never". It turns only every few
/// milliseconds, and costs a tenth of one that is exact: balancing looks at it several times for a request.
pub(crate) fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let millis = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1000).saturating_add(millis).saturating_add(1)
}
