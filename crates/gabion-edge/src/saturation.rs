//! How full the process is: processor, memory, files, threads, and the tasks of the runtime.
//!
//! Read when somebody asks, never kept. Numbers of the process come from Linux's proc(5); elsewhere there are none.

use rustix::process::{Resource, getrlimit};
use tokio::runtime::Handle;

use crate::metrics::prometheus::{Exposition, Type};

/// Clock ticks in a second, as `/proc/PID/stat` counts them: USER_HZ, 100 on every machine that Gabion runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process as the system sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Process {
    /// Seconds of processor time, in user and system mode.
    pub cpu_seconds: f64,
    /// Threads alive.
    pub threads: u64,
    /// Bytes of memory that are resident.
    pub resident_bytes: u64,
    /// Open file handles: sockets, files, pipes.
    pub open_files: u64,
    /// The most there may be; none when unlimited.
    pub open_files_max: Option<u64>,
}

impl Process {
    /// Reads the numbers; none where the system has no proc(5).
    pub fn read() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let (cpu_seconds, threads) = times(&stat)?;
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        // Without the handle that counts them.
        let open_files = std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as u64;
        let open_files_max = getrlimit(Resource::Nofile).current;
        Some(Self { cpu_seconds, threads, resident_bytes: resident(&status)?, open_files, open_files_max })
    }
}

/// Processor seconds and threads of a `stat` line. The name in it may hold anything, also brackets and spaces.
fn times(stat: &str) -> Option<(f64, u64)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    // proc(5) counts from 1 and the name is the second: utime is 14, stime 15, num_threads 20.
    let number = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
    let ticks = f64::from(number(14)?) + f64::from(number(15)?);
    Some((ticks / TICKS_PER_SECOND, number(20)?.into()))
}

/// `VmRSS` of a `status` file, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Writes the numbers of the process and of the runtime.
#[expect(clippy::cast_precision_loss, reason = "counts and bytes stay far below 2^52")]
pub(crate) fn expose(page: &mut Exposition) {
    if let Some(process) = Process::read() {
        let help = "Processor time used.";
        page.metric("process_cpu_seconds_total", Type::Counter, help, [(vec![], process.cpu_seconds)]);
        let limit = process.open_files_max.map_or(f64::INFINITY, |max| max as f64);
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Memory that is resident.", process.resident_bytes as f64),
            ("process_open_fds", "Open file handles.", process.open_files as f64),
            ("process_max_fds", "The most there may be.", limit),
            ("process_threads", "Threads alive.", process.threads as f64),
        ] {
            page.metric(name, Type::Gauge, help, [(vec![], value)]);
        }
    }
    let Ok(runtime) = Handle::try_current() else { return };
    let runtime = runtime.metrics();
    for (name, help, value) in [
        ("gabion_runtime_workers", "Threads that run tasks.", runtime.num_workers()),
        ("gabion_runtime_tasks", "Tasks alive.", runtime.num_alive_tasks()),
        ("gabion_runtime_queue", "Tasks waiting for a worker to take them.", runtime.global_queue_depth()),
    ] {
        page.metric(name, Type::Gauge, help, [(vec![], value as f64)]);
    }
    let busy =
        (0..runtime.num_workers()).map(|worker| runtime.worker_total_busy_duration(worker).as_secs_f64());
    let help = "Time workers spent in tasks.";
    page.metric("gabion_runtime_busy_seconds_total", Type::Counter, help, [(vec![], busy.sum())]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_confuses_nobody() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 7 0 1000 1 1";
        assert_eq!(times(stat), Some((2.0, 7)));
        assert_eq!(times("42 (gabion"), None);
        assert_eq!(times("42 (gabion) S 1"), None);
    }

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(resident("Name:\tgabion\nVmRSS:\t   1024 kB\n"), Some(1_048_576));
        assert_eq!(resident("Name:\tgabion\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_open_file_is_counted() {
        let before = Process::read().expect("Linux has proc");
        assert!(before.resident_bytes > 0 && before.threads > 0);
        let files: Vec<_> =
            (0..50).map(|_| std::fs::File::open("/proc/self/stat").expect("a file")).collect();
        let after = Process::read().expect("Linux has proc");
        assert!(after.open_files >= before.open_files + 40, "{before:?} {after:?}");
        drop(files);
    }
}
