//! Heads that the guard refused, before the rules: what was tried is worth knowing, though it failed already.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use gabion_core::limits::EVENT_FIELD_BYTES_MAX;
use gabion_waf::wire::Wire;
use gabion_waf::{Connection, Engine, Report, RequestHead, Transaction};

use super::findings::{Action, Findings};
use super::inspection::{Scores, head};
use super::{report, spare};
use crate::layer::Visit;
use crate::module::Module;

/// Says which rules see something in what came of a refused request, and where, such as `941100 ARGS:q`; notes it for
/// the access log, too. Nothing else becomes of it: the request stays refused. None where there are no rules, where they
/// see nothing, and when more come than [`crate::held::Room`] has time for.
pub(crate) fn glance(visit: &Visit, bytes: &[u8]) -> Option<Box<str>> {
    let rules = visit.state.rules.as_ref().filter(|_| !visit.state.bypass.contains(&Module::Waf))?;
    let now = visit.edge.now();
    if bytes.is_empty() || !visit.edge.room().glance(now) {
        return None;
    }
    let (facts, id) = (&visit.facts, visit.facts.id.text());
    let connection = Connection {
        client: head::client(facts),
        server: head::server(&visit.state, facts.client.https),
        id: id.as_str(),
    };
    let transaction = rules.rules().transaction(&connection, now, spare::take());
    let Ok((score, report)) = catch_unwind(AssertUnwindSafe(|| look(transaction, bytes))) else {
        visit.edge.metrics().waf_failed.fetch_add(1, Ordering::Relaxed);
        tracing::error!(request.id = %facts.id, "The WAF broke down over the refused request {}", facts.id);
        return None;
    };
    let seen = report::places(&report.matches, EVENT_FIELD_BYTES_MAX);
    if seen.is_empty() {
        return None;
    }
    if let Some(findings) = Findings::of(Action::Refused, score, &report.matches) {
        facts.notes.found(findings);
    }
    Some(seen.into())
}

/// Runs all phases of a request over the bytes, divided leniently. The score, and what matched.
fn look(mut transaction: Transaction, bytes: &[u8]) -> (i64, Report) {
    transaction.set_engine(Engine::DetectionOnly);
    let wire = Wire::divide(bytes);
    let headers: Vec<(&[u8], &[u8])> =
        wire.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
    let head =
        RequestHead { method: wire.method, target: wire.target, version: wire.version, headers: &headers };
    let _ = transaction.request_head(&head);
    let _ = transaction.request_body(&wire.body);
    let score = Scores::of(&transaction).request;
    let (report, scratch) = transaction.finish();
    spare::keep(scratch);
    (score, report)
}
