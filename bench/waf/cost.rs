//! What this process has cost so far.

use std::error::Error;

use rustix::time::{ClockId, clock_gettime};

/// Seconds of processor time.
pub(crate) fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Kibibytes in memory: `VmRSS` for now, `VmHWM` for the most there were. Source: proc(5).
pub(crate) fn memory(field: &str) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    Ok(value.ok_or("no such field")?.trim_end_matches("kB").trim().parse()?)
}
