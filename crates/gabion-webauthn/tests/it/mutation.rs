//! Answers that were changed on the way: whatever byte it was, they are refused.

use gabion_webauthn::StoredCredential;
use proptest::prelude::*;

use crate::vectors::Vector;

/// One vector for each algorithm.
const SIGNED: [&str; 3] = [
    "ES256 Credential with Self Attestation",
    "Packed Attestation with Ed25519 Credential",
    "Packed Attestation with RS256 Credential",
];

fn registered(name: &str) -> (Vector, StoredCredential) {
    let vector = Vector::named(name);
    let credential = vector.register(|_| {}).unwrap().credential;
    (vector, credential)
}

#[test]
fn every_bit_of_client_data_and_authenticator_data_counts() {
    for name in SIGNED {
        let (vector, credential) = registered(name);
        for part in 0..2 {
            let member = ["clientDataJSON", "authenticatorData"][part];
            for byte in 0..vector.bytes("authentication", member).len() {
                for bit in 0..8 {
                    let changed = vector.sign_in(&credential, |parts| parts[part][byte] ^= 1 << bit);
                    assert!(changed.is_err(), "{name}: {member}, byte {byte}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn every_byte_of_a_signature_counts() {
    for name in SIGNED {
        let (vector, credential) = registered(name);
        for byte in 0..vector.bytes("authentication", "signature").len() {
            for bit in [0, 7] {
                let changed = vector.sign_in(&credential, |parts| parts[2][byte] ^= 1 << bit);
                assert!(changed.is_err(), "{name}: byte {byte}, bit {bit}");
            }
        }
    }
}

#[test]
fn every_bit_of_a_self_attested_registration_counts() {
    let vector = Vector::named("ES256 Credential with Self Attestation");
    for (part, member) in ["clientDataJSON", "attestationObject"].into_iter().enumerate() {
        for byte in 0..vector.bytes("registration", member).len() {
            for bit in 0..8 {
                let changed = vector.register(|parts| parts[part][byte] ^= 1 << bit);
                // The name of a format is not signed: another one is not looked at, and counts as no attestation.
                let renamed = changed.as_ref().is_ok_and(|registered| {
                    matches!(
                        registered.credential.attestation,
                        gabion_webauthn::Attestation::Unverified { .. }
                    )
                });
                assert!(changed.is_err() || renamed, "{member}, byte {byte}, bit {bit}");
            }
        }
    }
}

#[test]
fn the_answer_with_one_passkey_is_none_with_another() {
    for name in SIGNED {
        let (vector, credential) = registered(name);
        for other in SIGNED.into_iter().filter(|other| *other != name) {
            let mut confused = registered(other).1;
            confused.id = credential.id.clone();
            confused.backup_eligible = credential.backup_eligible;
            assert!(vector.sign_in(&credential, |_| {}).is_ok());
            let refused = vector.sign_in(&confused, |_| {}).unwrap_err();
            assert_eq!(refused.step(), Some(21), "{name} with the key of {other}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_cut_out_or_put_in_is_refused(
        vector in 0..SIGNED.len(),
        part in 0..3_usize,
        at in any::<prop::sample::Index>(),
        cut in 0..4_usize,
        put in any::<Vec<u8>>(),
    ) {
        let (vector, credential) = registered(SIGNED[vector]);
        let mut same = false;
        let changed = vector.sign_in(&credential, |parts| {
            let before = parts[part].clone();
            let at = at.index(before.len());
            parts[part].splice(at..(at + cut).min(before.len()), put);
            same = parts[part] == before;
        });
        prop_assert_eq!(changed.is_ok(), same);
    }

    #[test]
    fn whatever_a_registration_becomes_nothing_panics(
        vector in 0..SIGNED.len(),
        at in any::<prop::sample::Index>(),
        cut in 0..16_usize,
        put in any::<Vec<u8>>(),
    ) {
        let vector = Vector::named(SIGNED[vector]);
        let id = vector.bytes("registration", "credentialId");
        let changed = vector.register(|parts| {
            let (at, end) = (at.index(parts[1].len()), parts[1].len());
            parts[1].splice(at..(at + cut).min(end), put);
        });
        prop_assert!(changed.is_err() || changed.is_ok_and(|done| done.credential.id.as_bytes() == id));
    }
}
