use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::{ServerName, UnixTime};

use super::*;
use crate::tls::testing::{At, Folder as TestFolder, NOW};

fn names(texts: &[&str]) -> Vec<Name> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn authority(folder: &TestFolder, texts: &[&str]) -> Authority {
    Authority::open_or_create(&folder.path("ca"), &names(texts), &At(NOW)).unwrap()
}

/// Asks the verifier of rustls, as a client that trusts the local root.
fn verify(authority: &Authority, leaf: &CertificateDer<'_>, name: &str) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.root_der().clone()).unwrap();
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crate::tls::provider()).build().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW.seconds().unsigned_abs()));
    verifier.verify_server_cert(leaf, &[], &name, &[], now).map(|_| ())
}

#[test]
fn an_issued_certificate_is_accepted_under_its_root() {
    let folder = TestFolder::new();
    let authority = authority(&folder, &["shop.test"]);
    let all = ["shop.test", "www.shop.test", "*.img.shop.test", "shop.localhost", "127.0.0.1", "::1"];
    let served = authority.issue(&names(&all), NOW).unwrap();
    for name in ["shop.test", "www.shop.test", "a.img.shop.test", "shop.localhost", "127.0.0.1", "::1"] {
        assert_eq!(verify(&authority, &served.chain()[0], name), Ok(()), "{name}");
    }
    assert_eq!((served.not_before(), served.not_after()), (NOW.before(BACKDATED), NOW.after(LEAF_LIFE)));
}

#[test]
fn a_stolen_root_key_cannot_vouch_for_foreign_names() {
    let folder = TestFolder::new();
    let authority = authority(&folder, &["shop.test"]);
    for foreign in ["bank.example", "myshop.test", "8.8.8.8", "2001:db8::1"] {
        let key = KeyPair::generate().unwrap();
        let params = authority.leaf_params(&names(&[foreign]), NOW).unwrap();
        let forged = params.signed_by(&key, &authority.issuer).unwrap();
        let refused = verify(&authority, forged.der(), foreign).unwrap_err().to_string();
        assert!(refused.contains("NameConstraintViolation"), "{foreign}: {refused}");
    }
}

#[test]
fn opening_again_gives_the_same_root() {
    let folder = TestFolder::new();
    let first = authority(&folder, &["shop.test"]);
    let again = authority(&folder, &["other.test"]);
    assert_eq!(first.root_pem(), again.root_pem());
    assert_eq!(first.common_name(), again.common_name());
    let served = again.issue(&names(&["shop.test"]), NOW).unwrap();
    assert_eq!(verify(&first, &served.chain()[0], "shop.test"), Ok(()));
}

#[test]
fn names_outside_the_root_ask_for_a_new_root() {
    let folder = TestFolder::new();
    let authority = authority(&folder, &["shop.test"]);
    let refused = authority.issue(&names(&["shop.test", "new.test"]), NOW).unwrap_err().to_string();
    assert!(refused.contains("may not vouch for new.test"), "{refused}");
    assert!(refused.contains("created for shop.test, localhost"), "{refused}");
    assert!(refused.contains("re-create the root and install it again"), "{refused}");
}

#[test]
fn a_new_root_replaces_the_key_and_keeps_the_old_certificate_aside() {
    let folder = TestFolder::new();
    let old = authority(&folder, &["shop.test"]);
    let old_key = fs::read(folder.path("ca/root.key")).unwrap();
    let new = Authority::recreate(&folder.path("ca"), &names(&["new.test"]), &At(NOW)).unwrap();
    assert!(new.issue(&names(&["new.test"]), NOW).is_ok());
    assert_eq!(fs::read_to_string(folder.path("ca/root.crt.old")).unwrap(), old.root_pem());
    assert_ne!(fs::read(folder.path("ca/root.key")).unwrap(), old_key);
    assert_ne!(new.common_name(), old.common_name());
}

#[test]
fn the_key_is_readable_by_its_owner_only_and_closed_again() {
    let folder = TestFolder::new();
    authority(&folder, &[]);
    let mode = |name: &str| fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("ca"), mode("ca/root.key")), (0o700, 0o600));
    fs::set_permissions(folder.path("ca/root.key"), fs::Permissions::from_mode(0o644)).unwrap();
    authority(&folder, &[]);
    assert_eq!(mode("ca/root.key"), 0o600);
}

#[test]
fn an_interrupted_creation_is_completed() {
    let folder = TestFolder::new();
    authority(&folder, &[]);
    fs::remove_file(folder.path("ca/root.crt")).unwrap();
    fs::write(folder.path("ca/root.crt.new"), "half a certif").unwrap();
    let completed = authority(&folder, &["shop.test"]);
    assert!(completed.issue(&names(&["shop.test"]), NOW).is_ok());
}

#[test]
fn missing_damaged_and_foreign_files_are_told_apart() {
    let (folder, other) = (TestFolder::new(), TestFolder::new());
    authority(&folder, &[]);
    authority(&other, &[]);
    let open = || Authority::open_or_create(&folder.path("ca"), &[], &At(NOW)).unwrap_err();
    fs::copy(other.path("ca/root.key"), folder.path("ca/root.key")).unwrap();
    assert!(matches!(open(), LocalError::Mismatch { .. }));
    fs::write(folder.path("ca/root.key"), "garbage").unwrap();
    assert!(matches!(open(), LocalError::Damaged { path } if path.ends_with("root.key")));
    fs::remove_file(folder.path("ca/root.key")).unwrap();
    assert!(matches!(open(), LocalError::KeyMissing { .. }));
    fs::copy(other.path("ca/root.key"), folder.path("ca/root.key")).unwrap();
    fs::write(folder.path("ca/root.crt"), "garbage").unwrap();
    assert!(matches!(open(), LocalError::Damaged { path } if path.ends_with("root.crt")));
}

#[test]
fn the_number_of_names_is_bounded() {
    let folder = TestFolder::new();
    let many: Vec<Name> = (0..=NAMES_MAX).map(|n| format!("n{n}.localhost").parse().unwrap()).collect();
    let refused = Authority::open_or_create(&folder.path("ca"), &many, &At(NOW)).unwrap_err();
    assert!(matches!(refused, LocalError::TooManyNames { count: 101 }));
    assert!(matches!(authority(&folder, &[]).issue(&[], NOW), Err(LocalError::NoNames)));
    let most = &many[..NAMES_MAX];
    assert_eq!(authority(&folder, &[]).issue(most, NOW).unwrap().names().len(), NAMES_MAX);
}

#[test]
fn an_expired_root_is_said_to_be_expired() {
    let folder = TestFolder::new();
    let authority = authority(&folder, &[]);
    let late = NOW.after(ROOT_LIFE);
    let last_week = authority.issue(&names(&["localhost"]), late.before(DAY * 7)).unwrap();
    assert_eq!(last_week.not_after(), authority.not_after());
    let refused = authority.issue(&names(&["localhost"]), late).unwrap_err();
    assert!(matches!(refused, LocalError::RootExpired { since, .. } if since == authority.not_after()));
}
