//! What those who ask may rely on.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gabion_core::{Secret, SubjectId, Timestamp};
use gabion_risk::{
    Agent, Assess, Assessment, Client, Code, Credential, Device, DeviceId, Failures, FeatureKeys, Judgment,
    Origin, Outcome, Place, Policy, Profile, Purpose, SimpleScorer, Subject, Watched,
};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

pub(crate) fn scorer() -> SimpleScorer {
    SimpleScorer::new(FeatureKeys::new(&Secret::new([7; 32])), Policy::default())
}

fn origin(third: u8, asn: u32, latitude: f64) -> Origin {
    let country = "DE".parse().ok();
    Origin {
        asn: Some(asn),
        country,
        place: Place::new(latitude, 13.4).ok(),
        ..Origin::of([192, 0, third, 1].into())
    }
}

fn firefox() -> Client {
    let agent = Agent::parse("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    let ja4 = "t13d1717h2_5b57614c22b0_3cbfd9057e0d".parse().ok();
    Client { agent: Some(agent), ja4, ..Client::default() }
}

pub(crate) fn known_device() -> Device {
    Device::Known { id: DeviceId([1; 16]), since: NOW, ja4: firefox().ja4, agent: firefox().agent }
}

/// A password sign-in from home.
pub(crate) fn at_home(profile: Profile) -> Assessment {
    Assessment {
        purpose: Purpose::SignIn,
        site: "tea".parse().unwrap(),
        subject: Some(Subject { id: SubjectId::from_bits(1), profile }),
        origin: origin(1, 1, 52.5),
        client: firefox(),
        device: Device::Unknown,
        credential: Credential::Password { breached: false },
        failures: Failures::default(),
        watched: Watched::default(),
    }
}

/// Somebody who signed in at home so many times, the last time now.
pub(crate) fn regular(scorer: &SimpleScorer, times: u32) -> Profile {
    (0..times).fold(Profile::default(), |profile, n| {
        let then = NOW.before(Duration::from_secs(86_400) * (times - 1 - n));
        scorer.learn(&at_home(profile), then).unwrap()
    })
}

/// As a caller asks, who only knows the trait.
fn ask(assessor: &Arc<dyn Assess>, asked: &Assessment) -> Judgment {
    let mut answer = pin!(assessor.assess(asked, NOW.after(Duration::from_secs(3600))));
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(judgment) => judgment.unwrap(),
        Poll::Pending => panic!("the simple scorer waits for nothing"),
    }
}

#[track_caller]
fn check(asked: &Assessment, outcome: Outcome, codes: &[Code]) {
    let scorer = scorer();
    regular(&scorer, 20);
    let judgment = ask(&(Arc::new(scorer) as Arc<dyn Assess>), asked);
    assert_eq!(judgment.outcome, outcome, "{judgment:?}");
    assert_eq!(judgment.reasons.iter().map(|reason| reason.code).collect::<Vec<_>>(), codes);
    assert_eq!(judgment.score, judgment.reasons.iter().map(|reason| reason.weight).sum::<u16>().min(1000));
}

fn regular_at_home() -> Assessment {
    at_home(regular(&scorer(), 20))
}

fn stranger() -> Assessment {
    let client = Client { agent: Some(Agent::parse("curl/8.14.1")), ..Client::default() };
    Assessment { origin: origin(9, 9, 10.0), client, ..regular_at_home() }
}

#[test]
fn the_first_sign_in_of_a_new_account_is_not_suspicious() {
    check(&at_home(Profile::default()), Outcome::Allow, &[Code::FirstSignIn]);
}

#[test]
fn home_on_the_known_device_is_allowed_and_a_new_device_there_is_told() {
    check(&Assessment { device: known_device(), ..regular_at_home() }, Outcome::Allow, &[Code::KnownDevice]);
    check(&regular_at_home(), Outcome::AllowAndNotify, &[Code::NewDevice]);
}

#[test]
fn a_stranger_far_away_is_asked_for_more_and_refused_when_the_network_is_known_for_it() {
    use Code::{ImpossibleTravel, NewDevice, UnfamiliarClient, UnfamiliarNetwork, WatchedNetwork};
    let mut asked = stranger();
    asked.origin.place = None;
    check(&asked, Outcome::StepUp, &[NewDevice, UnfamiliarNetwork, UnfamiliarClient]);
    let asked = Assessment { watched: Watched { network: true, client: false }, ..stranger() };
    let codes = [WatchedNetwork, ImpossibleTravel, NewDevice, UnfamiliarNetwork, UnfamiliarClient];
    check(&asked, Outcome::Deny, &codes);
}

#[test]
fn a_journey_alone_is_evidence_and_no_verdict() {
    let mut asked = Assessment { device: known_device(), ..regular_at_home() };
    asked.origin = Origin { asn: None, place: Place::new(10.0, 13.4).ok(), ..asked.origin };
    check(&asked, Outcome::AllowAndNotify, &[Code::ImpossibleTravel, Code::KnownDevice]);
    asked.credential = Credential::Passkey { user_verified: false };
    check(&asked, Outcome::Allow, &[Code::KnownDevice]);
}

#[test]
fn a_cookie_in_other_software_is_noticed() {
    let client = Client { ja4: "t13d190900_9dc949149365_97f8aa674fd9".parse().ok(), ..firefox() };
    let asked = Assessment { device: known_device(), client, ..regular_at_home() };
    check(&asked, Outcome::AllowAndNotify, &[Code::ChangedDevice, Code::KnownDevice]);
}

#[test]
fn changing_credentials_asks_for_more_sooner() {
    check(
        &Assessment { purpose: Purpose::CredentialChange, ..regular_at_home() },
        Outcome::StepUp,
        &[Code::NewDevice],
    );
}

#[test]
fn unknown_accounts_and_registrations_are_judged_by_what_failed() {
    check(&Assessment { subject: None, ..stranger() }, Outcome::Allow, &[]);
    let failures = Failures { network: 100, account: 10, device: 0 };
    let asked = Assessment { subject: None, failures, purpose: Purpose::Registration, ..stranger() };
    check(&asked, Outcome::StepUp, &[Code::FailuresOfAccount, Code::FailuresOfNetwork]);
}

#[test]
fn without_an_answer_there_is_a_step_up_and_with_a_verified_passkey_a_notice() {
    let judgment = Judgment::unassessed(&regular_at_home());
    assert_eq!((judgment.outcome, judgment.score), (Outcome::StepUp, 0));
    assert!(judgment.has(Code::Unassessed));
    let credential = Credential::Passkey { user_verified: true };
    let judgment = Judgment::unassessed(&Assessment { credential, ..regular_at_home() });
    assert_eq!(judgment.outcome, Outcome::AllowAndNotify);
}

#[test]
fn only_known_people_are_learned_from_and_what_is_kept_comes_back() {
    let scorer = scorer();
    assert!(scorer.learn(&Assessment { subject: None, ..stranger() }, NOW).is_none());
    assert!(scorer.everyone().is_empty());
    let profile = regular(&scorer, 20);
    assert_eq!(profile.sign_ins, 20);
    let text = serde_json::to_string(&profile).unwrap();
    assert!(text.len() < 3000, "{} bytes", text.len());
    let back: Profile = serde_json::from_str(&text).unwrap();
    let everyone = serde_json::from_str(&serde_json::to_string(&scorer.everyone()).unwrap()).unwrap();
    let restarted =
        SimpleScorer::with_everyone(FeatureKeys::new(&Secret::new([7; 32])), Policy::default(), everyone);
    let asked = |profile| Assessment {
        subject: Some(Subject { id: SubjectId::from_bits(1), profile }),
        ..stranger()
    };
    assert_eq!(restarted.judge(&asked(back), NOW), scorer.judge(&asked(profile), NOW));
}

#[test]
fn events_get_codes_with_sentences() {
    let judgment = scorer().judge(&regular_at_home(), NOW);
    let expected = r#"{"outcome":"allow_and_notify","score":220,"reasons":[{"code":"new_device","weight":220,"sentence":"This account was not used from this device before."}]}"#;
    assert_eq!(serde_json::to_string(&judgment).unwrap(), expected);
}
