//! Replays sign-ins in the order of time, lets thieves try in between, and counts who would have been asked for more.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use gabion_core::{Secret, SubjectId, Timestamp};
use gabion_risk::{
    Agent, Assess, Assessment, Client, Credential, Device, DeviceId, Failures, FeatureKeys, Ja4, Origin,
    Outcome, Policy, Profile, Purpose, SCORE_MAX, SimpleScorer, Subject, Watched,
};

/// Owners asked for more, at most: what detection is measured at.
const OWNERS_ASKED_MAX: f64 = 0.10;

/// A sign-in of an owner that succeeded.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    pub owner: u32,
    pub at: Timestamp,
    pub origin: Origin,
    pub client: Client,
    /// The device's cookie, if it kept one.
    pub cookie: Option<u64>,
    /// Attempts that failed just before.
    pub failures: u32,
}

/// A thief with the right password.
#[derive(Clone, Debug)]
pub(crate) struct Theft {
    /// What kind of thief.
    pub by: &'static str,
    pub victim: u32,
    pub at: Timestamp,
    pub origin: Origin,
    pub client: Client,
}

/// What became of them.
#[derive(Default)]
pub(crate) struct Verdicts {
    scores: Vec<u16>,
    outcomes: [usize; 4],
}

impl Verdicts {
    pub(crate) fn count(&self) -> usize {
        self.scores.len()
    }

    /// The share that was asked for more or refused.
    pub(crate) fn stopped(&self) -> f64 {
        share(self.outcomes[Outcome::StepUp as usize] + self.outcomes[Outcome::Deny as usize], self.count())
    }

    fn share_of(&self, outcome: Outcome) -> f64 {
        share(self.outcomes[outcome as usize], self.count())
    }

    /// The share with that score or a higher one.
    pub(crate) fn at_least(&self, score: u16) -> f64 {
        share(self.scores.iter().filter(|own| **own >= score).count(), self.count())
    }
}

fn share(part: usize, of: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    let share = part as f64 / of.max(1) as f64;
    share
}

/// What came out: owners with a history, and thieves by kind.
#[derive(Default)]
pub(crate) struct Evaluation {
    pub owners: Verdicts,
    pub thieves: BTreeMap<&'static str, Verdicts>,
}

impl Evaluation {
    /// The lowest score at which fewer than a tenth of the owners are asked for more.
    pub(crate) fn threshold(&self) -> u16 {
        (0..=SCORE_MAX).find(|score| self.owners.at_least(*score) < OWNERS_ASKED_MAX).unwrap_or(SCORE_MAX)
    }

    /// As a table in Markdown.
    pub(crate) fn table(&self) -> String {
        let threshold = self.threshold();
        let mut table = format!(
            "| who | sign-ins | notified | asked for more | refused | asked or refused | at a score of {threshold} |\n\
             |---|---|---|---|---|---|---|\n"
        );
        let owners = std::iter::once(("owners", &self.owners));
        for (who, verdicts) in owners.chain(self.thieves.iter().map(|(by, verdicts)| (*by, verdicts))) {
            let shares = [
                verdicts.share_of(Outcome::AllowAndNotify),
                verdicts.share_of(Outcome::StepUp),
                verdicts.share_of(Outcome::Deny),
                verdicts.stopped(),
                verdicts.at_least(threshold),
            ];
            write!(table, "| {who} | {} |", verdicts.count()).expect("a string takes everything");
            for share in shares {
                write!(table, " {:.1} % |", share * 100.0).expect("a string takes everything");
            }
            table.push('\n');
        }
        table
    }
}

/// Devices of an owner: since when, and what was seen the last time.
type Cookies = HashMap<u64, (Timestamp, Option<Ja4>, Option<Agent>)>;

/// Judges `sign_ins`, which are in the order of time, and after each the thefts that `steal` makes of it. Owners' first
/// sign-ins are learned and not counted, as there is nothing to compare with. Without `cookies` nobody's device is known.
pub(crate) fn replay(
    sign_ins: &[SignIn],
    cookies: bool,
    mut steal: impl FnMut(&SignIn) -> Vec<Theft>,
) -> Evaluation {
    let scorer = SimpleScorer::new(FeatureKeys::new(&Secret::new([7; 32])), Policy::default());
    let mut people: HashMap<u32, (Profile, Cookies)> = HashMap::new();
    let mut evaluation = Evaluation::default();
    for sign_in in sign_ins {
        let (profile, devices) = people.remove(&sign_in.owner).unwrap_or_default();
        let known =
            sign_in.cookie.filter(|_| cookies).and_then(|cookie| Some((cookie, devices.get(&cookie)?)));
        let device = known.map_or(Device::Unknown, |(cookie, (since, ja4, agent))| Device::Known {
            id: DeviceId(u128::from(cookie).to_be_bytes()),
            since: *since,
            ja4: *ja4,
            agent: *agent,
        });
        let mut asked = question(sign_in.owner, profile, sign_in.origin, sign_in.client);
        asked.device = device;
        asked.failures.account = sign_in.failures;
        if asked.subject.as_ref().is_some_and(|subject| subject.profile.sign_ins > 0) {
            judge(&scorer, &asked, sign_in.at, &mut evaluation.owners);
        }
        let profile = scorer.learn(&asked, sign_in.at).expect("the owner is known");
        for theft in steal(sign_in) {
            let asked = question(theft.victim, profile.clone(), theft.origin, theft.client);
            judge(&scorer, &asked, theft.at, evaluation.thieves.entry(theft.by).or_default());
        }
        let mut devices = devices;
        if let Some(cookie) = sign_in.cookie {
            let since = devices.get(&cookie).map_or(sign_in.at, |(since, ..)| *since);
            devices.insert(cookie, (since, sign_in.client.ja4, sign_in.client.agent));
        }
        people.insert(sign_in.owner, (profile, devices));
    }
    evaluation
}

fn judge(scorer: &SimpleScorer, asked: &Assessment, now: Timestamp, verdicts: &mut Verdicts) {
    let judgment = scorer.judge(asked, now);
    verdicts.scores.push(judgment.score);
    verdicts.outcomes[judgment.outcome as usize] += 1;
}

fn question(owner: u32, profile: Profile, origin: Origin, client: Client) -> Assessment {
    Assessment {
        purpose: Purpose::SignIn,
        site: "shop".parse().expect("a site id"),
        subject: Some(Subject { id: SubjectId::from_bits(owner.into()), profile }),
        origin,
        client,
        device: Device::Unknown,
        credential: Credential::Password { breached: false },
        failures: Failures::default(),
        watched: Watched::default(),
    }
}
