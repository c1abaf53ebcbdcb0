//! Ordinary requests of a shop, which no rule may stop.

use gabion_waf::{Disk, MatchedRule, RequestHead, RuleSet, builtin};

use crate::corpus::{self, Ordinary};
use crate::harness::{NOW, begin};

/// How many there are at least.
const REQUESTS_MIN: usize = 500;

/// Sends a request through rules; the lines of what logged if it was stopped.
fn stopped(rules: &RuleSet, request: &Ordinary) -> Option<Vec<String>> {
    let mut transaction = begin(rules, NOW);
    let headers: Vec<(&[u8], &[u8])> =
        request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let head = RequestHead {
        method: request.method.as_bytes(),
        target: request.target.as_bytes(),
        version: b"HTTP/1.1",
        headers: &headers,
    };
    let _ = transaction.request_head(&head);
    let _ = transaction.request_body(&request.body);
    let (report, _) = transaction.finish();
    report.interruption?;
    Some(report.matches.iter().flat_map(MatchedRule::log_lines).collect())
}

#[test]
fn the_built_in_rules_stop_no_ordinary_request() {
    let rules = RuleSet::load(&builtin::sources(), &Disk).expect("the built-in rules load");
    let requests = corpus::all();
    let stopped: Vec<String> = requests
        .iter()
        .filter_map(|request| {
            let lines = stopped(&rules, request)?;
            Some(format!("{} {} {}\n  {}", request.name, request.method, request.target, lines.join("\n  ")))
        })
        .collect();
    assert!(requests.len() >= REQUESTS_MIN, "{}", requests.len());
    assert!(stopped.is_empty(), "{} of {}:\n{}", stopped.len(), requests.len(), stopped.join("\n"));
}
