//! What a process and its children used, as the kernel counts it (proc(5)).

use std::fs;

use crate::task::Outcome;

/// Ticks of `utime` and `stime` in a second: 100 on every architecture Debian supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time, of user and kernel, that a process tree has used so far. Resolution 10 ms.
pub(crate) fn cpu_seconds(root: u32) -> f64 {
    let ticks: u64 = tree(root).into_iter().filter_map(cpu_ticks).sum();
    #[expect(clippy::cast_precision_loss, reason = "ticks of a run are few")]
    let ticks = ticks as f64;
    ticks / TICKS_PER_SECOND
}

/// Resident memory of a process tree now, in KiB.
pub(crate) fn rss_kib(root: u32) -> u64 {
    tree(root).into_iter().filter_map(|process| status_kib(process, "VmRSS:")).sum()
}

/// Files and connections a process has open.
pub(crate) fn open_files(process: u32) -> Outcome<u64> {
    let files =
        fs::read_dir(format!("/proc/{process}/fd")).map_err(|error| format!("open files: {error}"))?;
    Ok(files.map(|_| 1).sum())
}

/// The most resident memory each process of a tree had since [`forget_peak`], summed, in KiB.
pub(crate) fn rss_peak_kib(root: u32) -> u64 {
    tree(root).into_iter().filter_map(|process| status_kib(process, "VmHWM:")).sum()
}

/// Starts the measurement of [`rss_peak_kib`] anew.
pub(crate) fn forget_peak(root: u32) -> std::io::Result<()> {
    // 5 resets the peak resident set size (proc(5), clear_refs).
    tree(root).into_iter().try_for_each(|process| fs::write(format!("/proc/{process}/clear_refs"), "5"))
}

/// A process and everything below it.
fn tree(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|process| Some((process, stat(process, 1)?.try_into().ok()?)))
        .collect();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
        next += 1;
    }
    tree
}

fn cpu_ticks(process: u32) -> Option<u64> {
    Some(stat(process, 11)? + stat(process, 12)?)
}

/// A number of `/proc/PID/stat`, counted from the state, which follows the name in parentheses.
fn stat(process: u32, field: usize) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, numbers) = text.rsplit_once(") ")?;
    numbers.split(' ').nth(field)?.parse().ok()
}

fn status_kib(process: u32, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_used_time_and_memory() {
        let own = std::process::id();
        let until = cpu_seconds(own) + 0.02;
        while cpu_seconds(own) < until {
            std::hint::spin_loop();
        }
        assert!(rss_peak_kib(own) > 0);
    }

    #[test]
    fn children_belong_to_the_tree() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        assert!(tree(std::process::id()).contains(&child.id()));
        child.kill().expect("the child runs");
        child.wait().expect("the child ends");
    }
}
