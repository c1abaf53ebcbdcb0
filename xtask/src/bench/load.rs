//! The load generators: wrk, h2load, and our own client for handshakes. Each runs beside the proxy, never on its core.

use std::path::Path;
use std::process::Command;

use crate::lab::server::{Server, other_cores, pinned};
use crate::lab::{self, usage};
use crate::statistics::percentile;
use crate::task::{Outcome, root};

/// Connections that our client opens at a time.
const HANDSHAKES_AT_A_TIME: u64 = 8;

/// The ordinary requests of [`Load::Shop`]: those that CRS 3 passes.
const SHOP: [&str; 8] = [
    "simple-get",
    "simple-post",
    "args-2",
    "args-10",
    "benign-api-call",
    "benign-form",
    "benign-static",
    "benign-upload",
];

/// How one cell is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// HTTP/1.1 over kept-alive connections, by wrk.
    Http1 { connections: u32 },
    /// Ordinary requests of a shop, in turn, over HTTP/1.1 by wrk; the path is not used.
    Shop { connections: u32 },
    /// Pages with what belongs to them, in turn, over HTTP/1.1 by wrk; the path is not used.
    Browse { connections: u32 },
    /// HTTP/2 by h2load.
    Http2 { connections: u32, streams: u32 },
    /// A new connection for every request, by our own client.
    Handshakes { resume: bool, mlkem: bool },
}

/// One round: what the client and the kernel counted.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) rss_peak_kib: u64,
    /// What the tool printed.
    pub(crate) raw: String,
}

impl Round {
    /// Processor time of the proxy for one request, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_seconds * 1e6 / count(self.requests)
    }

    /// Requests of one second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.requests) / self.seconds
    }
}

#[expect(clippy::cast_precision_loss, reason = "requests of a run are few")]
fn count(requests: u64) -> f64 {
    requests as f64
}

impl Load {
    /// Sends requests for some seconds and tells what they took.
    ///
    /// # Errors
    /// When the tool fails, a request fails, or sessions were not resumed as asked.
    pub(crate) fn round(self, server: &Server, path: &str, seconds: f64) -> Outcome<Round> {
        let log = std::env::temp_dir().join(format!("gabion-bench-{}.log", std::process::id()));
        let mut command = self.command(server, path, seconds, &log)?;
        usage::forget_peak(server.process()).map_err(|error| format!("clear_refs: {error}"))?;
        let before = server.cpu_seconds();
        let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        let cpu_seconds = server.cpu_seconds() - before;
        let raw = format!(
            "$ {}\n{}{}",
            format!("{command:?}").replace(&format!("{}/", root().display()), ""),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        if !output.status.success() {
            return Err(raw);
        }
        let seen = match self {
            Self::Http2 { .. } => h2load(&raw, &log)?,
            Self::Http1 { .. } | Self::Browse { .. } | Self::Shop { .. } | Self::Handshakes { .. } => {
                result(&raw)?
            }
        };
        if seen.failed > 0 || seen.requests == 0 {
            return Err(format!("{} requests, {} failed:\n{raw}", seen.requests, seen.failed));
        }
        self.resumed_as_asked(&raw, seen.requests)?;
        Ok(Round {
            requests: seen.requests,
            seconds: seen.seconds,
            cpu_seconds,
            p50_us: seen.p50_us,
            p99_us: seen.p99_us,
            rss_peak_kib: usage::rss_peak_kib(server.process()),
            raw: format!("{raw}proxy cpu_seconds={cpu_seconds:.2}\n"),
        })
    }

    fn command(self, server: &Server, path: &str, seconds: f64, log: &Path) -> Outcome<Command> {
        let url = format!("https://localhost:{}/{path}", server.address.port());
        let cores = other_cores();
        let wrk = |connections: u32, script: &str, seconds: f64| {
            let mut wrk = pinned(&cores, "wrk");
            wrk.current_dir(root());
            wrk.args(["-t1", &format!("-c{connections}"), &format!("-d{}s", whole(seconds)), "-s", script]);
            wrk
        };
        Ok(match self {
            Self::Http1 { connections } => {
                let mut wrk = wrk(connections, "bench/edge/wrk.lua", seconds);
                wrk.arg(url);
                wrk
            }
            Self::Browse { connections } => {
                let mut wrk = wrk(connections, "bench/edge/browse.lua", seconds);
                wrk.arg(url);
                wrk
            }
            Self::Shop { connections } => {
                let mut wrk = wrk(connections, "bench/waf/shop.lua", seconds);
                wrk.arg(url).arg("--");
                wrk.args(SHOP.map(|case| root().join(format!("bench/waf/cases/{case}.http"))));
                wrk
            }
            Self::Http2 { connections, streams } => {
                let mut h2load = pinned(&cores, "h2load");
                h2load.args(["-t1", &format!("-c{connections}"), &format!("-m{streams}")]);
                h2load.arg("--tls13-ciphers=TLS_AES_256_GCM_SHA384");
                h2load.arg(format!("-D{}", whole(seconds))).arg("--log-file").arg(log).arg(url);
                h2load
            }
            Self::Handshakes { resume, mlkem } => {
                let mut client = pinned(&cores, lab::client_binary()?);
                client.args(["client", "handshakes", "--path", &format!("/{path}")]);
                client.args(["--to", &server.address.to_string(), "--seconds", &seconds.to_string()]);
                client.args(["--threads", &HANDSHAKES_AT_A_TIME.to_string()]);
                if resume {
                    client.arg("--resume");
                }
                client.args(["--curve", if mlkem { "mlkem" } else { "x25519" }]);
                client
            }
        })
    }

    /// Each of the client's threads begins with one full handshake; everything else has to be as asked.
    fn resumed_as_asked(self, raw: &str, requests: u64) -> Outcome {
        let Self::Handshakes { resume, .. } = self else { return Ok(()) };
        let resumed: u64 = lab::result(raw, "resumed")?;
        let right = if resume { resumed + HANDSHAKES_AT_A_TIME >= requests } else { resumed == 0 };
        if right { Ok(()) } else { Err(format!("{resumed} of {requests} handshakes were resumed:\n{raw}")) }
    }
}

/// wrk and h2load measure whole seconds.
fn whole(seconds: f64) -> u64 {
    std::time::Duration::from_secs_f64(seconds).as_secs().max(1)
}

/// What a client saw.
struct Seen {
    requests: u64,
    seconds: f64,
    p50_us: u64,
    p99_us: u64,
    failed: u64,
}

/// What our client and `wrk.lua` say.
fn result(raw: &str) -> Outcome<Seen> {
    Ok(Seen {
        requests: lab::result(raw, "requests")?,
        seconds: lab::result(raw, "seconds")?,
        p50_us: lab::result(raw, "p50_us")?,
        p99_us: lab::result(raw, "p99_us")?,
        failed: lab::result(raw, "failed")?,
    })
}

/// Reads h2load's summary, and the times of single requests from its log, which is deleted.
fn h2load(raw: &str, log: &Path) -> Outcome<Seen> {
    let text = std::fs::read_to_string(log).map_err(|error| format!("{}: {error}", log.display()))?;
    std::fs::remove_file(log).map_err(|error| format!("{}: {error}", log.display()))?;
    // Start, status, time in microseconds.
    let mut micros: Vec<u64> =
        text.lines().filter_map(|line| line.split('\t').nth(2)?.trim().parse().ok()).collect();
    micros.sort_unstable();
    let finished = word_after(raw, "finished in ").ok_or_else(|| format!("no time in:\n{raw}"))?;
    Ok(Seen {
        requests: lab::h2load_count(raw, " succeeded")?,
        seconds: seconds(finished).ok_or_else(|| format!("no time in:\n{raw}"))?,
        p50_us: percentile(&micros, 50),
        p99_us: percentile(&micros, 99),
        failed: lab::h2load_count(raw, " failed")?,
    })
}

fn word_after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(mark)?;
    rest.split([',', ' ', '\n']).next()
}

/// h2load's times: `2.00s`, `950.12ms`.
fn seconds(text: &str) -> Option<f64> {
    if let Some(milliseconds) = text.strip_suffix("ms") {
        return Some(milliseconds.parse::<f64>().ok()? / 1e3);
    }
    text.strip_suffix('s')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_h2load_have_units() {
        assert_eq!((seconds("2.00s"), seconds("950.00ms"), seconds("x")), (Some(2.0), Some(0.95), None));
    }
}
