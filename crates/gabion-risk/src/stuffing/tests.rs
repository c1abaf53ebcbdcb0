use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const NETWORK: Network = Network::V4([192, 0, 2]);

fn digest(number: u32) -> Digest {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Digest(bytes)
}

fn pair(account: u32, password: u32) -> WrongPair {
    WrongPair { network: NETWORK, ja4: None, account: digest(account), password: digest(password) }
}

fn at(minutes: u64) -> Timestamp {
    NOW.after(Duration::from_secs(minutes * 60))
}

/// The alarms of pairs that come at once.
fn alarms(pairs: impl IntoIterator<Item = WrongPair>) -> (StuffingDetector, Vec<Alarm>) {
    let mut detector = StuffingDetector::new(StuffingSettings::default());
    let alarms = pairs.into_iter().flat_map(|pair| detector.wrong(&pair, NOW)).flatten().collect();
    (detector, alarms)
}

#[test]
fn fifteen_accounts_with_fifteen_passwords_are_stuffing_and_flag_the_network_for_a_day() {
    let (detector, found) = alarms((0..14).map(|n| pair(n, n)));
    assert_eq!((found, detector.flagged(Source::Network(NETWORK), NOW)), (vec![], None));
    let (detector, found) = alarms((0..15).map(|n| pair(n, n)));
    let source = Source::Network(NETWORK);
    let until = NOW.after(Duration::from_secs(86_400));
    let pattern = Pattern::Stuffing;
    assert_eq!(found, [Alarm { source, pattern, accounts: 15, passwords: 15, until: Some(until) }]);
    assert_eq!(detector.flagged(source, at(24 * 60 - 1)), Some(Flag { pattern, until }));
    assert_eq!(detector.flagged(source, until), None);
    assert_eq!(detector.flagged(Source::Network(Network::V4([192, 0, 3])), NOW), None);
}

#[test]
fn one_password_at_many_accounts_is_spraying() {
    let (_, found) = alarms((0..15).map(|n| pair(n, n % 3)));
    assert_eq!(found.iter().map(|alarm| alarm.pattern).collect::<Vec<_>>(), [Pattern::Spraying]);
}

#[test]
fn many_passwords_at_one_account_are_guessing_and_flag_nobody() {
    let (detector, found) = alarms((0..15).map(|n| pair(n % 3, n)));
    assert_eq!(
        found.iter().map(|alarm| (alarm.pattern, alarm.until)).collect::<Vec<_>>(),
        [(Pattern::Guessing, None)]
    );
    assert_eq!(detector.flagged(Source::Network(NETWORK), NOW), None);
}

#[test]
fn a_forgetful_customer_counts_once() {
    let (_, found) = alarms((0..1000).map(|_| pair(1, 1)));
    assert_eq!(found, []);
}

#[test]
fn the_window_slides() {
    let mut detector = StuffingDetector::new(StuffingSettings::default());
    let quiet = (0..100).all(|n| detector.wrong(&pair(n, n), at(u64::from(n) * 13)) == [None, None]);
    assert!(quiet, "fourteen within three hours");
    let mut detector = StuffingDetector::new(StuffingSettings::default());
    assert!((0..100).any(|n| detector.wrong(&pair(n, n), at(u64::from(n) * 12)) != [None, None]));
}

#[test]
fn an_office_with_as_many_right_sign_ins_is_not_flagged_and_one_account_does_not_speak_for_a_list() {
    for (others, flagged) in [(true, false), (false, true)] {
        let mut detector = StuffingDetector::new(StuffingSettings::default());
        let mut alarm = false;
        for n in 0..30 {
            // Nothing speaks for a network where nothing was wrong yet.
            alarm |= detector.wrong(&pair(0, 0), NOW)[0].is_some();
            detector.right(NETWORK, None, digest(if others { 1000 + n } else { 1000 }), NOW);
            alarm |= detector.wrong(&pair(n, n), NOW)[0].is_some();
        }
        assert_eq!(alarm, flagged);
    }
}

#[test]
fn a_client_is_flagged_across_networks_unless_many_customers_have_it() {
    let ja4 = "t13d190900_9dc949149365_97f8aa674fd9".parse().ok();
    let from = |n: u8| WrongPair { network: Network::V4([192, 0, n]), ja4, ..pair(n.into(), n.into()) };
    let (detector, found) = alarms((0..15).map(from));
    assert_eq!(found.iter().map(|alarm| alarm.source).collect::<Vec<_>>(), [Source::Client(ja4.unwrap())]);
    assert!(detector.flagged(Source::Client(ja4.unwrap()), NOW).is_some());

    let mut detector = StuffingDetector::new(StuffingSettings::default());
    for n in 0..200 {
        assert_eq!(detector.wrong(&from(n), NOW), [None, None]);
        detector.right(Network::V4([192, 0, n]), ja4, digest(1000 + u32::from(n)), NOW);
    }
}

#[test]
fn a_million_networks_and_pairs_stay_within_the_limits() {
    let mut detector = StuffingDetector::new(StuffingSettings::default());
    for n in 0..1_000_000u32 {
        let [_, a, b, c] = n.to_be_bytes();
        let network = if n % 2 == 0 { NETWORK } else { Network::V4([a, b, c]) };
        detector.wrong(&WrongPair { network, ..pair(n, n) }, NOW);
    }
    assert_eq!(detector.networks.len(), SOURCES_MAX);
    assert!(detector.networks.oldest_first().all(|(_, seen)| seen.wrong.len() <= PAIRS_KEPT_MAX));
    assert!(detector.flagged(Source::Network(NETWORK), NOW).is_some());
}

proptest! {
    #[test]
    fn repeating_and_reordering_pairs_changes_nothing(
        pairs in prop::collection::vec((0..6u32, 0..6u32), 1..14),
        repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let repeated = repeats.iter().map(|index| pairs[index.index(pairs.len())]);
        let (_, found) = alarms(pairs.iter().copied().chain(repeated).map(|(a, p)| pair(a, p)));
        prop_assert_eq!(found, vec![], "fewer than fifteen distinct pairs");
    }

    #[test]
    fn any_list_of_distinct_accounts_is_noticed_once_for_each_fifteen(count in 0u32..200, passwords in 1u32..200) {
        let (_, found) = alarms((0..count).map(|n| pair(n, n % passwords)));
        prop_assert_eq!(found.len(), (count / 15) as usize);
        let expected = if passwords <= 3 { Pattern::Spraying } else { Pattern::Stuffing };
        for alarm in found {
            prop_assert_eq!(alarm.pattern, expected);
        }
    }

    #[test]
    fn no_window_holds_more_than_its_limit(things in prop::collection::vec((0..500u32, 0..400u64), 0..600)) {
        let mut window = Window::default();
        for (thing, minute) in things {
            window.insert(thing, Duration::from_secs(3 * 3600), at(minute));
            prop_assert!(window.len() <= PAIRS_KEPT_MAX);
            prop_assert_eq!(window.distinct(|thing| *thing), window.len());
        }
    }
}
