//! Where the time goes: a flat profile of the proxy under load, by perf.

use std::collections::BTreeMap;
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
        .args(["report", "--stdio", "--sort", "dso,symbol", "-i"])
        .arg(&data)
        .output()
        .map_err(|error| format!("perf: {error}"))?;
    std::fs::remove_file(&data).map_err(|error| format!("{}: {error}", data.display()))?;
    let text = String::from_utf8_lossy(&report.stdout);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        // perf pads to the longest name, and ends with two columns that are empty here.
        .map(|line| line.split_whitespace().filter(|word| *word != "-").collect::<Vec<_>>().join(" "))
        .collect();
    let top = lines.iter().take(LINES_MAX).map(|line| format!("{line}\n")).collect::<String>();
    folder.write(&format!("profile-{name}.txt"), &format!("{}\n{top}", by_part(&lines)))
}

/// What each part of the proxy takes: lines of `PERCENT%  PART`, the largest first. A function counts where its name says
/// it belongs, with everything that the compiler put into it.
fn by_part(lines: &[String]) -> String {
    let mut parts: BTreeMap<&str, f64> = BTreeMap::new();
    for line in lines {
        let Some((percent, rest)) = line.split_once("% ") else { continue };
        *parts.entry(part(rest)).or_default() += percent.trim().parse().unwrap_or(0.0);
    }
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    parts.iter().map(|(part, percent)| format!("{percent:5.1} %  {part}\n")).collect()
}

/// The part of the proxy that a function belongs to; the first of these that its line names.
fn part(line: &str) -> &'static str {
    const PARTS: [(&[&str], &str); 12] = [
        (&["[k]"], "kernel"),
        (&["malloc", "free", "realloc", "unlink_chunk"], "memory: allocating"),
        (&["memmove", "memcpy", "memset", "memcmp"], "memory: copying"),
        (&["rustls", "aws_lc", "aes", "ghash", "gcm", "sha256"], "TLS"),
        (
            &["gabion_edge::guard", "gabion_edge::h2_watch", "gabion_edge::downstream"],
            "guard and connection limits",
        ),
        (
            &[
                "gabion_edge::rate_limit",
                "gabion_edge::admission",
                "gabion_edge::shed",
                "gabion_edge::access::",
            ],
            "rate limits and admission",
        ),
        (
            &[
                "gabion_edge::access_log",
                "gabion_edge::passage",
                "gabion_edge::trace",
                "gabion_edge::notes",
                "gabion_edge::metrics",
                "gabion_core::card",
            ],
            "logging and counting",
        ),
        (
            &["gabion_edge::proxy", "gabion_edge::upstream", "gabion_edge::transfer", "gabion_edge::body"],
            "asking the shop",
        ),
        (&["gabion_edge::pages", "gabion_markup", "lol_html", "flate2", "miniz"], "pages"),
        (&["gabion_"], "routing, headers and the rest of ours"),
        (&["hyper", "h2::", "http::", "httparse", "bytes::"], "HTTP libraries"),
        (&["tokio"], "runtime"),
    ];
    let names = |(names, _): &&(&[&str], &str)| names.iter().any(|name| line.contains(name));
    PARTS.iter().find(names).map_or("everything else", |(_, part)| part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_count_where_they_belong() {
        let lines = [
            "11.40% [kernel.kallsyms] [k] tcp_sendmsg_locked",
            "2.00% gabion [.] <hyper::proto::h1::dispatch::Dispatcher<D,Bs,I,T>>::poll_catch",
            "1.50% gabion [.] gabion_edge::guard::scan::Scan::feed",
            "0.50% gabion [.] gabion_edge::guard::io::Guarded<S>::judge",
            "0.25% libc.so.6 [.] _int_malloc",
        ];
        let text = by_part(&lines.map(str::to_owned));
        let expected = " 11.4 %  kernel\n  2.0 %  HTTP libraries\n  2.0 %  guard and connection limits\n  \
                        0.2 %  memory: allocating\n";
        assert_eq!(text, expected);
    }
}
