//! Runs requests through the engine and prints what a transaction costs: `name<TAB>microseconds<TAB>stopped`.
//!
//! Usage: `measure RULES SECONDS CASE...`. The first line is `load<TAB>milliseconds<TAB>kibibytes resident`. `cargo
//! xtask bench waf` runs it beside libmodsecurity.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool talks to whoever started it")]

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;

use gabion_core::Timestamp;
use gabion_waf::{Connection, Disk, RequestHead, ResponseHead, RuleSet, Scratch, Source, Verdict};
use rustix::time::{ClockId, clock_gettime};

/// Seconds of processor time over which one cost is averaged.
const BATCH_SECONDS: f64 = 0.01;

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let rules = words.next().ok_or("no rules")?;
    let seconds: f64 = words.next().ok_or("no seconds")?.parse()?;
    let (start, before) = (cpu(), resident()?);
    let rules = RuleSet::load(&[Source::File(rules.into())], &Disk)?;
    println!("load\t{:.0}\t{}", (cpu() - start) * 1e3, resident()?.saturating_sub(before));
    let mut scratch = None;
    for name in words {
        let request = read(&name)?;
        let stopped = run(&rules, &request, &mut scratch);
        let mut best = f64::MAX;
        let end = cpu() + seconds;
        while cpu() < end {
            let (begin, mut now, mut rounds) = (cpu(), 0.0, 0.0);
            while now < BATCH_SECONDS {
                run(&rules, &request, &mut scratch);
                rounds += 1.0;
                now = cpu() - begin;
            }
            best = best.min(now / rounds);
        }
        println!("{name}\t{:.2}\t{}", best * 1e6, u8::from(stopped));
    }
    Ok(())
}

/// Reads a request: its line, its headers, an empty line, its body.
fn read(path: &str) -> Result<Request, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").ok_or("no end of the headers")?;
    let head = str::from_utf8(&bytes[..end])?;
    let mut lines = head.split('\n');
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).ok_or("no request line")?;
    let headers = lines.map(|line| line.split_once(": ").ok_or("a header without a colon"));
    Ok(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers
            .map(|header| header.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect::<Result<_, _>>()?,
        body: bytes[end + 2..].to_vec(),
    })
}

/// One transaction, as a proxy runs it: it ends where rules stop it.
fn run(rules: &RuleSet, request: &Request, scratch: &mut Option<Scratch>) -> bool {
    let connection = Connection {
        client: (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 40_000),
        server: (IpAddr::V4(Ipv4Addr::LOCALHOST), 80),
        id: "measure",
    };
    let mut transaction =
        rules.transaction(&connection, Timestamp::from_seconds(1_800_000_000), scratch.take());
    let headers: Vec<(&[u8], &[u8])> =
        request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let head = RequestHead {
        method: request.method.as_bytes(),
        target: request.target.as_bytes(),
        version: b"HTTP/1.1",
        headers: &headers,
    };
    let answer = ResponseHead {
        status: 200,
        version: b"HTTP/1.1",
        headers: &[(b"Content-Type", b"application/json")],
    };
    let stops = |verdict: Verdict<'_>| verdict != Verdict::Pass;
    let stopped = stops(transaction.request_head(&head))
        || stops(transaction.request_body(&request.body))
        || stops(transaction.response_head(&answer))
        || stops(transaction.response_body(b""));
    *scratch = Some(transaction.finish().1);
    stopped
}

/// Seconds of processor time that this process has had.
fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Kibibytes in memory.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no resident memory")?;
    Ok(line.trim_end_matches("kB").trim().parse()?)
}
