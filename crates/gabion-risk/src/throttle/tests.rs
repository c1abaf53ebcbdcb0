use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const HOME: Network = Network::V4([192, 0, 2]);
const OWNER: Guarded = Guarded { account: Digest([1; 16]), authenticator: Authenticator::Password };

fn stranger() -> Attempt {
    Attempt { guarded: OWNER, device: None, network: Network::V4([203, 0, 113]) }
}

fn owner(device: u8) -> Attempt {
    Attempt { guarded: OWNER, device: Some(DeviceId([device; 16])), network: HOME }
}

fn later(now: Timestamp, refusal: Refusal) -> Option<Timestamp> {
    match refusal {
        Refusal::Wait(wait) => Some(now.after(wait)),
        Refusal::Stopped => None,
    }
}

/// Makes failing attempts, each as early as it may be, until they are stopped. Returns how many and the time.
fn guess_on(throttle: &mut Throttle, attempt: &Attempt, mut now: Timestamp) -> (u32, Timestamp) {
    let mut made = 0;
    loop {
        match throttle.admit(attempt, now) {
            Ok(()) => made += 1,
            Err(refusal) => match later(now, refusal) {
                Some(then) => now = then,
                None => return (made, now),
            },
        }
    }
}

#[test]
fn waits_double_after_ten_failures_up_to_an_hour() {
    let mut throttle = Throttle::default();
    for _ in 0..FAILURES_FREE {
        throttle.admit(&stranger(), NOW).unwrap();
    }
    let mut now = NOW;
    for seconds in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        let wait = Duration::from_secs(seconds);
        assert_eq!(throttle.admit(&stranger(), now), Err(Refusal::Wait(wait)));
        assert_eq!(throttle.admit(&stranger(), now), Err(Refusal::Wait(wait)), "asking does not prolong it");
        now = now.after(wait);
        throttle.admit(&stranger(), now).unwrap();
    }
}

#[test]
fn no_authenticator_ever_takes_more_than_a_hundred_failures_in_a_row() {
    let mut throttle = Throttle::default();
    let (by_strangers, now) = guess_on(&mut throttle, &stranger(), NOW);
    assert_eq!(by_strangers, FAILURES_OF_UNKNOWN_MAX);
    assert!(now.since(NOW) > Duration::from_secs(2 * 86_400), "and it takes them days");
    let by_known: u32 = (0..20).map(|device| guess_on(&mut throttle, &owner(device), now).0).sum();
    assert_eq!(by_known, FAILURES_OF_KNOWN_MAX);
    assert_eq!(by_strangers + by_known, 100);
}

#[test]
fn strangers_do_not_lock_the_owner_out() {
    let mut throttle = Throttle::default();
    let (_, now) = guess_on(&mut throttle, &stranger(), NOW);
    throttle.admit(&owner(1), now).unwrap();
    throttle.succeeded(&owner(1), now);
    assert_eq!(throttle.admit(&stranger(), now), Err(Refusal::Stopped), "which does not let them in again");
    throttle.set_anew(OWNER);
    throttle.admit(&stranger(), now).unwrap();
}

#[test]
fn an_empty_bucket_holds_back_a_network_but_not_its_known_devices_or_other_networks() {
    let mut throttle = Throttle::default();
    let mut admitted = 0;
    for n in 0..100 {
        let guarded = Guarded { account: Digest([n; 16]), ..OWNER };
        admitted += u32::from(throttle.admit(&Attempt { guarded, device: None, network: HOME }, NOW).is_ok());
    }
    assert_eq!(admitted, 60);
    throttle.admit(&owner(1), NOW).unwrap();
    throttle.admit(&stranger(), NOW).unwrap();
    assert_eq!(
        throttle.admit(&Attempt { network: HOME, ..stranger() }, NOW),
        Err(Refusal::Wait(Duration::from_secs(10)))
    );
}

#[test]
fn each_authenticator_has_its_own_count() {
    let mut throttle = Throttle::default();
    let (_, now) = guess_on(&mut throttle, &stranger(), NOW);
    for authenticator in [Authenticator::Totp, Authenticator::MailCode, Authenticator::RecoveryCode] {
        let guarded = Guarded { authenticator, ..OWNER };
        throttle.admit(&Attempt { guarded, ..stranger() }, now).unwrap();
    }
}

#[test]
fn success_and_withdrawal_cost_nothing() {
    let mut throttle = Throttle::default();
    for _ in 0..1000 {
        throttle.admit(&stranger(), NOW).unwrap();
        throttle.withdrawn(&stranger(), NOW);
        throttle.admit(&owner(1), NOW).unwrap();
        throttle.succeeded(&owner(1), NOW);
        throttle.admit(&stranger(), NOW).unwrap();
        throttle.succeeded(&stranger(), NOW);
    }
    assert_eq!(throttle.ladder(OWNER), None);
}

#[test]
fn a_stop_outlives_the_process_in_what_is_kept() {
    let mut throttle = Throttle::default();
    throttle.admit(&owner(1), NOW).unwrap();
    assert!(!throttle.ladder(OWNER).unwrap().is_worth_keeping());
    let (_, now) = guess_on(&mut throttle, &stranger(), NOW);
    let kept =
        serde_json::to_string(throttle.ladder(OWNER).filter(|ladder| ladder.is_worth_keeping()).unwrap());
    let kept: Ladder = serde_json::from_str(&kept.unwrap()).unwrap();

    let mut restarted = Throttle::default();
    restarted.restore(OWNER, kept.clone());
    assert_eq!(restarted.ladder(OWNER), throttle.ladder(OWNER));
    assert_eq!(restarted.admit(&stranger(), now), Err(Refusal::Stopped));
    restarted.admit(&owner(1), now).unwrap();
    restarted.restore(OWNER, kept.clone());
    assert_ne!(restarted.ladder(OWNER), Some(&kept), "what is in memory is newer");
}

#[test]
fn made_up_accounts_stay_within_the_limits() {
    let mut throttle = Throttle::default();
    for n in 0..150_000u32 {
        let [a, b, c, d] = n.to_be_bytes();
        let mut account = [0; 16];
        account[..4].copy_from_slice(&[a, b, c, d]);
        let guarded = Guarded { account: Digest(account), ..OWNER };
        throttle.admit(&Attempt { guarded, device: None, network: Network::V4([b, c, d]) }, NOW).unwrap();
    }
    assert_eq!((throttle.ladders.len(), throttle.networks.len()), (LADDERS_MAX, NETWORKS_MAX));
}

proptest! {
    /// Whatever strangers and owners do in whatever order, without success.
    #[test]
    fn consecutive_failures_stay_within_a_hundred_and_the_owners_part_is_theirs(
        attempts in prop::collection::vec((prop::option::of(0..12u8), 0..7200u64), 0..400),
    ) {
        let mut throttle = Throttle::default();
        let (mut now, mut failures) = (NOW, 0u32);
        for (device, seconds) in attempts {
            now = now.after(Duration::from_secs(seconds));
            let attempt = device.map_or_else(stranger, owner);
            let admitted = throttle.admit(&attempt, now);
            failures += u32::from(admitted.is_ok());
            let ladder = throttle.ladder(OWNER).unwrap();
            prop_assert!(failures <= 100);
            prop_assert_eq!(ladder.failures_of_known() + ladder.failures_of_unknown(), failures);
            if attempt.device.is_some() && ladder.failures_of_known() < FAILURES_FREE {
                prop_assert!(admitted.is_ok(), "a known device waits for nobody's failures but known devices'");
            }
        }
    }
}
