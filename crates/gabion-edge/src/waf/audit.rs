//! The audit log of the rules: a JSON object for each request in which they found something.
//!
//! It has what ModSecurity's has, but never a body, and nothing that the access log would mask.

use std::sync::atomic::AtomicU64;

use gabion_core::Timestamp;
use gabion_waf::{AuditRecord, Detail, Engine, Interruption, MatchedRule, Phase, Text};
use serde::Serialize;

use super::findings::Action;
use super::redact;
use crate::access_log::{is_secret, masked, masked_query};
use crate::config::LogTarget;
use crate::log::{Fate, Format, Log};
use crate::metrics::Metrics;

/// Records that may wait for the writer. One keeps the heads of a request and its answer, about 100 KiB at most.
const RECORDS_WAITING_MAX: usize = 256;
/// Headers whose values are secrets.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "authentication-info"];

/// An audit log at work.
pub(crate) type AuditLog = Log<Records>;

/// What an auditor wants to know, and what became of the request.
pub(crate) struct Audited {
    pub(super) record: AuditRecord,
    pub(super) action: Action,
}

/// Writes records.
pub(crate) struct Records;

impl Format for Records {
    type Config = LogTarget;
    type Line = Box<Audited>;
    const NAME: &'static str = "audit log";
    const WAITING_MAX: usize = RECORDS_WAITING_MAX;

    fn target(config: &LogTarget) -> LogTarget {
        config.clone()
    }

    fn new(_: &LogTarget) -> Self {
        Self
    }

    fn write(&mut self, audited: &Self::Line, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, &Object::of(audited)).expect("a vector takes what has no maps");
        out.push(b'\n');
    }

    fn count(metrics: &Metrics, fate: Fate) -> &AtomicU64 {
        match fate {
            Fate::Written => &metrics.audit_records,
            Fate::Dropped => &metrics.audit_records_dropped,
            Fate::Lost => &metrics.audit_records_lost,
        }
    }
}

/// A record as it is written.
#[derive(Serialize)]
struct Object<'a> {
    time: Timestamp,
    request_id: String,
    client: String,
    client_port: String,
    action: &'static str,
    engine: Engine,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    components: &'a [String],
    request_line: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_headers: Option<Vec<(String, String)>>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_headers: Option<Vec<(String, String)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interruption: &'a Option<Interruption>,
    matches: Vec<Match<'a>>,
}

#[derive(Serialize)]
struct Match<'a> {
    rule: u64,
    phase: Phase,
    location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<u8>,
    tags: &'a [Box<str>],
    details: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    variable: String,
    message: String,
    matched: String,
}

impl<'a> Object<'a> {
    fn of(audited: &'a Audited) -> Self {
        let Audited { record, action } = audited;
        let matches = record.matches.iter().flatten();
        Self {
            time: Timestamp::from_micros(record.started_us),
            request_id: text(&record.id),
            client: text(&record.client),
            client_port: text(&record.client_port),
            action: action.as_str(),
            engine: record.engine,
            components: &record.components,
            request_line: request_line(&record.request_line.0),
            request_headers: record.request_headers.as_deref().map(headers),
            status: text(&record.status),
            response_headers: record.response_headers.as_deref().map(headers),
            interruption: &record.interruption,
            matches: matches.map(Match::of).collect(),
        }
    }
}

impl<'a> Match<'a> {
    fn of(rule: &'a MatchedRule) -> Self {
        let found = |detail: &Detail| Found {
            variable: masked(&detail.variable).into_owned(),
            message: masked(&detail.message).into_owned(),
            matched: redact::matched(&detail.variable, &detail.data),
        };
        Self {
            rule: rule.id,
            phase: rule.phase,
            location: rule.location.to_string(),
            severity: rule.severity,
            tags: &rule.tags,
            details: rule.details.iter().map(found).collect(),
        }
    }
}

fn text(text: &Text) -> String {
    masked(&text.0).into_owned()
}

/// The request line, without the secrets of its query.
fn request_line(bytes: &[u8]) -> String {
    let version = bytes.iter().rposition(|byte| *byte == b' ').unwrap_or(bytes.len());
    let (target, version) = bytes.split_at(version);
    address(target) + &masked(version)
}

/// What ends with a query, without its secrets.
fn address(bytes: &[u8]) -> String {
    let Some(at) = bytes.iter().position(|byte| *byte == b'?') else { return masked(bytes).into_owned() };
    let (before, query) = bytes.split_at(at + 1);
    let mut address = masked(before).into_owned();
    masked_query(query, &mut |part| address.push_str(part));
    address
}

fn headers(headers: &[(Text, Text)]) -> Vec<(String, String)> {
    let header = |(name, value): &(Text, Text)| {
        let name = text(name);
        let secret = is_secret(name.as_bytes())
            || SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
        let value = match name.as_str() {
            _ if secret => redact::MASKED.to_owned(),
            _ if name.eq_ignore_ascii_case("referer") || name.eq_ignore_ascii_case("location") => {
                address(&value.0)
            }
            _ => text(value),
        };
        (name, value)
    };
    headers.iter().map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_addresses_and_headers_are_not_kept() {
        let line = request_line(b"GET /pay?card=4242424242424242&q=tea&token=abc HTTP/1.1");
        assert_eq!(line, "GET /pay?card=[masked]&q=tea&token=[masked] HTTP/1.1");
        let all = [
            ("Cookie", "a=b"),
            ("authorization", "Basic x"),
            ("X-Api-Key", "k"),
            ("Referer", "https://shop.example/?password=x"),
            ("X-Note", "4242 4242 4242 4242"),
        ];
        let all = all.map(|(name, value)| (Text(name.into()), Text(value.into())));
        let values: Vec<_> = headers(&all).into_iter().map(|(_, value)| value).collect();
        let expected =
            ["[masked]", "[masked]", "[masked]", "https://shop.example/?password=[masked]", "[card …4242]"];
        assert_eq!(values, expected);
    }
}
