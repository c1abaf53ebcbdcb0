use std::fs::{self, Permissions};

use super::*;
use crate::tls::testing::{Ca, DAY, Folder, NOW, Pair, ecdsa_sec1, rsa_pair_pkcs1};

/// Loads the pair and shows what it is refused for, without the folder's name.
fn refusal(cert: &str, key: &str) -> String {
    let folder = Folder::new();
    let files = folder.write_pair(&Pair { cert: cert.to_owned(), key: key.to_owned() });
    let error = load(&files, NOW).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.path("").display()).replace("//", "/"), "")
}

#[track_caller]
fn check(cert: &str, key: &str, expected: &str) {
    let refusal = refusal(cert, key);
    assert!(refusal.starts_with(expected), "{refusal}");
}

fn warnings(pair: &Pair) -> Vec<Warning> {
    let folder = Folder::new();
    load(&folder.write_pair(pair), NOW).unwrap().1
}

#[test]
fn pkcs8_sec1_and_pkcs1_keys_are_read() {
    let ca = Ca::new();
    for pair in [ca.pair(&["a.example"]), ecdsa_sec1(&ca), rsa_pair_pkcs1(&ca)] {
        assert_eq!(warnings(&pair), [], "{}", pair.key.lines().next().unwrap());
    }
}

#[test]
fn certificate_and_key_may_share_a_file() {
    let (folder, pair) = (Folder::new(), Ca::new().pair(&["a.example"]));
    folder.replace("both.pem", &format!("{}{}", pair.key, pair.cert));
    let both = folder.path("both.pem");
    let files = CertificateFiles { cert: both.clone(), key: both };
    assert_eq!(load(&files, NOW).unwrap().1, []);
}

#[test]
fn refusals_name_file_line_and_remedy() {
    let ca = Ca::new();
    let (pair, other) = (ca.pair(&["a.example"]), ca.pair(&["b.example"]));
    check("", &pair.key, "cert.pem: no -----BEGIN CERTIFICATE----- found");
    check(
        &pair.key,
        &pair.cert,
        "cert.pem: holds a private key and no certificate; are cert and key swapped?",
    );
    check(&pair.cert, "", "key.pem: no private key found");
    check(&pair.cert, &other.key, "key.pem: the private key does not belong to the certificate in cert.pem");
    check(&pair.cert[..200], &pair.key, "cert.pem:1: this section has no matching -----END");
    let garbled = pair.cert.replacen("MII", "M!!", 1);
    check(&format!("# shop\n{garbled}"), &pair.key, "cert.pem:2: this section is not valid base64");
    let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    check(empty, &pair.key, "cert.pem:1: this certificate cannot be read");
    let wrong_order = format!("{}{}", ca.pem(), pair.cert);
    let line = ca.pem().lines().count() + 1;
    check(&wrong_order, &pair.key, &format!("cert.pem:{line}: the private key belongs to this certificate"));
    check(&pair.cert.repeat(11), &pair.key, "cert.pem: 11 certificates, at most 10");
}

#[test]
fn encrypted_and_broken_keys_are_refused_without_quoting_them() {
    let pair = Ca::new().pair(&["a.example"]);
    let body: String = pair.key.lines().filter(|line| !line.starts_with("-----")).collect();
    let pem = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    let encrypted = pem("ENCRYPTED PRIVATE KEY", &body);
    check(&pair.cert, &encrypted, "key.pem:1: the private key is encrypted");
    let old_style = pem("EC PRIVATE KEY", &format!("Proc-Type: 4,ENCRYPTED\n\n{body}"));
    check(&pair.cert, &old_style, "key.pem:1: the private key is encrypted");
    for broken in [pem("PRIVATE KEY", &format!("!{body}")), pem("PRIVATE KEY", &body[..80])] {
        let refusal = refusal(&pair.cert, &broken);
        assert!(refusal.starts_with("key.pem:1: this "), "{refusal}");
        assert!(!refusal.contains(&body[..20]), "{refusal}");
    }
}

#[test]
fn missing_and_oversized_files_are_refused() {
    let folder = Folder::new();
    let files = folder.write_pair(&Ca::new().pair(&["a.example"]));
    fs::remove_file(&files.key).unwrap();
    assert!(matches!(load(&files, NOW), Err(FileError::Read { path, .. }) if path == files.key));
    fs::write(&files.cert, vec![b'#'; 1024 * 1024 + 1]).unwrap();
    assert!(matches!(load(&files, NOW), Err(FileError::TooLarge { path }) if path == files.cert));
}

#[test]
fn odd_but_servable_files_are_warned_about() {
    let ca = Ca::new();
    let expired = warnings(&ca.pair_until(&["a.example"], NOW.before(DAY)));
    assert!(matches!(expired[..], [Warning::Expired { since, .. }] if since == NOW.before(DAY)));
    assert!(matches!(warnings(&ca.pair(&[]))[..], [Warning::NoNames { .. }]));
    let mut unlinked = ca.pair(&["a.example"]);
    unlinked.cert.push_str(&Ca::named("Another CA").pem());
    assert!(matches!(warnings(&unlinked)[..], [Warning::BrokenChain { line, .. }] if line > 1));
    let mut linked = ca.pair(&["a.example"]);
    linked.cert.push_str(&ca.pem());
    assert_eq!(warnings(&linked), []);
}

#[test]
fn a_key_that_others_can_read_is_warned_about() {
    let folder = Folder::new();
    let files = folder.write_pair(&Ca::new().pair(&["a.example"]));
    for (mode, expected) in [(0o600, None), (0o640, Some(0o640)), (0o604, Some(0o604))] {
        fs::set_permissions(&files.key, Permissions::from_mode(mode)).unwrap();
        let found = load(&files, NOW).unwrap().1.into_iter().find_map(|warning| match warning {
            Warning::KeyReadable { mode, .. } => Some(mode),
            _ => None,
        });
        assert_eq!(found, expected);
    }
}
