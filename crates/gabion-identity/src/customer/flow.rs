//! What has to be shown before a session begins: a pure function of what was shown, what the account has, and what is
//! demanded. Everything that begins a session asks it, so that there is one place to read and to test.

use serde::{Deserialize, Serialize};

/// Something that was shown, and held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The account's password.
    Password,
    /// A passkey that verified its owner: possession, and knowledge or a trait.
    Passkey,
    /// A passkey that did not, or not in a way to rely on: possession.
    SecurityKey,
    /// A code of the authenticator app.
    Totp,
    /// One of the codes that were written down.
    RecoveryCode,
}

impl Proof {
    /// The name in events and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::SecurityKey => "security_key",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

/// How much is known of who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// One factor.
    OneFactor,
    /// Two different factors.
    TwoFactors,
}

impl Level {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneFactor => "one_factor",
            Self::TwoFactors => "two_factors",
        }
    }
}

/// A level this program does not know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a level")]
pub struct UnknownLevel;

impl std::str::FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        [Self::OneFactor, Self::TwoFactors]
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or(UnknownLevel)
    }
}

/// What an account has to sign in with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enrolled {
    /// A password.
    pub password: bool,
    /// Passkeys.
    pub passkeys: bool,
    /// An authenticator app.
    pub totp: bool,
    /// Codes that were written down and not used.
    pub recovery_codes: bool,
}

impl Enrolled {
    /// Whether the account's holder wants a second factor with the password. Passkeys alone do not say so: whoever made one
    /// may be somewhere without it.
    pub const fn wants_second(&self) -> bool {
        self.totp
    }
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// One of these is to be shown. Never empty.
    Show(Vec<Proof>),
    /// A session of this level may begin.
    Done(Level),
    /// A session of one factor may begin, but not where the customer wants to go: the account has no second factor yet.
    Enroll,
}

/// What comes next after `shown`, where the place the customer goes to asks for `demand`.
pub fn step(shown: &[Proof], enrolled: &Enrolled, demand: Level) -> Step {
    match level(shown) {
        None => Step::Show(first(enrolled)),
        Some(Level::TwoFactors) => Step::Done(Level::TwoFactors),
        Some(Level::OneFactor) if demand == Level::OneFactor && !enrolled.wants_second() => {
            Step::Done(Level::OneFactor)
        }
        Some(Level::OneFactor) => match seconds(shown, enrolled) {
            nothing if nothing.is_empty() => Step::Enroll,
            seconds => Step::Show(seconds),
        },
    }
}

/// What was reached; none where no factor was shown.
fn level(shown: &[Proof]) -> Option<Level> {
    let has = |proof| shown.contains(&proof);
    let knows = has(Proof::Password);
    let has_something = has(Proof::SecurityKey) || has(Proof::Totp) || has(Proof::RecoveryCode);
    match (has(Proof::Passkey) || (knows && has_something), knows || has(Proof::SecurityKey)) {
        (true, _) => Some(Level::TwoFactors),
        (false, true) => Some(Level::OneFactor),
        // A code of the app or from paper alone signs nobody in: it is the second of two.
        (false, false) => None,
    }
}

fn first(enrolled: &Enrolled) -> Vec<Proof> {
    let mut first = Vec::new();
    if enrolled.passkeys {
        first.push(Proof::Passkey);
    }
    // Offered also where there is none: who has what is told to nobody.
    first.push(Proof::Password);
    first
}

/// What would make two factors of what was shown.
fn seconds(shown: &[Proof], enrolled: &Enrolled) -> Vec<Proof> {
    let knows = shown.contains(&Proof::Password);
    let of = [
        (Proof::Passkey, enrolled.passkeys),
        (Proof::Totp, enrolled.totp && knows),
        (Proof::RecoveryCode, enrolled.recovery_codes && knows),
        (Proof::Password, enrolled.password && !knows),
    ];
    of.into_iter().filter(|(_, helps)| *helps).map(|(proof, _)| proof).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Proof; 5] =
        [Proof::Password, Proof::Passkey, Proof::SecurityKey, Proof::Totp, Proof::RecoveryCode];

    fn enrolled() -> impl Strategy<Value = Enrolled> {
        any::<[bool; 4]>().prop_map(|[password, passkeys, totp, recovery_codes]| Enrolled {
            password,
            passkeys,
            totp,
            recovery_codes,
        })
    }

    fn demand() -> impl Strategy<Value = Level> {
        proptest::sample::select(vec![Level::OneFactor, Level::TwoFactors])
    }

    fn shown() -> impl Strategy<Value = Vec<Proof>> {
        proptest::collection::vec(proptest::sample::select(&ALL), 0..7)
    }

    proptest! {
        #[test]
        fn nothing_is_done_without_what_is_demanded(shown in shown(), enrolled in enrolled(), demand in demand()) {
            let knows = shown.contains(&Proof::Password);
            let strong = shown.contains(&Proof::Passkey);
            let has = [Proof::SecurityKey, Proof::Totp, Proof::RecoveryCode].iter().any(|proof| shown.contains(proof));
            match step(&shown, &enrolled, demand) {
                Step::Done(Level::TwoFactors) => prop_assert!(strong || (knows && has)),
                Step::Done(Level::OneFactor) => {
                    prop_assert!(knows || shown.contains(&Proof::SecurityKey));
                    prop_assert_eq!(demand, Level::OneFactor);
                    prop_assert!(!enrolled.totp, "the holder wants a second factor");
                }
                Step::Enroll => {
                    prop_assert!(knows || shown.contains(&Proof::SecurityKey));
                    prop_assert!(!(knows && enrolled.totp), "a session would begin without the app's code");
                }
                Step::Show(proofs) => prop_assert!(!proofs.is_empty()),
            }
        }

        #[test]
        fn what_is_asked_for_leads_on(shown in shown(), enrolled in enrolled(), demand in demand()) {
            // Whoever shows what is asked for is never asked for it again, and comes to an end.
            let mut shown = shown;
            for _ in 0..ALL.len() + 1 {
                let Step::Show(proofs) = step(&shown, &enrolled, demand) else { return Ok(()) };
                prop_assert!(proofs.iter().all(|proof| !shown.contains(proof)), "{:?} after {:?}", proofs, shown);
                shown.push(proofs[0]);
            }
            prop_assert!(false, "no end");
        }

        #[test]
        fn showing_more_never_lowers_the_level(first in shown(), more in shown()) {
            let before = level(&first);
            let after = level(&[first, more].concat());
            prop_assert!(after >= before);
        }
    }

    #[test]
    fn the_usual_ways() {
        let with_app = Enrolled { password: true, totp: true, recovery_codes: true, ..Enrolled::default() };
        let plain = Enrolled { password: true, ..Enrolled::default() };
        let (usual, strict) = (Level::OneFactor, Level::TwoFactors);
        for (shown, enrolled, demand, expected) in [
            (&[][..], plain, usual, Step::Show(vec![Proof::Password])),
            (&[Proof::Password], plain, usual, Step::Done(Level::OneFactor)),
            (&[Proof::Password], plain, strict, Step::Enroll),
            (&[Proof::Password], with_app, usual, Step::Show(vec![Proof::Totp, Proof::RecoveryCode])),
            (&[Proof::Password, Proof::Totp], with_app, strict, Step::Done(Level::TwoFactors)),
            (&[Proof::Totp], with_app, usual, Step::Show(vec![Proof::Password])),
            (&[Proof::Passkey], with_app, strict, Step::Done(Level::TwoFactors)),
        ] {
            assert_eq!(step(shown, &enrolled, demand), expected, "{shown:?}");
        }
    }
}
