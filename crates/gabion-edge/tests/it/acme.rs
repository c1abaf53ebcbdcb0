//! Certificates from an ACME server: a real Pebble, and a small one of our own for what Debian's Pebble lacks.

mod certified;
mod dns;
mod fake;
mod pebble;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use gabion_core::Clock;
use gabion_edge::Plane;
use gabion_edge::tls::acme::ChallengeKind;
use gabion_edge::tls::acme::config::ExternalAccount;
use gabion_edge::tls::certificate::Source;
use gabion_test::client::Wire;

use crate::front::soon;
use certified::{Certified, NAMES, mode};
use fake::Fake;
use pebble::{Asked, EAB, Pebble};

/// A port nobody listens on.
const CLOSED: u16 = 1;

fn asked(certified: &Certified) -> Asked {
    Asked {
        http_port: certified.address(Plane::Http).port(),
        tls_port: certified.address(Plane::Https).port(),
        eab: false,
        nonces_refused: 0,
    }
}

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn names_proved_over_http_get_one_certificate_that_outlives_a_restart() {
    let Some(mut pebble) = Pebble::prepare().await else { return };
    let (data, mode) = (tempfile::tempdir().unwrap(), mode(pebble.directory(), &pebble.ca()));
    let (mut certified, run) = Certified::start(&mode, data.path()).await;
    assert_eq!(certified.shown().source, Source::SelfSigned);
    pebble.start(Asked { tls_port: CLOSED, ..asked(&certified) }).await;
    run();

    let first = certified.arrives().await;
    let mut found: Vec<_> = first.names.iter().map(ToString::to_string).collect();
    found.sort();
    assert_eq!((found.as_slice(), first.source), (&NAMES.map(str::to_owned)[..], pebble.source()));
    let root = pebble.root().await;
    for name in NAMES {
        assert_eq!(certified.ask(name, &root).await.text(), "tea");
    }
    let folder = std::fs::read_dir(data.path().join("acme")).unwrap().next().unwrap().unwrap().path();
    for file in ["account.json", "shop.example.pem"] {
        assert_eq!(mode_of(&folder.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode_of(&folder), 0o700);

    drop(certified);
    pebble.stop();
    let (again, _) = Certified::start(&mode, data.path()).await;
    assert_eq!(again.shown().sha256, first.sha256);
    assert_eq!(again.ask(NAMES[0], &root).await.text(), "tea");
}

#[tokio::test]
async fn names_are_proved_in_a_tls_handshake_with_a_bound_account_and_lost_nonces() {
    let Some(mut pebble) = Pebble::prepare().await else { return };
    let (data, mut mode) = (tempfile::tempdir().unwrap(), mode(pebble.directory(), &pebble.ca()));
    let hmac_key_file = data.path().join("eab.key");
    std::fs::write(&hmac_key_file, EAB.1).unwrap();
    mode.eab = Some(ExternalAccount { key_id: EAB.0.to_owned(), hmac_key_file });
    mode.challenge = Some(ChallengeKind::TlsAlpn01);
    let (mut certified, run) = Certified::start(&mode, data.path()).await;
    pebble.start(Asked { http_port: CLOSED, eab: true, nonces_refused: 10, ..asked(&certified) }).await;
    run();
    certified.arrives().await;
    let root = pebble.root().await;
    assert_eq!(certified.ask(NAMES[1], &root).await.text(), "tea");
}

#[tokio::test]
async fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
    let Some(mut pebble) = Pebble::prepare().await else { return };
    let (data, mode) = (tempfile::tempdir().unwrap(), mode(pebble.directory(), &pebble.ca()));
    let (mut certified, run) = Certified::start(&mode, data.path()).await;
    pebble.start(asked(&certified)).await;
    run();
    let first = certified.arrives().await;
    let life = first.not_after.since(first.not_before);
    let planned = certified.planned_anew(None).await;
    assert_eq!(planned, first.not_before.after(life / 3 * 2));
    certified.clock.set(planned);
    let second = certified.arrives().await;
    assert_ne!(second.serial, first.serial);
    assert_eq!(certified.ask(NAMES[0], &pebble.root().await).await.text(), "tea");
}

#[tokio::test]
async fn a_name_that_cannot_be_proved_says_why_and_the_other_way_is_tried() {
    let Some(mut pebble) = Pebble::prepare().await else { return };
    let (data, mode) = (tempfile::tempdir().unwrap(), mode(pebble.directory(), &pebble.ca()));
    let (mut certified, run) = Certified::start(&mode, data.path()).await;
    pebble.start(Asked { http_port: CLOSED, ..asked(&certified) }).await;
    run();
    let reason = certified.refused().await;
    assert!(reason.contains("shop.example could not be verified by http-01: "), "{reason}");
    assert!(reason.contains("port 80 of that name must lead to Gabion"), "{reason}");
    let next = certified.planned_anew(Some(certified.clock.now())).await;
    let pause = next.since(certified.clock.now()).as_secs();
    assert!((225..=375).contains(&pause), "{pause}");
    let shown = certified.shown();
    assert_eq!((shown.source, shown.last_error), (Source::SelfSigned, Some(reason)));
    certified.clock.set(next);
    assert!(certified.arrives().await.last_error.is_none());
}

#[tokio::test]
async fn while_the_server_is_away_the_old_certificate_serves_and_tries_grow_rarer() {
    let Some(mut pebble) = Pebble::prepare().await else { return };
    let (data, mode) = (tempfile::tempdir().unwrap(), mode(pebble.directory(), &pebble.ca()));
    let (mut certified, run) = Certified::start(&mode, data.path()).await;
    pebble.start(asked(&certified)).await;
    run();
    let first = certified.arrives().await;
    let root = pebble.root().await;
    pebble.stop();

    let mut planned = certified.planned_anew(None).await;
    for expected in [15, 30, 60, 120] {
        certified.clock.set(planned);
        planned = certified.planned_anew(Some(planned)).await;
        let pause = planned.since(certified.clock.now()).as_secs_f64() / f64::from(expected);
        assert!((0.75..1.25).contains(&pause), "{expected}: {pause}");
        assert_eq!(certified.ask(NAMES[0], &root).await.text(), "tea");
    }
    assert!(certified.refused().await.contains("the ACME server cannot be reached"), "told once");
    assert_eq!(certified.shown().sha256, first.sha256);

    // Pebble forgets everything: the account is made anew.
    pebble.start(asked(&certified)).await;
    certified.clock.set(planned);
    assert!(certified.refused().await.contains("does not know the account any more"));
    certified.clock.set(certified.planned_anew(Some(planned)).await);
    assert_ne!(certified.arrives().await.serial, first.serial);
    assert_eq!(certified.ask(NAMES[0], &pebble.root().await).await.text(), "tea");
}

#[tokio::test]
async fn the_renewal_window_of_the_server_is_followed_and_told_what_is_replaced() {
    let fake = Fake::start().await;
    let (data, mode) = (tempfile::tempdir().unwrap(), mode(fake.directory(), &fake.ca()));
    let (mut certified, run) = Certified::start(&mode, data.path()).await;
    let now = certified.clock.now();
    let day = Duration::from_secs(86_400);
    fake.suggest(now.after(day * 10), now.after(day * 12));
    run();
    let first = certified.arrives().await;
    let at_two_thirds = first.not_before.after(first.not_after.since(first.not_before) / 3 * 2);
    let chosen = certified.planned_anew(Some(at_two_thirds)).await;
    assert!(now.after(day * 10) <= chosen && chosen < now.after(day * 12), "{chosen}");
    assert_eq!(fake.replaced(), [None]);

    // A certificate that has to go: the window moves into the past, and Retry-After says when to look again.
    fake.suggest(now.before(day * 2), now.before(day));
    certified.clock.advance(fake::ASK_AGAIN);
    let second = certified.arrives().await;
    assert_ne!(second.serial, first.serial);
    let replaced = fake.replaced().remove(1).expect("the order says what it replaces");
    assert_eq!(replaced, fake.identifier(&first.serial));
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_the_server_says() {
    let fake = Fake::start().await;
    let (data, mode) = (tempfile::tempdir().unwrap(), mode(fake.directory(), &fake.ca()));
    let (mut certified, run) = Certified::start(&mode, data.path()).await;
    fake.limit_rate(true);
    run();
    let reason = certified.refused().await;
    assert!(reason.contains("asks to wait: ") && reason.contains("too many certificates"), "{reason}");
    let next = certified.planned_anew(Some(certified.clock.now())).await;
    assert_eq!(next.since(certified.clock.now()), fake::WAIT);
    fake.limit_rate(false);
    certified.clock.set(next);
    certified.arrives().await;
}

#[tokio::test]
async fn a_challenge_path_that_nothing_waits_for_is_the_shops() {
    let fake = Fake::start().await;
    let (data, mode) = (tempfile::tempdir().unwrap(), mode(fake.directory(), &fake.ca()));
    let (certified, _) = Certified::start(&mode, data.path()).await;
    let mut wire = Wire::plain(certified.address(Plane::Http)).await;
    let path = "/.well-known/acme-challenge/unknown";
    let answer = soon(wire.ask(format!("GET {path} HTTP/1.1\r\nHost: plain.example\r\n\r\n"))).await;
    assert_eq!((answer.status, answer.text()), (200, "tea"));
}
