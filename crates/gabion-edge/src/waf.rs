//! Rules against attacks inside requests, on the way of every request of a route that wants them.

mod canary;

pub use canary::Toothless;

use gabion_core::Timestamp;
use gabion_waf::{RuleSet, Services};

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
