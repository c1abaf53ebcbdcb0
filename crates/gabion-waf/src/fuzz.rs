//! What the fuzzer holds against the engine. The seeds in `fuzz/seeds` run as tests.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use gabion_core::Timestamp;

use crate::transformation::Transformation;
use crate::wire::Wire;
use crate::{Connection, Files, Report, RequestHead, ResponseHead, RuleSet, Source};

/// A disk with nothing on it.
struct Nowhere;

impl Files for Nowhere {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Rules that look at everything there is.
const RULES: &str = include_str!("fuzz/rules.conf");

/// Any text is rules or a mistake, and rules that load run.
pub fn rules(bytes: &[u8]) {
    if let Ok(rules) = RuleSet::load(&[Source::text("fuzz.conf", bytes)], &Nowhere) {
        send(&rules, b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nCookie: d=e\r\nContent-Length: 3\r\n\r\nf=g");
    }
}

/// No transformation writes more than six bytes for one and a constant, and what it calls unchanged it does not write.
pub fn transformations(bytes: &[u8]) {
    let mut out = Vec::new();
    for (transformation, name) in Transformation::NAMES {
        let changed = transformation.apply(bytes, &mut out, None);
        assert!(out.len() <= 6 * bytes.len() + 40, "{name}");
        assert!(changed || out.is_empty() || out == bytes, "{name}");
    }
}

/// Whatever a request is made of, all rules run, twice with the same result.
pub fn transaction(bytes: &[u8]) {
    static LOADED: OnceLock<RuleSet> = OnceLock::new();
    let rules = LOADED.get_or_init(|| {
        RuleSet::load(&[Source::text("fuzz.conf", RULES)], &Nowhere).expect("the rules load")
    });
    let ids = |report: Report| report.matches.into_iter().map(|rule| rule.id).collect::<Vec<_>>();
    assert_eq!(ids(send(rules, bytes)), ids(send(rules, bytes)));
}

fn send(rules: &RuleSet, bytes: &[u8]) -> Report {
    let wire = Wire::divide(bytes);
    let here = (IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
    let connection = Connection { client: here, server: here, id: "fuzz" };
    let mut transaction = rules.transaction(&connection, Timestamp::from_seconds(1_800_000_000), None);
    let headers: Vec<(&[u8], &[u8])> =
        wire.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
    let head =
        RequestHead { method: wire.method, target: wire.target, version: wire.version, headers: &headers };
    let _ = transaction.request_head(&head);
    let _ = transaction.request_body(&wire.body);
    let _ = transaction.response_head(&ResponseHead { status: 200, version: b"HTTP/1.1", headers: &headers });
    let _ = transaction.response_body(&wire.body);
    transaction.finish().0
}
