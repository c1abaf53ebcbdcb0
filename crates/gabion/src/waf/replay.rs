//! `gabion waf replay`: what the rules would have made of the requests in an access log.

mod line;
mod report;
mod tally;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use gabion_core::{Clock, SystemClock, Timestamp};
use gabion_edge::config::BoughtPages;
use gabion_waf::RequestHead;

use super::command;
use super::trial::{Judgment, Request, Trial};
use crate::cli::waf::Replay;
use crate::exit::{Failure, USAGE};
use crate::out::say;
use crate::progress::Progress;
use crate::run::End;
use line::Logged;
use tally::Tally;

/// Bytes of one line that are read. Longer ones are counted as unreadable.
const LINE_BYTES_MAX: usize = 64 << 10;
/// The host that is asked where the log does not say.
const HOST: &str = "shop.example";

/// Replays a log.
///
/// # Errors
/// When it cannot be read, or the rules cannot be loaded.
pub(super) fn run(args: &Replay) -> Result<End, Failure> {
    let wrong = |error: io::Error| Failure::new(USAGE, format!("{}: {error}", args.log.display()));
    let (waf, rules) = command::rules(&args.rules)?;
    let (mut log, bytes) = open(&args.log).map_err(wrong)?;
    let mut tally = Tally::new(bought(args)?);
    let mut trial = Trial::new(&rules, &waf);
    let mut progress = Progress::new("log", bytes);
    let now = SystemClock.now();
    let (mut line, mut done) = (Vec::new(), 0);
    while let Some(read) = next_line(&mut log, &mut line).map_err(wrong)? {
        match Logged::read(&line) {
            Some(logged) => {
                let judgment = judge(&mut trial, &logged, now);
                tally.count(&logged, &judgment);
            }
            None => tally.count_unreadable(),
        }
        done += read;
        progress.tell(done);
    }
    drop(progress);
    say(report::text(&tally, &waf).trim_end())?;
    Ok(End::Stopped)
}

/// The pages that thank for a purchase: those of the command line, else those of the configuration.
fn bought(args: &Replay) -> Result<BoughtPages, Failure> {
    if args.bought.is_empty() {
        return command::bought(&args.rules);
    }
    BoughtPages::new(&args.bought).map_err(|message| Failure::new(USAGE, format!("--bought: {message}")))
}

/// The log, and how long it is if anybody knows.
fn open(path: &Path) -> io::Result<(Box<dyn BufRead>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    Ok((Box::new(BufReader::new(file)), Some(bytes)))
}

/// Reads a line without its end; of one that is too long, nothing. Says how many bytes that took.
fn next_line(log: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    line.clear();
    let mut read = log.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', line)? as u64;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read == LINE_BYTES_MAX as u64 {
        line.clear();
        read += log.skip_until(b'\n')? as u64;
    }
    Ok(Some(read))
}

/// Judges what a log shows of a request. What every browser sends besides is made up: without it, rules would find fault
/// with what the log left out.
fn judge(trial: &mut Trial<'_>, logged: &Logged, now: Timestamp) -> Judgment {
    let mut headers: Vec<(&[u8], &[u8])> =
        vec![(b"Host", logged.host.as_deref().unwrap_or(HOST.as_bytes())), (b"Accept", b"*/*")];
    headers.extend(logged.agent.as_deref().map(|agent| (&b"User-Agent"[..], agent)));
    headers.extend(logged.referer.as_deref().map(|referer| (&b"Referer"[..], referer)));
    if matches!(logged.method.as_slice(), b"POST" | b"PUT" | b"PATCH") {
        headers.push((b"Content-Length", b"0"));
    }
    let head = RequestHead {
        method: &logged.method,
        target: &logged.target,
        version: &logged.version,
        headers: &headers,
    };
    trial.judge(&Request { client: logged.client, head, body: b"" }, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_limit_and_the_next_one_begins_where_it_should() {
        let long = "x".repeat(LINE_BYTES_MAX * 2);
        let text = format!("a\n{long}\nb");
        let mut log = BufReader::new(text.as_bytes());
        let mut line = Vec::new();
        let mut lines = Vec::new();
        let mut bytes = 0;
        while let Some(read) = next_line(&mut log, &mut line).expect("memory can be read") {
            bytes += read;
            lines.push(line.clone());
        }
        assert_eq!(lines, [b"a".to_vec(), Vec::new(), b"b".to_vec()]);
        assert_eq!(bytes, text.len() as u64);
    }
}
