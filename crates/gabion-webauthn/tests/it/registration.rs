//! Section 7.1: what makes a passkey, and what does not.

use std::time::Duration;

use gabion_core::Blame;
use gabion_webauthn::options::Conveyance;
use gabion_webauthn::{
    Attachment, Attestation, AttestationPolicy, AuthenticationState, Binding, CREDENTIALS_MAX,
    CreationOptions, Fault, Kind, Mediation, NewPasskey, Refused, Registered, RegistrationResponse,
    RegistrationState, RelyingParty, StoredCredential, TooManyCredentials, UserVerification,
};
use serde_json::{Value, json};

use crate::authenticator::{Authenticator, BE, BS, UP, UV};
use crate::shop::{ask, handle, now, register, rp, session, user};

fn start(change: impl FnOnce(&mut NewPasskey<'_>)) -> (CreationOptions, RegistrationState) {
    let mut new = NewPasskey::first(user("ann"));
    change(&mut new);
    rp().start_registration(ask(1), new).unwrap()
}

fn finish(authenticator: &mut Authenticator, rp: &RelyingParty) -> Result<Registered, Refused> {
    let (options, state) = start(|_| {});
    let response = RegistrationResponse::parse(&authenticator.create(&options))?;
    rp.finish_registration(state, response, &session(), now(), false)
}

/// An authenticator changed in one thing is refused at one step.
#[track_caller]
fn refuse(change: impl FnOnce(&mut Authenticator), fault: Fault, step: u8) {
    let mut authenticator = Authenticator::new();
    change(&mut authenticator);
    let refused = finish(&mut authenticator, &rp()).unwrap_err();
    assert_eq!(refused, Refused { kind: Kind::Registration, fault });
    assert_eq!(refused.step(), Some(step));
}

#[test]
fn browsers_are_asked_for_a_passkey_in_the_form_of_the_specification() {
    let mut authenticator = Authenticator::new();
    let existing = [register(&mut authenticator, "ann")];
    let new = NewPasskey { existing: &existing, ..NewPasskey::first(user("ann")) };
    let (options, _) = rp().start_registration(ask(1), new).unwrap();
    let expected = json!({
        "rp": { "id": "shop.example", "name": "Shop" },
        "user": { "id": "YW5u", "name": "ann@example.com", "displayName": "ann" },
        "challenge": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
        "pubKeyCredParams": [
            { "type": "public-key", "alg": -8 },
            { "type": "public-key", "alg": -7 },
            { "type": "public-key", "alg": -257 },
        ],
        "timeout": 300_000,
        "excludeCredentials": [{
            "type": "public-key",
            "id": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
            "transports": ["internal", "hybrid"],
        }],
        "authenticatorSelection":
            { "residentKey": "required", "requireResidentKey": true, "userVerification": "required" },
        "attestation": "none",
        "extensions": { "credProps": true },
    });
    assert_eq!(serde_json::to_value(&options).unwrap(), expected);
    assert_eq!(serde_json::from_value::<CreationOptions>(expected).unwrap(), options);
}

#[test]
fn a_passkey_is_kept_with_what_the_specification_asks_to_keep() {
    let mut authenticator = Authenticator::new();
    authenticator.sign_count = 5;
    let registered = finish(&mut authenticator, &rp()).unwrap();
    let credential = registered.credential;
    assert_eq!(registered.attachment, Some(Attachment::Platform));
    assert_eq!((credential.id.as_bytes(), &credential.user), ([7; 32].as_slice(), &handle("ann")));
    assert_eq!(credential.rp_id.as_str(), "shop.example");
    assert_eq!(credential.public_key.0, authenticator.cose_key());
    assert_eq!((credential.sign_count, credential.discoverable), (5, Some(true)));
    assert!(credential.uv_initialized && credential.backup_eligible && credential.backed_up);
    assert_eq!(credential.transports, ["internal", "hybrid"]);
    assert_eq!(credential.aaguid.to_string(), "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa");
    assert_eq!(credential.attestation, Attestation::None);
}

#[test]
fn what_was_kept_is_read_back_and_another_form_is_not() {
    let credential = register(&mut Authenticator::new(), "ann");
    let json = serde_json::to_value(&credential).unwrap();
    assert_eq!(serde_json::from_value::<StoredCredential>(json.clone()).unwrap(), credential);
    for (path, value) in [("/form", json!("passkey/2")), ("/id", json!("")), ("/aaguid", json!("1"))] {
        let mut other: Value = json.clone();
        *other.pointer_mut(path).unwrap() = value;
        assert!(serde_json::from_value::<StoredCredential>(other).is_err(), "{path}");
    }
}

#[test]
fn every_lie_is_refused_at_its_step() {
    refuse(|a| a.kind = Some("webauthn.get"), Fault::Type, 7);
    refuse(|a| a.client_data = json!({ "challenge": "AQEBAQ" }), Fault::Challenge, 8);
    for origin in [
        "https://evil.example",
        "https://shop.example.evil.example",
        "https://www.shop.example",
        "https://shop.example:8443",
        "http://shop.example",
        "https://SHOP.example",
        "null",
    ] {
        refuse(|a| a.origin = origin.to_owned(), Fault::Origin(origin.to_owned()), 9);
    }
    refuse(|a| a.client_data = json!({ "crossOrigin": true }), Fault::CrossOrigin, 10);
    let top = json!({ "crossOrigin": true, "topOrigin": "https://partner.example" });
    refuse(|a| a.client_data = top, Fault::CrossOrigin, 10);
    refuse(|a| a.rp_id = "evil.example".to_owned(), Fault::RpIdHash, 14);
    refuse(|a| a.flags = UV | BE | BS, Fault::UserPresence, 15);
    refuse(|a| a.flags = UP | BE | BS, Fault::UserVerification, 16);
    refuse(|a| a.flags = UP | UV | BS, Fault::BackupState, 17);
    refuse(|a| a.discoverable = false, Fault::NotDiscoverable, 28);
}

#[test]
fn errors_name_the_step() {
    let mut authenticator = Authenticator::new();
    authenticator.origin = "https://evil.example".to_owned();
    let refused = finish(&mut authenticator, &rp()).unwrap_err();
    let expected = "origin https://evil.example is not expected (WebAuthn section 7.1 step 9)";
    assert_eq!((refused.to_string().as_str(), refused.blame()), (expected, Blame::Client));
}

#[test]
fn frames_are_taken_only_from_pages_that_are_expected() {
    let rp = rp().embedded_in("https://partner.example".parse().unwrap()).unwrap();
    let mut authenticator = Authenticator::new();
    let mut answer = |client_data| {
        authenticator.client_data = client_data;
        finish(&mut authenticator, &rp).map(|_| ()).map_err(|refused| refused.fault)
    };
    assert_eq!(answer(json!({ "crossOrigin": true, "topOrigin": "https://partner.example" })), Ok(()));
    assert_eq!(answer(json!({ "crossOrigin": false })), Ok(()));
    let other = "https://other.example";
    let fault = Fault::TopOrigin(other.to_owned());
    assert_eq!(answer(json!({ "crossOrigin": true, "topOrigin": other })), Err(fault));
    assert_eq!(answer(json!({ "crossOrigin": true })), Err(Fault::CrossOrigin), "the page is not named");
}

#[test]
fn related_origins_are_taken_once_they_are_declared() {
    let mut authenticator = Authenticator::new();
    authenticator.origin = "https://shop.test".to_owned();
    assert!(finish(&mut authenticator, &rp()).is_err());
    let rp = rp().with_related_origin("https://shop.test".parse().unwrap()).unwrap();
    assert!(finish(&mut authenticator, &rp).is_ok());
}

#[test]
fn nobody_needs_to_be_there_only_where_the_browser_was_to_ask_nobody() {
    let mut authenticator = Authenticator::new();
    authenticator.flags = BE | BS;
    let (options, state) = start(|new| new.mediation = Mediation::Conditional);
    let response = RegistrationResponse::parse(&authenticator.create(&options)).unwrap();
    let registered = rp().finish_registration(state, response, &session(), now(), false).unwrap();
    assert!(!registered.credential.uv_initialized, "nobody was verified, so it is no factor yet");
    assert_eq!(finish(&mut authenticator, &rp()).unwrap_err().fault, Fault::UserPresence);
}

#[test]
fn user_verification_is_needed_only_where_it_is_required() {
    let mut authenticator = Authenticator::new();
    authenticator.flags = UP;
    for verification in [UserVerification::Preferred, UserVerification::Discouraged] {
        let mut ask = ask(1);
        ask.user_verification = verification;
        let (options, state) = rp().start_registration(ask, NewPasskey::first(user("ann"))).unwrap();
        let response = RegistrationResponse::parse(&authenticator.create(&options)).unwrap();
        let registered = rp().finish_registration(state, response, &session(), now(), false).unwrap();
        assert!(!registered.credential.uv_initialized);
    }
}

#[test]
fn attestation_is_verified_as_the_policy_wants() {
    for (policy, self_attestation, expected) in [
        (AttestationPolicy::NotAsked, false, Some(Attestation::None)),
        (AttestationPolicy::NotAsked, true, Some(Attestation::SelfSigned)),
        (AttestationPolicy::Verified, false, None),
        (AttestationPolicy::Verified, true, Some(Attestation::SelfSigned)),
    ] {
        let mut authenticator = Authenticator::new();
        authenticator.self_attestation = self_attestation;
        let (options, state) = start(|new| new.attestation = policy);
        let direct = policy == AttestationPolicy::Verified;
        assert_eq!(options.attestation, if direct { Conveyance::Direct } else { Conveyance::None });
        let response = RegistrationResponse::parse(&authenticator.create(&options)).unwrap();
        let result = rp().finish_registration(state, response, &session(), now(), false);
        assert_eq!(result.ok().map(|registered| registered.credential.attestation), expected);
    }
}

#[test]
fn an_id_that_somebody_has_already_is_refused() {
    let (options, state) = start(|_| {});
    let response = RegistrationResponse::parse(&Authenticator::new().create(&options)).unwrap();
    let refused = rp().finish_registration(state, response, &session(), now(), true).unwrap_err();
    assert_eq!((refused.fault.clone(), refused.step()), (Fault::CredentialTaken, Some(26)));
}

#[test]
fn an_answer_that_names_another_credential_than_it_carries_is_refused() {
    let (options, state) = start(|_| {});
    let mut json: Value = serde_json::from_slice(&Authenticator::new().create(&options)).unwrap();
    (json["id"], json["rawId"]) = ("AQID".into(), "AQID".into());
    let response = RegistrationResponse::parse(json.to_string().as_bytes()).unwrap();
    let refused = rp().finish_registration(state, response, &session(), now(), false).unwrap_err();
    assert_eq!(refused.fault, Fault::OtherCredential);
}

#[test]
fn ids_are_taken_up_to_their_limit() {
    let mut authenticator = Authenticator::new();
    authenticator.id = vec![7; 1023];
    assert!(finish(&mut authenticator, &rp()).is_ok());
    authenticator.id = vec![7; 1024];
    assert!(matches!(finish(&mut authenticator, &rp()).unwrap_err().fault, Fault::Json(_)));
}

#[test]
fn a_ceremony_of_somebody_else_another_domain_or_yesterday_is_refused() {
    let (options, state) = start(|_| {});
    let answer = Authenticator::new().create(&options);
    let finish = |rp: &RelyingParty, binding: &Binding, now| {
        let response = RegistrationResponse::parse(&answer).unwrap();
        rp.finish_registration(state.clone(), response, binding, now, false)
            .map(|_| ())
            .map_err(|refused| (refused.fault.clone(), refused.step()))
    };
    let other = RelyingParty::new("example".parse().unwrap(), "Other");
    assert_eq!(finish(&other, &session(), now()), Err((Fault::OtherRelyingParty, None)));
    let stranger = Binding::to(&[b"another session"]);
    assert_eq!(finish(&rp(), &stranger, now()), Err((Fault::OtherBinding, None)));
    assert_eq!(state.expires_at(), now().after(Duration::from_secs(300)));
    assert_eq!(finish(&rp(), &session(), state.expires_at()), Err((Fault::Expired, None)));
    let last = state.expires_at().before(Duration::from_micros(1));
    assert_eq!(finish(&rp(), &session(), last), Ok(()));
}

#[test]
fn the_answer_to_one_ceremony_is_none_to_another() {
    let (options, state) = start(|_| {});
    let mut ask = ask(2);
    ask.binding = session();
    let (_, other) = rp().start_registration(ask, NewPasskey::first(user("ann"))).unwrap();
    let response = RegistrationResponse::parse(&Authenticator::new().create(&options)).unwrap();
    assert_eq!(response.ceremony(), state.key());
    assert_ne!(response.ceremony(), other.key());
    let refused = rp().finish_registration(other, response, &session(), now(), false).unwrap_err();
    assert_eq!(refused.fault, Fault::Challenge);
}

#[test]
fn a_kept_ceremony_is_read_back_as_its_own_kind_only_and_holds_no_challenge() {
    let (options, state) = start(|_| {});
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<RegistrationState>(&json).unwrap(), state);
    assert!(serde_json::from_str::<AuthenticationState>(&json).is_err());
    let newer = json.replace("registration/1", "registration/2");
    assert!(serde_json::from_str::<RegistrationState>(&newer).is_err());
    assert!(!json.contains(&options.challenge.to_string()));
    assert!(json.len() < 512, "{} bytes: {json}", json.len());
}

#[test]
fn an_account_with_too_many_passkeys_gets_no_other() {
    let existing = vec![register(&mut Authenticator::new(), "ann"); CREDENTIALS_MAX + 1];
    let new = |count| NewPasskey { existing: &existing[..count], ..NewPasskey::first(user("ann")) };
    assert!(rp().start_registration(ask(1), new(CREDENTIALS_MAX)).is_ok());
    assert_eq!(rp().start_registration(ask(1), new(CREDENTIALS_MAX + 1)).unwrap_err(), TooManyCredentials);
}
