//! Milliseconds since the first look at the clock: small enough to be kept in atomics.

use std::sync::LazyLock;
use std::time::Instant;

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since the process began to balance, never 0: that stands for "never".
pub(crate) fn now_ms() -> u64 {
    u64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}
