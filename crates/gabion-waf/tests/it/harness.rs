//! Rules in, requests through, what matched out.

use std::net::{IpAddr, Ipv4Addr};

use gabion_core::Timestamp;
use gabion_waf::{
    Connection, Disk, LoadError, Report, RequestHead, ResponseHead, RuleSet, Source, Transaction,
};

/// When requests of tests come.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// What every test begins with.
const SETTINGS: &str = "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n";

pub(crate) fn try_load(rules: &str) -> Result<RuleSet, LoadError> {
    RuleSet::load(&[Source::text("settings.conf", SETTINGS), Source::text("rules.conf", rules)], &Disk)
}

#[track_caller]
pub(crate) fn load(rules: &str) -> RuleSet {
    try_load(rules).expect("the rules load")
}

pub(crate) fn begin(rules: &RuleSet, now: Timestamp) -> Transaction {
    let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    let connection =
        Connection { client: (client, 4321), server: (IpAddr::V4(Ipv4Addr::LOCALHOST), 80), id: "t-1" };
    rules.transaction(&connection, now, None)
}

/// A request with its headers as text, such as `POST /x?q=1` and `Host: h`.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) line: &'a str,
    pub(crate) headers: &'a [&'a str],
    pub(crate) body: &'a [u8],
}

pub(crate) fn get(line: &str) -> Request<'_> {
    Request { line, headers: &["Host: shop.example"], body: b"" }
}

/// Sends a request and an answer of 200 with some text through the rules.
pub(crate) fn send_at(rules: &RuleSet, request: Request<'_>, answer: &[u8], now: Timestamp) -> Report {
    let mut transaction = begin(rules, now);
    let (method, target) = request.line.split_once(' ').expect("a method and a target");
    let headers: Vec<(&[u8], &[u8])> = request
        .headers
        .iter()
        .map(|line| line.split_once(": ").expect("a name and a value"))
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    let head = RequestHead {
        method: method.as_bytes(),
        target: target.as_bytes(),
        version: b"HTTP/1.1",
        headers: &headers,
    };
    let _ = transaction.request_head(&head);
    let _ = transaction.request_body(request.body);
    let headers: [(&[u8], &[u8]); 1] = [(b"Content-Type", b"text/html; charset=utf-8")];
    let _ = transaction.response_head(&ResponseHead { status: 200, version: b"HTTP/1.1", headers: &headers });
    let _ = transaction.response_body(answer);
    transaction.finish().0
}

pub(crate) fn send(rules: &RuleSet, request: Request<'_>) -> Report {
    send_at(rules, request, b"", NOW)
}

/// The ids that logged.
pub(crate) fn ids(report: &Report) -> Vec<u64> {
    report.matches.iter().filter(|rule| rule.log).map(|rule| rule.id).collect()
}

/// Which rules log a request.
#[track_caller]
pub(crate) fn check(rules: &str, request: Request<'_>, expected: &[u64]) {
    assert_eq!(ids(&send(&load(rules), request)), expected, "{rules}\n{}", request.line);
}

/// What the only rule that matched says, each value on a line.
pub(crate) fn data(rules: &str, request: Request<'_>) -> String {
    let report = send(&load(rules), request);
    let lines = report.matches.iter().flat_map(|rule| &rule.details);
    lines.map(|detail| String::from_utf8_lossy(&detail.data).into_owned()).collect::<Vec<_>>().join("\n")
}
