//! Runs cases and judges them.

use std::net::{IpAddr, Ipv4Addr};

use gabion_core::Timestamp;

use super::backend::answer;
use super::case::{Case, Expectation, Input, Overrides};
use super::request::build;
use crate::operator::pattern::{Outcome, Pattern};
use crate::outcome::Verdict;
use crate::transaction::{Connection, RequestHead, ResponseHead, Scratch};
use crate::wire::Wire;
use crate::{MatchedRule, RuleSet};

/// How cases went.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Those that went as expected.
    pub passed: usize,
    /// Those that went as an override expects, with its reason.
    pub overridden: Vec<(String, String)>,
    /// Those that did not.
    pub failed: Vec<Failure>,
    /// Those whose files say that they are not to be run.
    pub skipped: usize,
}

/// A case that did not go as expected.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The case.
    pub id: String,
    /// What was expected and did not happen, or happened and was not expected.
    pub why: Vec<String>,
    /// The rules that logged.
    pub logged: Vec<u64>,
}

/// What a request led to.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The status that the client got.
    pub status: u16,
    /// Whether the server refused the request by itself.
    pub refused: bool,
    /// The body that the client got.
    pub response: Vec<u8>,
    /// The rules that logged, in order.
    pub logged: Vec<u64>,
    /// What they logged, in the form of ModSecurity's error log.
    pub lines: Vec<String>,
}

/// Runs cases against the engine, without a socket. `tell` hears before each request how many were sent.
pub fn run(rules: &RuleSet, cases: &[Case], overrides: &Overrides, mut tell: impl FnMut(usize)) -> Summary {
    let mut scratch = None;
    let mut sent = 0;
    run_by(cases, overrides, |input| {
        tell(sent);
        sent += 1;
        send(rules, input, &mut scratch)
    })
}

/// Runs cases against whatever `send` sends requests to. One that fails is judged again by its override, if it has one.
pub fn run_by(cases: &[Case], overrides: &Overrides, mut send: impl FnMut(&Input) -> Observed) -> Summary {
    let mut summary = Summary::default();
    for case in cases {
        if case.disabled {
            summary.skipped += 1;
            continue;
        }
        let mut failure = Failure { id: case.id.clone(), why: Vec::new(), logged: Vec::new() };
        let mut excused = true;
        for stage in &case.stages {
            let observed = send(&stage.input);
            let why = judge(&observed, &stage.expected);
            if !why.is_empty() {
                let other = overrides.of(&case.id).map(|(expected, _)| judge(&observed, expected));
                excused &= other.is_some_and(|why| why.is_empty());
            }
            failure.why.extend(why);
            failure.logged.extend(observed.logged);
        }
        match overrides.of(&case.id) {
            _ if failure.why.is_empty() => summary.passed += 1,
            Some((_, reason)) if excused => summary.overridden.push((case.id.clone(), reason.to_owned())),
            _ => summary.failed.push(failure),
        }
    }
    summary
}

/// Sends a request through the rules and back.
fn send(rules: &RuleSet, input: &Input, scratch: &mut Option<Scratch>) -> Observed {
    let bytes = build(input);
    let wire = Wire::divide(&bytes);
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let connection = Connection { client: (here, 40_000), server: (here, 80), id: "ftw" };
    let mut transaction =
        rules.transaction(&connection, Timestamp::from_seconds(1_800_000_000), scratch.take());
    let headers: Vec<(&[u8], &[u8])> =
        wire.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
    let head =
        RequestHead { method: wire.method, target: wire.target, version: wire.version, headers: &headers };
    let refused = wire.is_refused();
    let reply = answer(&wire);
    let mut status = if refused { 400 } else { reply.status };
    let stopped = |verdict: Verdict<'_>| match verdict {
        Verdict::Stop(interruption) => Some(interruption.status),
        Verdict::Pass => None,
    };
    let asked =
        stopped(transaction.request_head(&head)).or_else(|| stopped(transaction.request_body(&wire.body)));
    let stop = asked.or_else(|| {
        let headers: Vec<(&[u8], &[u8])> =
            reply.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let head = ResponseHead { status: reply.status, version: b"HTTP/1.1", headers: &headers };
        stopped(transaction.response_head(&head)).or_else(|| stopped(transaction.response_body(&reply.body)))
    });
    status = stop.unwrap_or(status);
    let (report, memory) = transaction.finish();
    *scratch = Some(memory);
    let logging = || report.matches.iter().filter(|rule| rule.log);
    Observed {
        status,
        refused,
        response: reply.body,
        logged: logging().map(|rule| rule.id).collect(),
        lines: logging().flat_map(MatchedRule::log_lines).collect(),
    }
}

/// Everything that is not as expected.
fn judge(observed: &Observed, expected: &Expectation) -> Vec<String> {
    // A server that refuses a request ends the test where that is expected, as a transport error does in go-ftw.
    if expected.error && observed.refused {
        return Vec::new();
    }
    let mut why = Vec::new();
    if !expected.status.is_empty() && !expected.status.contains(&observed.status) {
        why.push(format!("status {} instead of {:?}", observed.status, expected.status));
    }
    let logged = |id: &u64| observed.logged.contains(id);
    why.extend(expected.ids.iter().filter(|id| !logged(id)).map(|id| format!("{id} did not log")));
    why.extend(expected.no_ids.iter().filter(|id| logged(id)).map(|id| format!("{id} logged")));
    for pattern in &expected.log {
        if !finds(pattern, observed.lines.iter().map(String::as_bytes)) {
            why.push(format!("{pattern:?} is not in the log"));
        }
    }
    for pattern in &expected.no_log {
        if finds(pattern, observed.lines.iter().map(String::as_bytes)) {
            why.push(format!("{pattern:?} is in the log"));
        }
    }
    if let Some(pattern) = &expected.response
        && !finds(pattern, std::iter::once(observed.response.as_slice()))
    {
        why.push(format!("{pattern:?} is not in the response"));
    }
    if expected.isolated && observed.logged.len() != 1 {
        why.push(format!("{} rules logged instead of one", observed.logged.len()));
    }
    why
}

/// Whether a pattern matches anything. One that cannot be compiled matches nothing, so its case fails.
fn finds<'a>(pattern: &str, mut texts: impl Iterator<Item = &'a [u8]>) -> bool {
    Pattern::compile(pattern.as_bytes())
        .is_ok_and(|pattern| texts.any(|text| pattern.is_match(text) == Outcome::Yes))
}
