//! Which passwords are accepted.
//!
//! Every mode compares the whole password with what everybody tries first, with what strangers expect of this person and
//! shop, and with what has leaked, and says why one is refused: NIST SP 800-63B-4 section 3.1.1.2. Modes differ in length,
//! and two of them ask for kinds of characters.

mod common;
mod context;
mod reason;

use std::fmt;
use std::str::FromStr;

use gabion_core::Secret;
use gabion_crypto::password::PASSWORD_BYTES_MAX;
use zeroize::Zeroizing;

use crate::normal::normalize;
use crate::strength::{Advice, Strength, estimate};

pub use context::{Context, WORD_CHARS_MAX, WORDS_MAX};
pub use reason::{Reason, Requirement};

/// Characters of the shortest password that is all there is. Source: NIST SP 800-63B-4 section 3.1.1.2.
pub const CHARS_MIN_ALONE: usize = 15;
/// Characters of the shortest password beside a second factor, and of any. Source: as above; ASVS 5.0 6.2.1.
pub const CHARS_MIN: usize = 8;
/// Characters that [`Mode::Asvs`] recommends.
pub const CHARS_RECOMMENDED: usize = 12;
/// Characters of the shortest password of [`Mode::PciStaff`] and [`Mode::Composition`]. Source: PCI DSS 4.0.1 8.3.6.
pub const CHARS_MIN_COMPOSED: usize = 12;
/// Characters of the longest password: NIST asks for room for 64. Its bytes are at most
/// [`PASSWORD_BYTES_MAX`]. Characters are Unicode code points after NFC.
pub const CHARS_MAX: usize = 256;

/// What a password has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// 15 characters, 8 beside a second factor; no rules about characters.
    #[default]
    Nist,
    /// 8 characters, 12 recommended; no rules about characters.
    Asvs,
    /// 12 characters with a letter and a digit, as PCI DSS asks of staff.
    PciStaff,
    /// 12 characters with small and capital letters, digits and symbols. For shops that are bound to it.
    Composition,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Nist, Self::Asvs, Self::PciStaff, Self::Composition];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nist => "nist",
            Self::Asvs => "asvs",
            Self::PciStaff => "pci-staff",
            Self::Composition => "composition",
        }
    }

    /// Kinds of characters that have to be there.
    pub const fn requirements(self) -> &'static [Requirement] {
        match self {
            Self::Nist | Self::Asvs => &[],
            Self::PciStaff => &[Requirement::Letter, Requirement::Digit],
            Self::Composition => {
                &[Requirement::Lower, Requirement::Upper, Requirement::Digit, Requirement::Symbol]
            }
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No mode has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected nist, asvs, pci-staff or composition")]
pub struct UnknownMode;

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or(UnknownMode)
    }
}

/// What stands beside the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factors {
    /// The password is all that is asked for.
    PasswordAlone,
    /// A second factor is enrolled, and nobody gets in without it.
    SecondFactorEnforced,
}

/// What is known of a password's leaking; [`crate::breach`] finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exposure {
    /// Nobody looked, or the list could not be read. Says nothing against it: look again later.
    Unknown,
    /// It is not in the list.
    NotListed,
    /// It is in the list.
    Listed,
}

/// What a password has to be, for one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    mode: Mode,
    factors: Factors,
}

/// A password somebody chose, accepted by a [`Policy`] and normalized.
#[derive(Clone, Debug)]
pub struct NewPassword(Secret<String>);

impl NewPassword {
    /// The normalized password.
    pub const fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

/// What a policy says of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Everything that is against it, most basic first; it is accepted where there is nothing.
    pub reasons: Vec<Reason>,
    /// How hard it is to guess. Advice only.
    pub strength: Strength,
    /// What would make it better. There is some wherever it is refused.
    pub advice: Vec<Advice>,
}

impl Assessment {
    /// Whether there is nothing against it.
    pub const fn is_accepted(&self) -> bool {
        self.reasons.is_empty()
    }
}

impl Policy {
    /// The policy of `mode` for an account with `factors`.
    pub const fn new(mode: Mode, factors: Factors) -> Self {
        Self { mode, factors }
    }

    /// Characters of the shortest password.
    pub const fn chars_min(self) -> usize {
        match (self.mode, self.factors) {
            (Mode::Nist, Factors::PasswordAlone) => CHARS_MIN_ALONE,
            (Mode::Nist, Factors::SecondFactorEnforced) | (Mode::Asvs, _) => CHARS_MIN,
            (Mode::PciStaff | Mode::Composition, _) => CHARS_MIN_COMPOSED,
        }
    }

    /// Where this departs from the standards that Gabion follows: the requirement, then how.
    pub const fn departures(self) -> &'static [(&'static str, &'static str)] {
        const SHORT: (&str, &str) =
            ("NIST SP 800-63B-4 3.1.1.2", "fewer than 15 characters where the password is all there is");
        const COMPOSED: (&str, &str) = ("NIST SP 800-63B-4 3.1.1.2", "kinds of characters are demanded");
        const COMPOSED_ASVS: (&str, &str) = ("ASVS 5.0 6.2.5", "kinds of characters are demanded");
        match (self.mode, self.factors) {
            (Mode::Nist, _) | (Mode::Asvs, Factors::SecondFactorEnforced) => &[],
            (Mode::Asvs, Factors::PasswordAlone) => &[SHORT],
            (_, Factors::PasswordAlone) => &[SHORT, COMPOSED, COMPOSED_ASVS],
            (_, Factors::SecondFactorEnforced) => &[COMPOSED, COMPOSED_ASVS],
        }
    }

    /// Accepts `chosen`, or says what is against it.
    ///
    /// # Errors
    /// An [`Assessment`] with at least one reason.
    pub fn accept(
        self,
        chosen: &Secret<String>,
        context: &Context,
        exposure: Exposure,
    ) -> Result<NewPassword, Assessment> {
        let assessment = self.assess(chosen, context, exposure);
        if assessment.is_accepted() { Ok(NewPassword(normalize(chosen))) } else { Err(assessment) }
    }

    /// Everything that is to say of `chosen`. Work for the processor that grows with the square of the length, up to 100
    /// characters: do it where passwords are hashed, not where others wait.
    pub fn assess(self, chosen: &Secret<String>, context: &Context, exposure: Exposure) -> Assessment {
        if chosen.expose().len() > PASSWORD_BYTES_MAX {
            return too_long();
        }
        let normal = normalize(chosen);
        let (text, chars) = (normal.expose().as_str(), normal.expose().chars().count());
        if text.len() > PASSWORD_BYTES_MAX || chars > CHARS_MAX {
            return too_long();
        }
        let estimate = estimate(text, &context.known());
        let mut reasons = Vec::new();
        if chars < self.chars_min() {
            reasons.push(Reason::Short { chars_min: self.chars_min() });
        }
        let missing = self.mode.requirements().iter().filter(|requirement| !requirement.is_met(text));
        reasons.extend(missing.map(|requirement| Reason::Missing(*requirement)));
        reasons.extend(listed(text, chars, context, estimate.is_common));
        if exposure == Exposure::Listed {
            reasons.push(Reason::Leaked);
        }
        let mut advice = estimate.advice;
        let below = self.mode == Mode::Asvs && chars < CHARS_RECOMMENDED;
        if below && !advice.contains(&Advice::Longer) {
            advice.push(Advice::Longer);
        }
        if !self.mode.requirements().is_empty() {
            advice.retain(|advice| *advice != Advice::NoSymbolsNeeded);
        }
        if !reasons.is_empty() && advice.is_empty() {
            advice.push(Advice::SeveralWords);
        }
        Assessment { reasons, strength: estimate.strength, advice }
    }
}

fn too_long() -> Assessment {
    Assessment {
        reasons: vec![Reason::Long],
        strength: Strength::default(),
        advice: vec![Advice::SeveralWords],
    }
}

/// The first list that the whole password is in.
fn listed(text: &str, chars: usize, context: &Context, is_common: bool) -> Option<Reason> {
    let plain = Zeroizing::new(plain(text));
    // Of mostly symbols, what is left says nothing about the whole.
    let speaks = plain.chars().count() * 2 >= chars;
    if common::repeats(text) || speaks && common::repeats(&plain) {
        Some(Reason::Repeated)
    } else if speaks && common::is_sequence(&plain) {
        Some(Reason::Sequence)
    } else if common::is_listed(&plain) {
        Some(Reason::Common)
    } else if context.expects(text) {
        Some(Reason::Expected)
    } else {
        is_common.then_some(Reason::Common)
    }
}

/// Lower-case letters and digits only.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What remains without digits at both ends.
fn core(plain: &str) -> &str {
    plain.trim_matches(|c: char| c.is_numeric())
}

#[cfg(test)]
mod tests;
