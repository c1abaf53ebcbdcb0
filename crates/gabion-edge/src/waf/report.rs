//! What is told of inspected requests: events, counters, a note for the access log.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gabion_core::limits::{EVENT_FIELD_BYTES_MAX, cut};
use gabion_core::{Actor, Event, EventKind, card};
use gabion_waf::{Detail, MatchedRule, Partial, Report};

use super::audit::Audited;
use super::findings::{Action, Findings, near_certain};
use super::inspection::{About, Scores};
use super::machines::Call;
use super::redact;
use super::visitors::{self, Finding};
use crate::config::{WafMode, product};
use crate::event::{WAF_BLOCKED, WAF_FAILED, WAF_FLAGGED, WAF_PARTIAL};
use crate::path::normalize;

/// What the engine did not get to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unseen {
    /// The body of the request is compressed, and the route lets it pass.
    Encoded,
    /// The shop compressed its answer all the same.
    EncodedAnswer,
    /// There was no room to hold it, or no turn to inspect it.
    NoRoom,
}

impl Unseen {
    const fn name(self) -> &'static str {
        match self {
            Self::Encoded => "encoded_body",
            Self::EncodedAnswer => "encoded_answer",
            Self::NoRoom => "no_room",
        }
    }
}

/// The name of what was inspected in part.
pub(super) const fn name(partial: Partial) -> &'static str {
    match partial {
        Partial::Arguments => "arguments",
        Partial::Headers => "headers",
        Partial::RequestBody => "request_body",
        Partial::BodyStructure => "body_structure",
        Partial::ResponseBody => "response_body",
        Partial::Memory => "memory",
        Partial::PatternSteps => "pattern_steps",
        Partial::Matches => "matches",
    }
}

/// Tells how an inspection ended.
pub(super) fn finished(
    about: &About,
    report: Report,
    scores: &Scores,
    action: Action,
    unseen: &[Unseen],
    took: Duration,
) {
    let metrics = about.edge.metrics();
    metrics.waf_inspected.fetch_add(1, Ordering::Relaxed);
    metrics.waf.record(took);
    let stop = report.interruption.as_ref().or(report.detected.as_ref());
    let action = if action == Action::Passed && stop.is_some() { Action::Flagged } else { action };
    let told = match action {
        Action::Stopped => Some((&WAF_BLOCKED, &metrics.waf_blocked)),
        Action::Flagged => Some((&WAF_FLAGGED, &metrics.waf_flagged)),
        Action::Passed | Action::Refused => None,
    };
    if let Some((kind, count)) = told {
        count.fetch_add(1, Ordering::Relaxed);
        tell(about, kind, |event| {
            let phase = stop.map_or(0, |stop| stop.phase as i64 + 1);
            matched(event, &report, scores)
                .field("phase", phase)
                .field("near_certain", near_certain(&report.matches, scores.request, scores.threshold))
        });
    }
    if action == Action::Flagged && about.machine.is_none() {
        remember(about, &report);
    }
    notice(about, matches!(action, Action::Flagged | Action::Stopped));
    let partial: Vec<_> = report
        .partial
        .iter()
        .map(|partial| name(*partial))
        .chain(unseen.iter().map(|unseen| unseen.name()))
        .collect();
    if !partial.is_empty() {
        metrics.waf_partial.fetch_add(1, Ordering::Relaxed);
        tell(about, &WAF_PARTIAL, |event| {
            event.field("what", partial.join(", ")).field("refused", action == Action::Refused)
        });
    }
    if let Some(findings) = Findings::of(action, scores.request, &report.matches) {
        about.facts.notes.found(findings);
    }
    if let (Some(log), Some(record)) = (&about.edge.state().audit_log, report.audit) {
        log.offer(Box::new(Audited { record, action }));
    }
}

/// Tells that the engine broke down over a request.
pub(super) fn failed(about: &About) {
    about.edge.metrics().waf_failed.fetch_add(1, Ordering::Relaxed);
    tracing::error!(request.id = %about.facts.id, "The WAF broke down over request {}", about.facts.id);
    tell(about, &WAF_FAILED, |event| event.field("refused", about.mode() == WafMode::Block));
}

/// Remembers who sent it, in case they buy something.
fn remember(about: &About, report: &Report) {
    let message = first(&report.matches).map(|(_, detail)| String::from_utf8_lossy(&detail.message));
    let finding = Finding {
        request: about.facts.id,
        path: card::mask(about.uri.path()).into_owned(),
        rules: places(&report.matches, visitors::RULES_BYTES_MAX),
        message: cut(&message.unwrap_or_default(), visitors::MESSAGE_BYTES_MAX).into_owned(),
    };
    let visitors = about.edge.visitors();
    let visitor = visitors.visitor(about.facts.client.address, about.agent.as_ref());
    visitors.flagged(visitor, finding, about.edge.now());
}

/// Notices a program, in case it is a machine of the shop's own business; those that are confirmed are known.
fn notice(about: &About, flagged: bool) {
    let agent = about.agent.as_ref().and_then(|agent| agent.to_str().ok());
    let Some(product) = agent.and_then(product).filter(|_| about.machine.is_none()) else { return };
    let (address, path) = (about.facts.client.address, normalize(about.uri.path()));
    about.edge.machines().called(&Call { address, product, path: &path, flagged }, about.edge.now());
}

/// The facts that all events of the WAF have in common.
fn tell(about: &About, kind: &EventKind, fill: impl FnOnce(Event) -> Event) {
    let About { edge, facts, matched, method, uri, .. } = about;
    edge.recorder().record(kind, Actor::Visitor, |event| {
        let event = fill(event.site(&matched.site.id).entity("request", facts.id))
            .field("mode", about.mode().as_str())
            .field("route", matched.route.path.as_str())
            .field("method", method.as_str())
            .field("path", card::mask(uri.path()).into_owned())
            .personal("address", facts.client.address.to_string());
        let event = match &about.machine {
            Some(machine) => event.field("machine", &**machine),
            None => event,
        };
        match facts.connection.ja4() {
            Some(ja4) => event.field("ja4", ja4),
            None => event,
        }
    });
}

/// What matched: the rule that says most, and all others by number and place.
fn matched(event: Event, report: &Report, scores: &Scores) -> Event {
    let event = event
        .field("rules", places(&report.matches, EVENT_FIELD_BYTES_MAX))
        .field("score", scores.request)
        .field("threshold", scores.threshold)
        .field("answer_score", scores.answer);
    let Some((rule, detail)) = first(&report.matches) else { return event };
    event
        .entity("rule", rule.id)
        .field("message", String::from_utf8_lossy(&detail.message).into_owned())
        .field("variable", String::from_utf8_lossy(&detail.variable).into_owned())
        .personal("matched", redact::matched(&detail.variable, &detail.data))
}

/// The first rule that looked at something a client or the shop sent: not one of those that add up scores.
fn first(matches: &[MatchedRule]) -> Option<(&MatchedRule, &Detail)> {
    let logged =
        || matches.iter().filter(|rule| rule.log).filter_map(|rule| Some((rule, rule.details.first()?)));
    logged().find(|(_, detail)| !detail.variable.starts_with(b"TX:")).or_else(|| logged().next())
}

/// `942100 ARGS:q, 941110 ARGS:q`: what an exclusion would name. As many as fit.
pub(super) fn places(matches: &[MatchedRule], bytes_max: usize) -> String {
    let mut text = String::new();
    for rule in matches.iter().filter(|rule| rule.log) {
        for detail in &rule.details {
            let variable = String::from_utf8_lossy(&detail.variable);
            let place = format!("{} {variable}", rule.id);
            if text.len() + place.len() > bytes_max {
                return text;
            }
            if !text.split(", ").any(|told| told == place) {
                text.push_str(if text.is_empty() { "" } else { ", " });
                text.push_str(&place);
            }
        }
    }
    text
}
