//! Where the time goes: a flat profile of the proxy under load, by perf.

use std::process::{Command, Stdio};

use super::load::Load;
use crate::lab::run_folder::RunFolder;
use crate::lab::server::{Server, other_cores, pinned};
use crate::task::Outcome;

/// Samples of a second; not a round number, so that timers do not beat against it.
const SAMPLES_PER_SECOND: &str = "997";
/// Lines of the profile that are kept.
const LINES_MAX: usize = 40;

/// Loads a proxy for some seconds and writes `profile-NAME.txt`.
///
/// # Errors
/// When perf is not there or may not look, or the load fails.
pub(crate) fn record(
    load: Load,
    server: &Server,
    path: &str,
    name: &str,
    seconds: f64,
    folder: &RunFolder,
) -> Outcome {
    let data = std::env::temp_dir().join(format!("gabion-perf-{}.data", std::process::id()));
    let mut recording = pinned(&other_cores(), "perf")
        .args(["record", "-q", "-F", SAMPLES_PER_SECOND, "-p", &server.process().to_string(), "-o"])
        .arg(&data)
        .args(["--", "sleep", &seconds.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("perf: {error}"))?;
    load.round(server, path, seconds)?;
    let recorded = recording.wait().map_err(|error| format!("perf: {error}"))?;
    if !recorded.success() {
        return Err(format!("perf record: {recorded}"));
    }
    let report = Command::new("perf")
        .args(["report", "--stdio", "--sort", "dso,symbol", "--percent-limit", "0.4", "-i"])
        .arg(&data)
        .output()
        .map_err(|error| format!("perf: {error}"))?;
    std::fs::remove_file(&data).map_err(|error| format!("{}: {error}", data.display()))?;
    let text = String::from_utf8_lossy(&report.stdout);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .take(LINES_MAX)
        // perf pads to the longest name, and ends with two columns that are empty here.
        .map(|line| line.split_whitespace().filter(|word| *word != "-").collect::<Vec<_>>().join(" "))
        .collect();
    folder.write(&format!("profile-{name}.txt"), &(lines.join("\n") + "\n"))
}
