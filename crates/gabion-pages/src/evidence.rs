//! Evidence: who knew and approved what, what changed and how often somebody looked, signed.

mod gather;
mod sign;

use gabion_core::{SiteId, Timestamp};
use serde::Serialize;

pub(crate) use gather::checked;
pub use sign::{EvidenceError, FORMAT, Verified, verify_evidence};

/// Months that evidence can cover, and that it is kept.
pub const EVIDENCE_DAYS_MAX: u64 = 366;

/// A period of evidence: from its first moment, before its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Not before.
    pub from: Timestamp,
    /// Before.
    pub until: Timestamp,
}

/// What a requirement asks for, and what of an export answers it. In own words: read the standard beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// Its number in PCI DSS 4.0.1.
    pub number: &'static str,
    /// What it asks for.
    pub asks: &'static str,
    /// Where in the export the answer stands.
    pub answered_by: &'static str,
    /// What a person still has to do.
    pub left_to_people: &'static str,
}

/// The requirements that this evidence is about.
pub const REQUIREMENTS: [Requirement; 5] = [
    Requirement {
        number: "6.4.3 (authorization)",
        asks: "scripts of payment pages run because somebody authorized them",
        answered_by: "scripts[].status, decided_by, decided_at; decisions",
        left_to_people: "deciding; and enforcing, where scripts nobody authorized shall not run",
    },
    Requirement {
        number: "6.4.3 (integrity)",
        asks: "it is assured that scripts are what was authorized",
        answered_by: "scripts[].versions and pin; changes of kind script_changed",
        left_to_people: "looking at changes of scripts that their companies change by themselves",
    },
    Requirement {
        number: "6.4.3 (inventory)",
        asks: "there is a list of the scripts with a written reason why each is needed",
        answered_by: "scripts[].label, first_seen, justification, owner",
        left_to_people: "reasons that hold",
    },
    Requirement {
        number: "11.6.1 (detection)",
        asks: "people are told when scripts or headers that matter for safety change on payment pages, as browsers get them",
        answered_by: "changes; baselines; evaluations[].servings",
        left_to_people: "reacting to alerts",
    },
    Requirement {
        number: "11.6.1 (frequency)",
        asks: "this is evaluated at least every seven days, or as often as a risk analysis says",
        answered_by: "evaluations[].day, servings, looks",
        left_to_people: "the risk analysis, where it is less often",
    },
];

/// What an export is about, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceHead {
    /// The site.
    pub site: SiteId,
    /// The period.
    pub period: Period,
    /// When it was made.
    pub made_at: Timestamp,
}
