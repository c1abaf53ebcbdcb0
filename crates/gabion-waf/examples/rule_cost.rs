//! Runs requests through the engine and prints what a transaction costs. `cargo xtask bench waf` runs it beside other
//! engines; `cases` says what the arguments are.

#![expect(clippy::print_stdout, reason = "a tool talks to whoever started it")]

#[path = "../../../bench/waf/cases.rs"]
mod cases;
#[path = "../../../bench/waf/cost.rs"]
mod cost;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};

use cases::Request;
use gabion_core::Timestamp;
use gabion_waf::{Connection, Disk, RequestHead, ResponseHead, RuleSet, Scratch, Source, Verdict};

fn main() -> Result<(), Box<dyn Error>> {
    let mut scratch = None;
    cases::measure(
        |rules| Ok(RuleSet::load(&[Source::File(rules.into())], &Disk)?),
        |rules, request| Ok(ask(rules, request, &mut scratch)),
    )
}

/// One transaction, as a proxy runs it: it ends where rules stop it.
fn ask(rules: &RuleSet, request: &Request, scratch: &mut Option<Scratch>) -> bool {
    let connection = Connection {
        client: (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 40_000),
        server: (IpAddr::V4(Ipv4Addr::LOCALHOST), 80),
        id: "rule_cost",
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
