//! Answers of a browser and an authenticator that others wrote (passkey-rs), as they were given once. `tests/passkeys` lets
//! them answer anew.

use gabion_webauthn::{
    AuthenticationResponse, Counter, NewPasskey, RegistrationResponse, SignIn, StoredCredential,
};
use serde_json::Value;

use crate::shop::{ask, handle, now, rp, session, user};

/// The registration answers challenge 1; the sign-ins answer 2, 3 and 4.
fn check(recorded: &str) {
    let answers: Vec<Value> = serde_json::from_str(recorded).unwrap();
    let answers: Vec<_> = answers.iter().map(|answer| answer.to_string().into_bytes()).collect();
    let (_, state) = rp().start_registration(ask(1), NewPasskey::first(user("ann"))).unwrap();
    let response = RegistrationResponse::parse(&answers[0]).unwrap();
    let registered = rp().finish_registration(state, response, &session(), now(), false).unwrap();
    let mut stored: StoredCredential = registered.credential;
    assert_eq!(stored.discoverable, Some(true));
    for (answer, number) in answers[1..].iter().zip(2..) {
        let (_, state) = rp().start_authentication(ask(number), SignIn::anyone()).unwrap();
        let response = AuthenticationResponse::parse(answer).unwrap();
        assert_eq!(response.claimed_user(), Some(&handle("ann")));
        let done = rp().finish_authentication(state, response, Some(stored), &session(), now()).unwrap();
        assert_eq!((done.counter, done.two_factors), (Counter::Advanced, true));
        stored = done.credential;
    }
    assert_eq!(answers.len(), 4);
}

#[test]
fn a_passkey_on_p256_of_others_signs_in() {
    check(include_str!("recorded/p256.json"));
}

#[test]
fn a_passkey_of_ed25519_of_others_signs_in() {
    check(include_str!("recorded/ed25519.json"));
}
