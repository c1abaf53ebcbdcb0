use super::*;
use crate::tls::testing::{Ca, DAY, Folder as TestFolder, NOW, deps};

fn mode(groups: &[&[&str]]) -> AcmeMode {
    let names = |names: &&[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    AcmeMode {
        directory: "https://acme.example/v2/directory".to_owned(),
        contact: Vec::new(),
        challenge: None,
        eab: None,
        ca: None,
        profile: None,
        groups: groups.iter().map(names).collect(),
    }
}

fn keep(folder: &TestFolder, name: &str, ca: &Ca, names: &[&str]) {
    let path = folder.path("acme").join("acme.example-v2-directory");
    let pair = ca.pair_until(names, NOW.after(DAY * 30));
    Folder::locked(&path)
        .unwrap()
        .write(name, format!("{}{}", pair.key, pair.cert).as_bytes(), 0o600)
        .unwrap();
}

fn sources(acme: &AcmeCertificates) -> Vec<(String, String)> {
    let shown = |one: &ServedCertificate| {
        (one.names().iter().map(Name::to_string).collect::<Vec<_>>().join(" "), one.source().to_string())
    };
    acme.certificates().iter().map(shown).collect()
}

fn shown(names: &str, source: &str) -> (String, String) {
    (names.to_owned(), source.to_owned())
}

const STAND_IN: &str = "self-signed, until the first certificate arrives";

#[test]
fn without_anything_a_self_signed_certificate_is_served() {
    let folder = TestFolder::new();
    let acme = AcmeCertificates::open(&mode(&[&["a.example", "b.example"]]), &[], &deps(&folder)).unwrap();
    assert_eq!(sources(&acme), [shown("a.example b.example", STAND_IN)]);
    assert_eq!(acme.groups[0].plan.due(NOW), Some(Due::Order));
}

#[test]
fn what_was_issued_is_served_at_the_next_start() {
    let (folder, ca) = (TestFolder::new(), Ca::new());
    keep(&folder, "a.example.pem", &ca, &["b.example", "a.example"]);
    keep(&folder, "broken.pem", &ca, &["c.example"]);
    std::fs::write(folder.path("acme/acme.example-v2-directory/broken.pem"), "no PEM").unwrap();
    let acme =
        AcmeCertificates::open(&mode(&[&["a.example", "b.example"], &["c.example"]]), &[], &deps(&folder));
    let acme = acme.unwrap();
    assert_eq!(sources(&acme), [shown("b.example a.example", "acme.example"), shown("c.example", STAND_IN)]);
    assert_eq!(acme.groups[0].plan.next(), NOW.before(DAY * 365).after(DAY * 395 / 3 * 2));
}

#[test]
fn names_that_were_served_are_served_until_their_new_certificate_arrives() {
    let (folder, ca) = (TestFolder::new(), Ca::new());
    keep(&folder, "a.example.pem", &ca, &["a.example"]);
    let files = ca.served(&["b.example"]);
    let acme =
        AcmeCertificates::open(&mode(&[&["a.example", "b.example"]]), &[files], &deps(&folder)).unwrap();
    assert_eq!(sources(&acme), [shown("a.example", "acme.example"), shown("b.example", "local authority")]);
    assert_eq!(acme.groups[0].plan.due(NOW), Some(Due::Order));
}

#[test]
fn staging_and_production_have_folders_of_their_own() {
    assert_eq!(folder_name(config::PRODUCTION), "acme-v02.api.letsencrypt.org-directory");
    assert_eq!(folder_name(config::STAGING), "acme-staging-v02.api.letsencrypt.org-directory");
    assert_eq!(folder_name("https://ca.example:14000/../x/"), "ca.example-14000-..-x");
}
