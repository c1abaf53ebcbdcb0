//! Rules against attacks inside requests, on the way of every request of a route that wants them.
//!
//! The head is inspected when it comes; the body is held until it was inspected, and only then the shop is asked. Answers
//! are inspected where `waf.responses` wants it. What the rules find becomes a refusal or not by the mode of the route,
//! and an event in any case (`report`).

mod audit;
mod canary;
mod findings;
mod glance;
mod inspection;
mod machines;
mod purchase;
mod redact;
mod report;
mod spare;
mod visitors;

pub(crate) use audit::AuditLog;
pub use canary::Toothless;
pub(crate) use findings::Findings;
pub(crate) use glance::glance;
pub use machines::MachineSeen;
pub(crate) use machines::Machines;
pub(crate) use visitors::Visitors;

use gabion_core::Timestamp;
use gabion_waf::{RuleSet, Services};

use crate::config::WafMode;
use crate::layer::{Layer, Next, Outcome, Visit};
use crate::module::Module;
use inspection::Inspection;
use purchase::Purchase;

/// Holds requests and answers against the rules.
#[derive(Clone)]
pub(crate) struct Waf;

impl Layer for Waf {
    async fn call(self, visit: Box<Visit>, next: impl Next) -> Outcome {
        let off = visit.matched().route.waf.mode == WafMode::Off || visit.state.bypass.contains(&Module::Waf);
        let purchase = Purchase::possible(&visit);
        let outcome = match if off { None } else { Inspection::begin(&visit) } {
            // Boxed, so that requests without inspection carry nothing of it.
            Some(inspection) => Box::pin(inspected(inspection, visit, next)).await,
            None => next.call(visit).await,
        };
        if let (Some(purchase), Ok(response)) = (purchase, &outcome) {
            purchase.answered(response.status());
        }
        outcome
    }
}

async fn inspected(mut inspection: Box<Inspection>, mut visit: Box<Visit>, next: impl Next) -> Outcome {
    inspection.request(&mut visit).await?;
    let response = next.call(visit).await?;
    inspection.answer(response).await
}

/// Rules that stopped an attack before they were put in force. The edge runs no others.
#[derive(Debug)]
pub struct ProvenRules {
    rules: RuleSet,
    sources: Vec<String>,
    loaded_at: Timestamp,
}

impl ProvenRules {
    /// Sends the canary attacks through the rules. `sources` says in a few words where they come from; `services` is
    /// what some of them ask.
    ///
    /// # Errors
    /// The attack that they let pass.
    pub fn prove(
        rules: RuleSet,
        sources: Vec<String>,
        services: Services,
        now: Timestamp,
    ) -> Result<Self, Toothless> {
        canary::attack(&rules, now)?;
        Ok(Self { rules: rules.with_services(services), sources, loaded_at: now })
    }

    /// The rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Where they come from.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// When they were loaded and proven.
    pub fn loaded_at(&self) -> Timestamp {
        self.loaded_at
    }
}
