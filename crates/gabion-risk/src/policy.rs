//! Which scores lead to what.

use serde::{Deserialize, Serialize};

use crate::assessment::Purpose;
use crate::judgment::{Outcome, SCORE_MAX};

/// The lowest scores of each outcome. 1001 means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Thresholds {
    notify: u16,
    step_up: u16,
    deny: u16,
}

/// Thresholds that contradict each other.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("thresholds grow from notify to step_up to deny, and are at most 1001, which means never")]
pub struct InvalidThresholds;

impl Thresholds {
    /// From which score on the owner is told, a second factor is asked for, and nothing helps.
    ///
    /// # Errors
    /// When they do not grow, or are above [`SCORE_MAX`] + 1.
    pub const fn new(notify: u16, step_up: u16, deny: u16) -> Result<Self, InvalidThresholds> {
        if notify <= step_up && step_up <= deny && deny <= SCORE_MAX + 1 {
            Ok(Self { notify, step_up, deny })
        } else {
            Err(InvalidThresholds)
        }
    }

    /// What a score leads to.
    pub const fn outcome(&self, score: u16) -> Outcome {
        if score >= self.deny {
            Outcome::Deny
        } else if score >= self.step_up {
            Outcome::StepUp
        } else if score >= self.notify {
            Outcome::AllowAndNotify
        } else {
            Outcome::Allow
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    notify: u16,
    step_up: u16,
    deny: u16,
}

impl TryFrom<Written> for Thresholds {
    type Error = InvalidThresholds;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        Self::new(written.notify, written.step_up, written.deny)
    }
}

impl From<Thresholds> for Written {
    fn from(Thresholds { notify, step_up, deny }: Thresholds) -> Self {
        Self { notify, step_up, deny }
    }
}

/// The thresholds of each purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// For signing in.
    pub sign_in: Thresholds,
    /// For opening an account. There is no history, so only failures, breaches and lists of passwords count.
    pub registration: Thresholds,
    /// For getting back into an account: what a thief tries when the password is not enough.
    pub recovery: Thresholds,
    /// For changing credentials: what a thief does next.
    pub credential_change: Thresholds,
    /// For paying.
    pub payment: Thresholds,
}

impl Default for Policy {
    fn default() -> Self {
        let ordinary = Thresholds { notify: 220, step_up: 320, deny: 800 };
        let strict = Thresholds { notify: 100, step_up: 180, deny: 700 };
        Self {
            sign_in: ordinary,
            registration: ordinary,
            recovery: strict,
            credential_change: strict,
            payment: ordinary,
        }
    }
}

impl Policy {
    /// The thresholds of a purpose.
    pub const fn thresholds(&self, purpose: Purpose) -> &Thresholds {
        match purpose {
            Purpose::SignIn => &self.sign_in,
            Purpose::Registration => &self.registration,
            Purpose::Recovery => &self.recovery,
            Purpose::CredentialChange => &self.credential_change,
            Purpose::Payment => &self.payment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_where_they_say() {
        let thresholds = Policy::default().sign_in;
        let outcomes = [0, 219, 220, 319, 320, 799, 800, 1000].map(|score| thresholds.outcome(score));
        use Outcome::{Allow, AllowAndNotify, Deny, StepUp};
        assert_eq!(outcomes, [Allow, Allow, AllowAndNotify, AllowAndNotify, StepUp, StepUp, Deny, Deny]);
        let never = Thresholds::new(1001, 1001, 1001).unwrap();
        assert_eq!(never.outcome(1000), Allow);
    }

    #[test]
    fn contradictions_are_refused_and_the_rest_is_the_default() {
        for (notify, step_up, deny) in [(2, 1, 3), (1, 3, 2), (1, 2, 1002)] {
            assert_eq!(Thresholds::new(notify, step_up, deny), Err(InvalidThresholds));
        }
        let policy: Policy =
            serde_json::from_str(r#"{"payment":{"notify":1,"step_up":2,"deny":3}}"#).unwrap();
        assert_eq!(policy, Policy { payment: Thresholds::new(1, 2, 3).unwrap(), ..Policy::default() });
        assert!(serde_json::from_str::<Policy>(r#"{"payment":{"notify":3,"step_up":2,"deny":3}}"#).is_err());
    }
}
