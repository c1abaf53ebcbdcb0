//! What is answered.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::assessment::{Assessment, Credential};
use crate::code::Code;

/// The highest score.
pub const SCORE_MAX: u16 = 1000;

/// What to do, from mild to strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Go on.
    Allow,
    /// Go on, and tell the owner by mail.
    AllowAndNotify,
    /// First show a second factor.
    StepUp,
    /// No, and point to recovery.
    Deny,
}

/// A part of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it is about.
    pub code: Code,
    /// Its points. Zero where it explains something else than points.
    pub weight: u16,
}

impl Serialize for Reason {
    /// With its sentence, for those who read events.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut reason = serializer.serialize_struct("Reason", 3)?;
        reason.serialize_field("code", self.code.as_str())?;
        reason.serialize_field("weight", &self.weight)?;
        reason.serialize_field("sentence", self.code.sentence())?;
        reason.end()
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgment {
    /// What to do.
    pub outcome: Outcome,
    /// 0 to [`SCORE_MAX`]. The sum of the reasons' weights, cut there.
    pub score: u16,
    /// What it is made of, the heaviest first.
    pub reasons: Vec<Reason>,
}

impl Judgment {
    /// Of reasons. `outcome` is told the score.
    pub fn of(mut reasons: Vec<Reason>, outcome: impl FnOnce(u16) -> Outcome) -> Self {
        reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.weight), reason.code));
        let sum = reasons.iter().fold(0u16, |sum, reason| sum.saturating_add(reason.weight));
        let score = sum.min(SCORE_MAX);
        Self { outcome: outcome(score), score, reasons }
    }

    /// What holds when no assessor answered: a step-up, or a notice where a passkey verified its owner.
    pub fn unassessed(asked: &Assessment) -> Self {
        let outcome = match asked.credential {
            Credential::Passkey { user_verified: true } => Outcome::AllowAndNotify,
            _ => Outcome::StepUp,
        };
        Self::of(vec![Reason { code: Code::Unassessed, weight: 0 }], |_| outcome)
    }

    /// Whether it has a reason.
    pub fn has(&self, code: Code) -> bool {
        self.reasons.iter().any(|reason| reason.code == code)
    }
}
