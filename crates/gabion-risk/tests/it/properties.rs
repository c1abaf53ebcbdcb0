//! What holds whatever is asked.

use gabion_core::Timestamp;
use gabion_risk::{
    Agent, Assessment, Client, Code, Credential, Device, Origin, Outcome, Place, Policy, Purpose,
    SimpleScorer,
};
use proptest::prelude::*;

use crate::contract::{NOW, at_home, known_device, regular, scorer};

/// One more bad sign.
#[derive(Clone, Copy, Debug)]
enum Sign {
    FailureOfAccount,
    FailureOfDevice,
    FailureOfNetwork,
    Breached,
    WatchedNetwork,
    WatchedClient,
    FarAway,
    CookieInOtherSoftware,
    NoCookie,
    OtherNetwork,
    OtherSystem,
    OtherCountry,
    OtherAgent,
}

const SIGNS: [Sign; 13] = [
    Sign::FailureOfAccount,
    Sign::FailureOfDevice,
    Sign::FailureOfNetwork,
    Sign::Breached,
    Sign::WatchedNetwork,
    Sign::WatchedClient,
    Sign::FarAway,
    Sign::CookieInOtherSoftware,
    Sign::NoCookie,
    Sign::OtherNetwork,
    Sign::OtherSystem,
    Sign::OtherCountry,
    Sign::OtherAgent,
];

impl Sign {
    fn put_on(self, asked: &mut Assessment) {
        match self {
            Self::FailureOfAccount => asked.failures.account += 1,
            Self::FailureOfDevice => asked.failures.device += 1,
            Self::FailureOfNetwork => asked.failures.network += 1,
            Self::Breached => {
                if let Credential::Password { breached } = &mut asked.credential {
                    *breached = true;
                }
            }
            Self::WatchedNetwork => asked.watched.network = true,
            Self::WatchedClient => asked.watched.client = true,
            Self::FarAway => asked.origin.place = Place::new(-40.0, 170.0).ok(),
            Self::CookieInOtherSoftware => {
                if let Device::Known { ja4, agent, .. } = &mut asked.device {
                    (*ja4, *agent) = ("t13d190900_9dc949149365_97f8aa674fd9".parse().ok(), None);
                }
            }
            Self::NoCookie => asked.device = Device::Unknown,
            Self::OtherNetwork => asked.origin.network = Origin::of([203, 0, 113, 1].into()).network,
            Self::OtherSystem => asked.origin.asn = Some(99),
            Self::OtherCountry => asked.origin.country = "NZ".parse().ok(),
            Self::OtherAgent => asked.client.agent = Some(Agent::parse("curl/8.14.1")),
        }
    }
}

fn credentials() -> impl Strategy<Value = Credential> {
    prop::sample::select(vec![
        Credential::None,
        Credential::Code,
        Credential::Password { breached: false },
        Credential::Passkey { user_verified: false },
        Credential::Passkey { user_verified: true },
    ])
}

fn purposes() -> impl Strategy<Value = Purpose> {
    use Purpose::{CredentialChange, Payment, Recovery, Registration, SignIn};
    prop::sample::select(vec![SignIn, Registration, Recovery, CredentialChange, Payment])
}

fn asked() -> impl Strategy<Value = (SimpleScorer, Assessment)> {
    (0..12u32, credentials(), purposes(), any::<[bool; 2]>()).prop_map(
        |(times, credential, purpose, [device, known])| {
            let scorer = scorer();
            let mut asked = Assessment { credential, purpose, ..at_home(regular(&scorer, times)) };
            if device {
                asked.device = known_device();
            }
            if !known {
                asked.subject = None;
            }
            (scorer, asked)
        },
    )
}

fn later() -> Timestamp {
    NOW.after(std::time::Duration::from_secs(600))
}

proptest! {
    #[test]
    fn one_more_bad_sign_never_lowers_the_score_or_the_outcome(
        (scorer, mut asked) in asked(),
        signs in prop::collection::vec(prop::sample::select(SIGNS.to_vec()), 0..30),
    ) {
        let mut before = scorer.judge(&asked, later());
        for sign in signs {
            sign.put_on(&mut asked);
            let after = scorer.judge(&asked, later());
            prop_assert!(after.score >= before.score, "{sign:?}: {before:?} {after:?}");
            prop_assert!(after.outcome >= before.outcome, "{sign:?}: {before:?} {after:?}");
            before = after;
        }
    }

    #[test]
    fn whoever_has_what_a_thief_lacks_is_not_shut_out(
        (scorer, mut asked) in asked(),
        signs in prop::collection::vec(prop::sample::select(SIGNS.to_vec()), 0..60),
    ) {
        signs.into_iter().for_each(|sign| sign.put_on(&mut asked));
        let outcome = scorer.judge(&asked, later()).outcome;
        if matches!(asked.device, Device::Known { .. }) || matches!(asked.credential, Credential::Passkey { .. }) {
            prop_assert!(outcome <= Outcome::StepUp);
        }
        if asked.credential == (Credential::Passkey { user_verified: true }) {
            prop_assert!(outcome <= Outcome::AllowAndNotify);
        }
    }

    #[test]
    fn every_point_has_its_reason(
        (scorer, mut asked) in asked(),
        signs in prop::collection::vec(prop::sample::select(SIGNS.to_vec()), 0..30),
    ) {
        signs.into_iter().for_each(|sign| sign.put_on(&mut asked));
        let judgment = scorer.judge(&asked, later());
        prop_assert_eq!(judgment.score, judgment.reasons.iter().map(|r| r.weight).sum::<u16>().min(1000));
        prop_assert!(judgment.reasons.iter().all(|reason| reason.weight <= reason.code.weight().max));
        let mut codes: Vec<Code> = judgment.reasons.iter().map(|reason| reason.code).collect();
        codes.sort();
        codes.dedup();
        prop_assert_eq!(codes.len(), judgment.reasons.len());
        let ceiling = asked.subject.is_none() && asked.device == Device::Unknown;
        if ceiling && asked.credential == Credential::Code {
            let thresholds = Policy::default();
            prop_assert_eq!(judgment.outcome, thresholds.thresholds(asked.purpose).outcome(judgment.score));
        }
    }

    #[test]
    fn whatever_software_says_of_itself_is_read(user_agent in "\\PC{0,2000}") {
        let agent = Agent::parse(&user_agent);
        prop_assert_eq!(agent, Agent::parse(&user_agent));
        let client = Client { agent: Some(agent), ..Client::default() };
        let asked = Assessment { client, ..at_home(Default::default()) };
        prop_assert_eq!(scorer().judge(&asked, NOW).outcome, Outcome::Allow);
    }
}
