//! Purchases: a visitor reaches the page that thanks for one. Whoever was flagged before was probably no attacker.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gabion_core::{Actor, card};
use http::StatusCode;
use http::header::USER_AGENT;

use super::visitors::{Bought, Finding, Visitor};
use crate::Edge;
use crate::event::WAF_FLAGGED_VISITOR_BOUGHT;
use crate::layer::{Facts, Visit};
use crate::path::normalize;
use crate::route::Matched;

/// A request to a page that thanks for a purchase. Whether it is one, the answer says.
pub(super) struct Purchase {
    edge: Edge,
    facts: Arc<Facts>,
    matched: Matched,
    path: String,
    visitor: Visitor,
}

impl Purchase {
    /// Nothing for requests to other pages, and where no rules are in force.
    pub(super) fn possible(visit: &Visit) -> Option<Box<Self>> {
        let path = visit.request.uri().path();
        visit.state.rules.as_ref()?;
        if !visit.state.bought.contain(&normalize(path)) {
            return None;
        }
        let agent = visit.request.headers().get(USER_AGENT);
        Some(Box::new(Self {
            edge: visit.edge.clone(),
            facts: Arc::clone(&visit.facts),
            matched: visit.matched().clone(),
            path: card::mask(path).into_owned(),
            visitor: visit.edge.visitors().visitor(visit.facts.client.address, agent),
        }))
    }

    /// Counts it, and tells of what was found of this visitor before. Only success is a purchase: shops send strangers
    /// elsewhere.
    pub(super) fn answered(&self, status: StatusCode) {
        if !status.is_success() {
            return;
        }
        let metrics = self.edge.metrics();
        metrics.waf_purchases.fetch_add(1, Ordering::Relaxed);
        let Bought { first, findings } =
            self.edge.visitors().bought(self.visitor, self.facts.id, self.edge.now());
        if first {
            metrics.waf_flagged_bought.fetch_add(1, Ordering::Relaxed);
        }
        findings.into_iter().for_each(|finding| self.tell(finding));
    }

    fn tell(&self, finding: Finding) {
        let Finding { request, path, rules, message } = finding;
        self.edge.recorder().record(&WAF_FLAGGED_VISITOR_BOUGHT, Actor::Visitor, |event| {
            event
                .site(&self.matched.site.id)
                .entity("request", self.facts.id)
                .field("flagged_request", request.to_string())
                .field("path", path)
                .field("rules", rules)
                .field("message", message)
                .field("bought", self.path.as_str())
                .personal("address", self.facts.client.address.to_string())
        });
    }
}
