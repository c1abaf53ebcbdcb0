//! Proposals: the policy that pages of a class could be held to, and what it would stop.

mod allow;
mod weigh;

use std::collections::BTreeMap;

use gabion_core::{SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_markup::policy::PlanError;
use serde::Serialize;

use crate::decision::TrustWord;
use crate::{Pages, PagesError};

pub(crate) use allow::{Inventory, Only};

/// Something that pages do and the policy would stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breakage {
    /// The directive that forbids it.
    pub directive: String,
    /// What it is: an address or a hash.
    pub what: String,
    /// What to call it.
    pub label: String,
    /// Where it was seen last.
    pub page: String,
    /// When.
    pub last_seen: Timestamp,
    /// Whether it was seen in a page or only told by browsers.
    pub is_reported_only: bool,
    /// How many reports told of it.
    pub reports: u64,
}

/// The policy that pages of a class could be held to.
#[derive(Clone, Debug, Serialize)]
pub struct Proposal {
    /// What the pages are for.
    pub class: PageClass,
    /// The policy of everything that was seen and not denied, as browsers would get it but for the nonce. Empty when it
    /// does not fit into a header.
    pub seen_policy: String,
    /// The policy of what people allowed: the one that would be enforced. Empty when it does not fit.
    pub enforced_policy: String,
    /// Why none can be enforced, as a sentence: one does not fit, or no page was seen.
    pub problem: Option<String>,
    /// Sources of the policy that would be enforced, by directive.
    pub directives: BTreeMap<String, Vec<String>>,
    /// How scripts would be told from each other.
    pub trust: TrustWord,
    /// Whether pages have scripts that differ in every answer, so that a nonce is needed.
    pub needs_nonce: bool,
    /// Page views it was weighed with.
    pub page_views: u64,
    /// Reports it was weighed with.
    pub reports: u64,
    /// Since when pages are looked at.
    pub learning_since: Option<Timestamp>,
    /// Scripts and places that nobody decided about.
    pub undecided: u64,
    /// What would be stopped if the policy were enforced now. Denied things are not among it.
    pub breakage: Vec<Breakage>,
}

/// A proposal and why it cannot be enforced.
pub(crate) struct Weighed {
    pub(crate) view: Proposal,
    pub(crate) error: Option<PlanError>,
}

impl Pages {
    /// The policy that pages of a class could be held to, and what it would stop.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn proposal(&self, site: &SiteId, class: PageClass) -> Result<Proposal, PagesError> {
        Ok(self.proposal_with(site, class, None).await?.view)
    }
}
