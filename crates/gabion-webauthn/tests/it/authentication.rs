//! Section 7.2: who has signed in, and who has not.

use gabion_core::{Blame, Secret};
use gabion_webauthn::authenticator_data::AuthenticatorDataError;
use gabion_webauthn::{
    Authenticated, AuthenticationResponse, AuthenticationState, BackupChange, Base64Url, Binding,
    CREDENTIALS_MAX, Counter, CredentialId, Decoys, Fault, Kind, Refused, RegistrationState, RelyingParty,
    RequestOptions, SignIn, StoredCredential, TooManyCredentials, UserVerification,
};
use serde_json::json;

use crate::authenticator::{AT, Authenticator, BE, BS, UP, UV};
use crate::shop::{ask, handle, now, register, rp, session};

/// Signs in with the passkey that `credential` was kept of.
fn sign_in(
    authenticator: &mut Authenticator,
    credential: &StoredCredential,
    who: SignIn,
) -> Result<Authenticated, Refused> {
    let (options, state) = rp().start_authentication(ask(2), who).unwrap();
    let response = AuthenticationResponse::parse(&authenticator.get(&options))?;
    rp().finish_authentication(state, response, Some(credential.clone()), &session(), now())
}

fn ann() -> (Authenticator, StoredCredential) {
    let mut authenticator = Authenticator::new();
    let credential = register(&mut authenticator, "ann");
    (authenticator, credential)
}

#[track_caller]
fn refuse(change: impl FnOnce(&mut Authenticator, &mut StoredCredential), fault: Fault, step: u8) {
    let (mut authenticator, mut credential) = ann();
    change(&mut authenticator, &mut credential);
    let refused = sign_in(&mut authenticator, &credential, SignIn::anyone()).unwrap_err();
    assert_eq!(refused, Refused { kind: Kind::Authentication, fault });
    assert_eq!(refused.step(), Some(step));
}

#[test]
fn browsers_are_asked_in_the_form_of_the_specification() {
    let (_, credential) = ann();
    let (options, _) = rp().start_authentication(ask(2), SignIn::anyone()).unwrap();
    let mut expected = json!({
        "challenge": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
        "timeout": 300_000,
        "rpId": "shop.example",
        "userVerification": "required",
    });
    assert_eq!(serde_json::to_value(&options).unwrap(), expected);
    let who = SignIn { user: Some(handle("ann")), allow: vec![credential.descriptor()] };
    let (options, _) = rp().start_authentication(ask(2), who).unwrap();
    expected["allowCredentials"] = json!([{
        "type": "public-key",
        "id": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
        "transports": ["internal", "hybrid"],
    }]);
    assert_eq!(serde_json::to_value(&options).unwrap(), expected);
    assert_eq!(serde_json::from_value::<RequestOptions>(expected).unwrap(), options);
}

#[test]
fn a_passkey_signs_in_whether_or_not_its_account_was_named() {
    let (mut authenticator, credential) = ann();
    let named = SignIn { user: Some(handle("ann")), allow: vec![credential.descriptor()] };
    for who in [SignIn::anyone(), SignIn::account(handle("ann")), named.clone()] {
        let authenticated = sign_in(&mut authenticator, &credential, who).unwrap();
        assert!(authenticated.user_verified && authenticated.two_factors);
        assert_eq!(authenticated.counter, Counter::NotCounted);
        assert_eq!(authenticated.backup, BackupChange::Unchanged);
        assert_eq!(authenticated.credential, credential);
    }
    authenticator.user = None;
    assert!(sign_in(&mut authenticator, &credential, named).is_ok(), "the account was named");
}

#[test]
fn every_lie_is_refused_at_its_step() {
    refuse(|a, _| a.user = None, Fault::NoUserHandle, 6);
    refuse(|a, _| a.user = Some(b"bob".to_vec()), Fault::OtherUser, 6);
    refuse(|_, credential| credential.user = handle("bob"), Fault::OtherUser, 6);
    refuse(|a, _| a.id = vec![8; 32], Fault::UnknownCredential, 6);
    refuse(|a, _| a.flags |= AT, Fault::AuthenticatorData(AuthenticatorDataError::Truncated), 7);
    refuse(|a, _| a.kind = Some("webauthn.create"), Fault::Type, 10);
    refuse(|a, _| a.kind = Some("payment.get"), Fault::Type, 10);
    refuse(|a, _| a.client_data = json!({ "challenge": "AgIC" }), Fault::Challenge, 11);
    let evil = "https://evil.example".to_owned();
    refuse(|a, _| a.origin = evil.clone(), Fault::Origin(evil.clone()), 12);
    refuse(|a, _| a.client_data = json!({ "crossOrigin": true }), Fault::CrossOrigin, 13);
    refuse(|a, _| a.rp_id = "evil.example".to_owned(), Fault::RpIdHash, 15);
    refuse(|a, _| a.flags = UV | BE | BS, Fault::UserPresence, 16);
    refuse(|a, _| a.flags = UP | BE | BS, Fault::UserVerification, 17);
    refuse(|a, _| a.flags = UP | UV | BS, Fault::BackupState, 18);
    refuse(|a, _| a.flags = UP | UV, Fault::BackupEligibility, 19);
    refuse(|a, _| a.pair = Authenticator::new().pair, Fault::Signature, 21);
}

#[test]
fn a_passkey_that_cannot_be_backed_up_stays_one() {
    let mut authenticator = Authenticator::new();
    authenticator.flags = UP | UV;
    let credential = register(&mut authenticator, "ann");
    authenticator.flags = UP | UV | BE;
    let refused = sign_in(&mut authenticator, &credential, SignIn::anyone()).unwrap_err();
    assert_eq!(refused.fault, Fault::BackupEligibility);
}

#[test]
fn a_passkey_that_was_not_allowed_is_refused_even_of_the_same_account() {
    let (mut authenticator, credential) = ann();
    let mut other = credential.descriptor();
    other.id = CredentialId::new([9; 32]).unwrap();
    let who = SignIn { user: Some(handle("ann")), allow: vec![other] };
    let refused = sign_in(&mut authenticator, &credential, who).unwrap_err();
    assert_eq!((refused.fault.clone(), refused.step()), (Fault::NotAllowed, Some(5)));
}

#[test]
fn a_passkey_of_another_account_confirms_nothing() {
    let (mut authenticator, credential) = ann();
    let refused = sign_in(&mut authenticator, &credential, SignIn::account(handle("bob"))).unwrap_err();
    assert_eq!(refused.fault, Fault::OtherUser);
}

#[test]
fn a_passkey_of_another_domain_is_refused() {
    let (mut authenticator, mut credential) = ann();
    credential.rp_id = "other.example".parse().unwrap();
    let refused = sign_in(&mut authenticator, &credential, SignIn::anyone()).unwrap_err();
    assert_eq!((refused.fault.clone(), refused.blame()), (Fault::OtherRelyingParty, Blame::Operator));
}

#[test]
fn a_damaged_stored_key_is_no_fault_of_the_customers() {
    let (mut authenticator, mut credential) = ann();
    credential.public_key = Base64Url(vec![0]);
    let refused = sign_in(&mut authenticator, &credential, SignIn::anyone()).unwrap_err();
    assert!(matches!(refused.fault, Fault::StoredKey(_)));
    assert_eq!((refused.blame(), refused.step()), (Blame::Bug, None));
}

#[test]
fn a_count_that_does_not_advance_is_reported_every_time() {
    let (mut authenticator, credential) = ann();
    let mut answer = |stored, presented| {
        authenticator.sign_count = presented;
        let mut credential = credential.clone();
        credential.sign_count = stored;
        let done = sign_in(&mut authenticator, &credential, SignIn::anyone()).unwrap();
        (done.counter, done.credential.sign_count)
    };
    assert_eq!(answer(0, 0), (Counter::NotCounted, 0));
    assert_eq!(answer(0, 1), (Counter::Advanced, 1));
    assert_eq!(answer(5, 9), (Counter::Advanced, 9));
    assert_eq!(answer(u32::MAX - 1, u32::MAX), (Counter::Advanced, u32::MAX));
    assert_eq!(answer(5, 5), (Counter::Suspicious { stored: 5, presented: 5 }, 5));
    assert_eq!(answer(5, 4), (Counter::Suspicious { stored: 5, presented: 4 }, 5));
    assert_eq!(answer(5, 0), (Counter::Suspicious { stored: 5, presented: 0 }, 5));
}

#[test]
fn the_state_of_copies_is_followed() {
    let (mut authenticator, credential) = ann();
    authenticator.flags = UP | UV | BE;
    let done = sign_in(&mut authenticator, &credential, SignIn::anyone()).unwrap();
    assert_eq!((done.backup, done.credential.backed_up), (BackupChange::NoLongerBackedUp, false));
    authenticator.flags |= BS;
    let done = sign_in(&mut authenticator, &done.credential, SignIn::anyone()).unwrap();
    assert_eq!((done.backup, done.credential.backed_up), (BackupChange::BackedUp, true));
}

#[test]
fn user_verification_is_a_factor_only_once_it_can_be_relied_on() {
    let (mut authenticator, mut credential) = ann();
    credential.uv_initialized = false;
    let mut done = sign_in(&mut authenticator, &credential, SignIn::anyone()).unwrap();
    assert!(done.user_verified && !done.two_factors && !done.credential.uv_initialized);
    done.credential.rely_on_user_verification();
    let done = sign_in(&mut authenticator, &done.credential, SignIn::anyone()).unwrap();
    assert!(done.two_factors);
}

#[test]
fn user_verification_is_needed_only_where_it_is_required() {
    let (mut authenticator, credential) = ann();
    authenticator.flags = UP | BE | BS;
    let mut ask = ask(2);
    ask.user_verification = UserVerification::Preferred;
    let (options, state) = rp().start_authentication(ask, SignIn::anyone()).unwrap();
    let response = AuthenticationResponse::parse(&authenticator.get(&options)).unwrap();
    let done = rp().finish_authentication(state, response, Some(credential), &session(), now()).unwrap();
    assert!(!done.user_verified && !done.two_factors);
}

#[test]
fn a_name_that_nobody_has_is_asked_like_any_other_and_refused() {
    let decoys = Decoys::new(&Secret::new([3; 32]), Vec::new());
    let allow = decoys.of(b"nobody@example.com");
    let mut authenticator = Authenticator::new();
    authenticator.id = allow[0].id.as_bytes().to_vec();
    let (options, state) = rp().start_authentication(ask(2), SignIn { user: None, allow }).unwrap();
    assert!(!options.allow_credentials.is_empty());
    let response = AuthenticationResponse::parse(&authenticator.get(&options)).unwrap();
    let refused = rp().finish_authentication(state, response, None, &session(), now()).unwrap_err();
    assert_eq!(refused.fault, Fault::UnknownCredential);
}

#[test]
fn a_ceremony_of_somebody_else_another_domain_or_yesterday_is_refused() {
    let (mut authenticator, credential) = ann();
    let (options, state) = rp().start_authentication(ask(2), SignIn::anyone()).unwrap();
    let answer = authenticator.get(&options);
    let finish = |rp: &RelyingParty, binding: &Binding, now| {
        let response = AuthenticationResponse::parse(&answer).unwrap();
        rp.finish_authentication(state.clone(), response, Some(credential.clone()), binding, now)
            .map(|_| ())
            .map_err(|refused| refused.fault)
    };
    let other = RelyingParty::new("example".parse().unwrap(), "Other");
    assert_eq!(finish(&other, &session(), now()), Err(Fault::OtherRelyingParty));
    assert_eq!(finish(&rp(), &Binding::to(&[b"other"]), now()), Err(Fault::OtherBinding));
    assert_eq!(finish(&rp(), &session(), state.expires_at()), Err(Fault::Expired));
    assert_eq!(finish(&rp(), &session(), now()), Ok(()));
}

#[test]
fn a_kept_ceremony_is_read_back_as_its_own_kind_only_and_holds_no_challenge() {
    let (options, state) = rp().start_authentication(ask(2), SignIn::account(handle("ann"))).unwrap();
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<AuthenticationState>(&json).unwrap(), state);
    assert!(serde_json::from_str::<RegistrationState>(&json).is_err());
    assert!(!json.contains(&options.challenge.to_string()));
    assert!(json.len() < 512, "{} bytes: {json}", json.len());
}

#[test]
fn a_ceremony_that_is_taken_once_is_answered_once() {
    let (mut authenticator, credential) = ann();
    let (options, state) = rp().start_authentication(ask(2), SignIn::anyone()).unwrap();
    let mut kept = std::collections::HashMap::from([(state.key(), serde_json::to_string(&state).unwrap())]);
    let answer = authenticator.get(&options);
    let mut signed_in = 0;
    for _ in 0..3 {
        let response = AuthenticationResponse::parse(&answer).unwrap();
        let Some(state) = kept.remove(&response.ceremony()) else { continue };
        let state = serde_json::from_str(&state).unwrap();
        rp().finish_authentication(state, response, Some(credential.clone()), &session(), now()).unwrap();
        signed_in += 1;
    }
    assert_eq!(signed_in, 1);
}

#[test]
fn not_too_many_passkeys_are_named() {
    let (_, credential) = ann();
    let who = |count| SignIn { user: None, allow: vec![credential.descriptor(); count] };
    assert!(rp().start_authentication(ask(2), who(CREDENTIALS_MAX)).is_ok());
    assert_eq!(rp().start_authentication(ask(2), who(CREDENTIALS_MAX + 1)).unwrap_err(), TooManyCredentials);
}
