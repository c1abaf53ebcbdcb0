//! The assessor that ships: a table of weights over history and failures.

use std::sync::{PoisonError, RwLock};

use gabion_core::Timestamp;

use crate::assess::{Assess, Assessing};
use crate::assessment::{Assessment, Credential, Device, Purpose};
use crate::code::Code;
use crate::counts::Counts;
use crate::features::FeatureKeys;
use crate::history::{EVERYONE_ENTRIES_MAX, EVERYONE_HALF_LIFE, Profile};
use crate::judgment::{Judgment, Outcome, Reason};
use crate::policy::Policy;
use crate::surprise::Surprise;
use crate::travel::{Journey, journey};

/// Adds up the weights of [`Code`] and compares with a [`Policy`].
///
/// Holds for any policy and any history: one more bad sign never lowers the score; a known device is never refused; a
/// passkey that verified its owner is never asked for more, and no passkey is ever refused; a first sign-in is not
/// suspicious by itself. What is learned of everyone is in memory; [`everyone`](Self::everyone) gives it out to be kept.
#[derive(Debug)]
pub struct SimpleScorer {
    keys: FeatureKeys,
    policy: Policy,
    // Held for microseconds, never across an await.
    everyone: RwLock<Counts>,
}

impl SimpleScorer {
    /// A scorer that knows nobody yet.
    pub fn new(keys: FeatureKeys, policy: Policy) -> Self {
        Self::with_everyone(keys, policy, Counts::new(EVERYONE_HALF_LIFE, EVERYONE_ENTRIES_MAX))
    }

    /// A scorer that goes on with what [`everyone`](Self::everyone) gave out.
    pub fn with_everyone(keys: FeatureKeys, policy: Policy, everyone: Counts) -> Self {
        Self { keys, policy, everyone: RwLock::new(everyone) }
    }

    /// What was learned of everyone, to be kept now and then. Losing it costs some precision for a few days.
    pub fn everyone(&self) -> Counts {
        self.everyone.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Judges at once. [`Assess::assess`] gives the same.
    pub fn judge(&self, asked: &Assessment, now: Timestamp) -> Judgment {
        let mut reasons = Reasons::default();
        reasons.of_failures(asked);
        reasons.of_credential(asked.credential);
        match &asked.subject {
            Some(subject) if subject.profile.sign_ins > 0 => {
                let features = self.keys.features(&asked.origin, &asked.client);
                let everyone = self.everyone.read().unwrap_or_else(PoisonError::into_inner);
                let surprise = Surprise::of(&features, &subject.profile.counts, &everyone, now);
                drop(everyone);
                reasons.add(Code::UnfamiliarNetwork, surprise.network);
                reasons.add(Code::UnfamiliarClient, surprise.client);
                reasons.of_device(asked);
                reasons.of_travel(&subject.profile, asked, now);
            }
            Some(_) if asked.purpose != Purpose::Registration => reasons.explain(Code::FirstSignIn),
            _ => (),
        }
        let ceiling = ceiling(asked);
        let thresholds = self.policy.thresholds(asked.purpose);
        Judgment::of(reasons.0, |score| thresholds.outcome(score).min(ceiling))
    }
}

impl Assess for SimpleScorer {
    fn assess<'a>(&'a self, asked: &'a Assessment, now: Timestamp) -> Assessing<'a> {
        Box::pin(std::future::ready(Ok(self.judge(asked, now))))
    }

    fn learn(&self, granted: &Assessment, now: Timestamp) -> Option<Profile> {
        let features = self.keys.features(&granted.origin, &granted.client);
        let subject = granted.subject.as_ref()?;
        self.everyone.write().unwrap_or_else(PoisonError::into_inner).add(&features, now);
        Some(subject.profile.clone().with(&features, &granted.origin, now))
    }
}

/// The strictest outcome, whatever the score: who has what a thief lacks is not shut out.
const fn ceiling(asked: &Assessment) -> Outcome {
    match (asked.credential, asked.device) {
        (Credential::Passkey { user_verified: true }, _) => Outcome::AllowAndNotify,
        (Credential::Passkey { user_verified: false }, _) | (_, Device::Known { .. }) => Outcome::StepUp,
        (_, Device::Unknown) => Outcome::Deny,
    }
}

#[derive(Default)]
struct Reasons(Vec<Reason>);

impl Reasons {
    fn add(&mut self, code: Code, steps: f64) {
        let weight = code.weight().points(steps);
        if weight > 0 {
            self.0.push(Reason { code, weight });
        }
    }

    fn once(&mut self, code: Code, holds: bool) {
        self.add(code, f64::from(u8::from(holds)));
    }

    fn explain(&mut self, code: Code) {
        self.0.push(Reason { code, weight: 0 });
    }

    fn of_failures(&mut self, asked: &Assessment) {
        self.add(Code::FailuresOfAccount, f64::from(asked.failures.account));
        self.add(Code::FailuresOfDevice, f64::from(asked.failures.device));
        self.add(Code::FailuresOfNetwork, f64::from(asked.failures.network));
        self.once(Code::WatchedNetwork, asked.watched.network);
        self.once(Code::WatchedClient, asked.watched.client);
    }

    fn of_credential(&mut self, credential: Credential) {
        match credential {
            Credential::Password { breached } => self.once(Code::BreachedPassword, breached),
            Credential::Passkey { user_verified: true } => self.explain(Code::VerifiedPasskey),
            Credential::Passkey { user_verified: false } | Credential::Code | Credential::None => (),
        }
    }

    fn of_device(&mut self, asked: &Assessment) {
        match &asked.device {
            Device::Unknown => self.once(Code::NewDevice, true),
            Device::Known { ja4, agent, .. } => {
                self.explain(Code::KnownDevice);
                self.once(Code::ChangedDevice, asked.client.differs_from(*agent, *ja4));
            }
        }
    }

    fn of_travel(&mut self, profile: &Profile, asked: &Assessment, now: Timestamp) {
        let passkey = matches!(asked.credential, Credential::Passkey { .. });
        let Some(last) = profile.last.filter(|_| !passkey) else { return };
        match journey(&last, &asked.origin, now) {
            Journey::Possible => (),
            Journey::Doubtful => self.once(Code::DoubtfulTravel, true),
            Journey::Impossible => self.once(Code::ImpossibleTravel, true),
        }
    }
}
