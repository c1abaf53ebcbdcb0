//! Events of closed gates: one in a minute for each address and route, because knocking costs nothing.

use std::time::Duration;

use gabion_core::limits::{EVENT_FIELD_BYTES_MAX, cut};
use gabion_core::{Actor, Entropy, card};

use super::Verdict;
use crate::config::Gate;
use crate::event::GATE_REFUSED;
use crate::layer::Visit;
use crate::rate_limit::{HashKey, Quota, Table, block};

/// Who knocked lately: 17 bytes each. With more of them, some are told more often.
const KNOCKS_KEPT: usize = 8_192;
/// How long somebody who knocks again at the same gate is not told again.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Who knocked lately.
pub(crate) struct Knocks {
    key: HashKey,
    table: Table,
    quota: Quota,
}

impl Knocks {
    /// Nobody yet.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let quota = Quota::new(1, TOLD_AGAIN, 1);
        Self { key: HashKey::draw(entropy), table: Table::new(KNOCKS_KEPT), quota }
    }

    /// Whether it is to be told that this visit was refused.
    fn is_first(&self, visit: &Visit) -> bool {
        let matched = visit.matched();
        let hash = self.key.hash().text(matched.site.id.as_str()).text(&matched.route.path);
        let hash = block(hash, visit.facts.client.address, 32, 64).finish();
        let now = u64::try_from(visit.edge.now().micros()).unwrap_or(0).saturating_mul(1_000);
        self.table.count(hash, self.quota, now).allowed
    }
}

/// Tells of somebody who was refused, the first time in a minute.
pub(super) fn refused(visit: &Visit, gate: Gate, verdict: Verdict) {
    if !visit.edge.knocks().is_first(visit) {
        return;
    }
    let (matched, facts) = (visit.matched(), &visit.facts);
    visit.edge.recorder().record(&GATE_REFUSED, Actor::Visitor, |event| {
        let path = card::mask(visit.request.uri().path());
        let event = event
            .site(&matched.site.id)
            .entity("request", facts.id)
            .field("requires", gate.requires.as_str())
            .field("why", verdict.as_str())
            .field("route", matched.route.path.as_str())
            .field("method", visit.request.method().as_str())
            .field("path", cut(&path, EVENT_FIELD_BYTES_MAX).into_owned())
            .personal("address", facts.client.address.to_string());
        match facts.connection.ja4() {
            Some(ja4) => event.field("ja4", ja4),
            None => event,
        }
    });
}
