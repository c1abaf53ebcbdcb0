//! `gabion waf explain`: what the rules make of one request, rule by rule.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use gabion_core::{Clock, SystemClock};
use gabion_edge::config::WafConfig;
use gabion_waf::wire::Wire;
use gabion_waf::{Partial, RequestHead};
use serde::Serialize;

use super::trial::{Judgment, Request, Step, Trial};
use super::{command, shown};
use crate::cli::waf::Explain;
use crate::exit::{Failure, USAGE};
use crate::out::say;
use crate::run::End;

/// Bytes of a request file. Above the largest body that a configuration may hold, with room for the head.
const FILE_BYTES_MAX: u64 = 257 << 20;

/// What the rules made of a request, for programs.
#[derive(Serialize)]
struct Explained {
    notes: Vec<String>,
    rules: Vec<Matched>,
    blocked: bool,
    score: i64,
    threshold: u32,
    /// The rule that decided, and the status that it wants.
    rule: Option<u64>,
    status: Option<u16>,
    partial: Vec<Partial>,
}

/// A rule that matched.
#[derive(Serialize)]
struct Matched {
    phase: u8,
    id: u64,
    message: String,
    matched: Vec<Value>,
    score: i64,
}

#[derive(Serialize)]
struct Value {
    variable: String,
    value: String,
}

/// Explains a request. The answer is no when it would be blocked.
///
/// # Errors
/// When the file holds no request, or the rules cannot be loaded.
pub(super) fn run(args: &Explain) -> Result<End, Failure> {
    let wrong = |error: io::Error| Failure::new(USAGE, format!("{}: {error}", args.request.display()));
    let bytes = read(&args.request).map_err(wrong)?;
    let wire = Wire::divide(&bytes);
    if wire.method.is_empty() || wire.target.is_empty() || !wire.version.starts_with(b"HTTP/") {
        let what = "the first line is none of an HTTP request, such as GET /search?q=tea HTTP/1.1";
        return Err(wrong(io::Error::other(what)));
    }
    let (waf, rules) = command::rules(&args.rules)?;
    let headers: Vec<(&[u8], &[u8])> =
        wire.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
    let head =
        RequestHead { method: wire.method, target: wire.target, version: wire.version, headers: &headers };
    let request = Request { client: args.client, head, body: &wire.body };
    let judgment = Trial::new(&rules, &waf).judge(&request, SystemClock.now());
    let explained = explain(&judgment, &waf, notes(&wire), args.all);
    if args.json {
        say(serde_json::to_string(&explained).expect("numbers and texts are JSON"))?;
    } else {
        say(explained.text().trim_end())?;
    }
    Ok(if explained.blocked { End::No } else { End::Stopped })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?
    } else {
        File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?
    };
    if read as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// What may be otherwise than whoever wrote the file thinks.
fn notes(wire: &Wire<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if wire.bare_line_end {
        notes.push("lines of the head end in LF alone and were read as if they ended in CR LF".to_owned());
    }
    if wire.left_over > 0 {
        let bytes = wire.left_over;
        notes.push(format!("{bytes} bytes at the end are no part of the request: Content-Length says so"));
    }
    if wire.missing > 0 {
        notes.push(format!("the body is {} bytes shorter than Content-Length says", wire.missing));
    }
    notes
}

fn explain(judgment: &Judgment, waf: &WafConfig, notes: Vec<String>, all: bool) -> Explained {
    let told = |step: &&Step| all || step.rule.log || step.before != step.after;
    let matched = |step: &Step| Matched {
        phase: step.rule.phase.number(),
        id: step.rule.id,
        message: shown::text(&step.rule.message),
        matched: step.rule.values.iter().map(|(name, value)| Value::of(name, value)).collect(),
        score: step.after,
    };
    Explained {
        notes,
        rules: judgment.steps.iter().filter(told).map(matched).collect(),
        blocked: judgment.stopped.is_some(),
        score: judgment.score,
        threshold: waf.inbound_threshold,
        rule: judgment.stopped.as_ref().and_then(|stopped| stopped.rule),
        status: judgment.stopped.as_ref().map(|stopped| stopped.status),
        partial: judgment.partial.clone(),
    }
}

impl Value {
    fn of(name: &[u8], value: &[u8]) -> Self {
        Self { variable: shown::value(name), value: shown::value(value) }
    }
}

impl Explained {
    fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a string cannot fail");
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        self.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))?;
        for rule in &self.rules {
            writeln!(out, "phase {}  {}  {}", rule.phase, rule.id, rule.message)?;
            for Value { variable, value } in &rule.matched {
                writeln!(out, "         {variable} = {value}")?;
            }
            writeln!(out, "         score {}", rule.score)?;
        }
        if !self.partial.is_empty() {
            let partial = json(&self.partial);
            writeln!(out, "not inspected as a whole: {partial}; [waf] over_limit says what happens then")?;
        }
        let verdict = if self.blocked { "would be blocked" } else { "passes" };
        writeln!(out, "{verdict} (score {}, threshold {})", self.score, self.threshold)?;
        match (self.rule, self.status) {
            (Some(rule), Some(status)) => writeln!(out, "decided by rule {rule}, status {status}"),
            _ => Ok(()),
        }
    }
}

/// The names of what was not inspected, as programs read them.
fn json(partial: &[Partial]) -> String {
    serde_json::to_string(partial).expect("names are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_what_it_looks_like_is_noted() {
        let noted = |bytes: &[u8]| notes(&Wire::divide(bytes));
        assert!(noted(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_empty());
        assert_eq!(noted(b"GET / HTTP/1.1\nHost: a\n\n").len(), 1);
        let body = noted(b"POST / HTTP/1.1\r\nHost: a\r\n\r\na=1");
        assert_eq!(body, ["3 bytes at the end are no part of the request: Content-Length says so"]);
        let short = noted(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na=1");
        assert_eq!(short, ["the body is 2 bytes shorter than Content-Length says"]);
    }
}
