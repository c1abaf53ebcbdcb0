use super::*;

const NIST: Policy = Policy::new(Mode::Nist, Factors::PasswordAlone);
const BESIDE: Policy = Policy::new(Mode::Nist, Factors::SecondFactorEnforced);
const ASVS: Policy = Policy::new(Mode::Asvs, Factors::PasswordAlone);
const PCI: Policy = Policy::new(Mode::PciStaff, Factors::SecondFactorEnforced);
const COMPOSED: Policy = Policy::new(Mode::Composition, Factors::PasswordAlone);

fn assess(policy: Policy, password: &str) -> Assessment {
    let context =
        Context::new().with("ann.lee@tidewater.example").with("Ann Lee").with("shop.teahouse.example");
    policy.assess(&Secret::new(password.to_owned()), &context, Exposure::NotListed)
}

#[track_caller]
fn check(policy: Policy, password: &str, codes: &[&str]) {
    let reasons = assess(policy, password).reasons;
    assert_eq!(reasons.iter().map(|reason| reason.code()).collect::<Vec<_>>(), codes, "{password}");
}

#[test]
fn length_counts_characters_and_nist_asks_for_nothing_else() {
    check(NIST, "kettle harbor mi", &[]);
    check(NIST, "fjord plum kite", &[]);
    check(NIST, "fjord plum kit", &["too-short"]);
    check(NIST, "茶香水路天日山川木石花鳥風月雪", &[]);
    check(NIST, "茶香水路天日", &["too-short"]);
    check(BESIDE, "plumkite", &[]);
    check(BESIDE, "plumkit", &["too-short"]);
    check(ASVS, "plumkite", &[]);
    check(ASVS, "plumkit", &["too-short"]);
}

#[test]
fn decomposed_letters_count_once() {
    check(NIST, &"e\u{301}".repeat(8), &["too-short", "repeated"]);
    check(BESIDE, "fjo\u{308}rd pl", &[]);
    check(BESIDE, "fjo\u{308}rd p", &["too-short"]);
}

#[test]
fn the_longest_password_has_256_characters_and_1024_bytes() {
    let mixed = |chars: usize| {
        (0..chars).map(|n| char::from(b'!' + u8::try_from(n * n / 3 % 91).unwrap())).collect::<String>()
    };
    check(NIST, &mixed(CHARS_MAX), &[]);
    check(NIST, &mixed(CHARS_MAX + 1), &["too-long"]);
    check(NIST, &"ab1 ".repeat(300), &["too-long"]);
    // A character that NFC makes two of.
    check(NIST, &"\u{958}".repeat(200), &["too-long"]);
}

#[test]
fn what_everybody_tries_first_is_refused_in_every_mode() {
    check(NIST, "passwordpassword", &["repeated"]);
    check(NIST, "123456789012345", &["sequence"]);
    check(NIST, "poiuytrewq098765", &["sequence"]);
    check(NIST, "correct horse battery staple", &["common"]);
    check(NIST, "1q2w3e4r5t6y7u8i", &["common"]);
    for common in ["football1", "mercedes", "chocolate", "welcome123456", "superman"] {
        check(ASVS, common, &["common"]);
        check(BESIDE, common, &["common"]);
    }
    check(PCI, "Password1234567", &["common"]);
    check(COMPOSED, "Password1234567!", &["common"]);
}

#[test]
fn symbols_do_not_make_a_sequence_of_one_digit() {
    check(NIST, "#;?^~(*{=%&}/]7", &[]);
    check(NIST, "#;?^7~(*{=%&}/7", &[]);
}

#[test]
fn what_strangers_expect_is_refused_with_its_simple_variations() {
    for expected in [
        "ann.lee@tidewater.example",
        "LeeAnnTidewater1",
        "teahouse-tidewater-2024",
        "T1d3w4t3r.T34h0us3",
        "esuohaet-retawedit",
        "Teahouse Password!",
        "@nn.L33.T1dew@ter",
    ] {
        check(NIST, expected, &["expected"]);
    }
    check(NIST, "tidewater kettle morning", &[]);
    check(NIST, "8361 5920 4471 2093", &[]);
}

#[test]
fn a_long_context_is_cut_and_not_walked_forever() {
    let names: String = (0..500).map(|n| format!("name{n}x ")).collect();
    let context = Context::new().with(&names).with(&"y".repeat(5_000));
    assert_eq!(context.known().len(), WORDS_MAX);
    assert!(context.known().iter().all(|word| word.len() <= WORD_CHARS_MAX));
}

#[test]
fn leaked_passwords_are_refused_and_unknown_ones_are_not() {
    let password = Secret::new("kettle harbor mirror".to_owned());
    let say =
        |exposure| NIST.accept(&password, &Context::new(), exposure).map(|new| new.secret().expose().clone());
    assert_eq!(say(Exposure::NotListed).unwrap(), "kettle harbor mirror");
    assert_eq!(say(Exposure::Unknown).unwrap(), "kettle harbor mirror");
    assert_eq!(say(Exposure::Listed).unwrap_err().reasons, [Reason::Leaked]);
}

#[test]
fn kinds_of_characters_are_demanded_only_where_the_mode_says_so() {
    check(PCI, "kettleharbormi", &["needs-digit"]);
    check(PCI, "836159204471", &["needs-letter"]);
    check(PCI, "kettleharbor7", &[]);
    check(COMPOSED, "kettleharbormi", &["needs-capital-letter", "needs-digit", "needs-symbol"]);
    check(COMPOSED, "Kettle harbor 7", &[]);
    check(COMPOSED, "KETTLE 7", &["too-short", "needs-small-letter"]);
}

#[test]
fn departures_are_marked() {
    assert!(NIST.departures().is_empty() && BESIDE.departures().is_empty());
    let of =
        |policy: Policy| policy.departures().iter().map(|(requirement, _)| *requirement).collect::<Vec<_>>();
    assert_eq!(of(ASVS), ["NIST SP 800-63B-4 3.1.1.2"]);
    assert_eq!(of(PCI), ["NIST SP 800-63B-4 3.1.1.2", "ASVS 5.0 6.2.5"]);
    assert_eq!(of(COMPOSED), ["NIST SP 800-63B-4 3.1.1.2", "NIST SP 800-63B-4 3.1.1.2", "ASVS 5.0 6.2.5"]);
}

#[test]
fn every_refusal_comes_with_advice_that_fits_the_mode() {
    for (policy, password) in [(NIST, "vT9#qLw2"), (NIST, ""), (COMPOSED, "password"), (PCI, "aaaaaaaaaaaa")]
    {
        let assessment = assess(policy, password);
        assert!(!assessment.is_accepted() && !assessment.advice.is_empty(), "{password}");
    }
    assert!(!assess(COMPOSED, "password").advice.contains(&Advice::NoSymbolsNeeded));
    assert_eq!(assess(ASVS, "vT9#qLw2").advice.last(), Some(&Advice::Longer));
    assert!(assess(ASVS, "vT9#qLw2").is_accepted());
}

#[test]
fn modes_are_known_by_their_names() {
    for mode in Mode::ALL {
        assert_eq!(mode.name().parse(), Ok(mode));
    }
    assert_eq!("NIST".parse::<Mode>(), Err(UnknownMode));
}

proptest::proptest! {
    #[test]
    fn any_text_is_judged_and_short_ones_are_refused(text in "\\PC{0,40}") {
        let short = text.len() < CHARS_MIN;
        let assessment = assess(ASVS, &text);
        assert!(!short || assessment.reasons.contains(&Reason::Short { chars_min: CHARS_MIN }));
        assert!(assessment.strength.get() <= 4);
    }
}
