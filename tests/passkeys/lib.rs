//! Passkeys against a browser and an authenticator that others wrote (passkey-rs).
#![cfg(test)]

use gabion_core::Timestamp;
use gabion_webauthn::{
    Algorithm, Ask, AuthenticationResponse, Binding, Challenge, Counter, Mediation, NewPasskey,
    RegistrationResponse, RelyingParty, SignIn, UserEntity, UserHandle,
};
use passkey_authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey_client::{Client, DefaultClientData};
use passkey_crypto::AvailableBackend;
use passkey_types::Passkey;
use passkey_types::ctap2::{Aaguid, Ctap2Error};
use passkey_types::webauthn::{CredentialCreationOptions, CredentialRequestOptions};
use serde_json::{Value, json};
use url::Url;

const ORIGIN: &str = "https://shop.example";

fn rp() -> RelyingParty {
    let rp = RelyingParty::new("shop.example".parse().unwrap(), "Shop");
    rp.with_origin(ORIGIN.parse().unwrap()).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn session() -> Binding {
    Binding::to(&[b"session"])
}

fn ask(number: u8) -> Ask {
    Ask::new(Challenge::new([number; 32]).unwrap(), session(), now())
}

fn ann() -> UserEntity {
    let id = UserHandle::new("ann").unwrap();
    UserEntity { id, name: "ann@example.com".to_owned(), display_name: "ann".to_owned() }
}

/// A user who is there, and who is the owner or not.
struct User {
    verified: bool,
}

#[async_trait::async_trait]
impl UserValidationMethod for User {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence, verification: verification && self.verified })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(self.verified)
    }
}

/// Makes a passkey and signs in with it three times, naming nobody. `algorithm` is the only one that is offered. Prints the
/// answers: those of such walks are in `crates/gabion-webauthn/tests/it/recorded`.
async fn walk(algorithm: Algorithm) {
    let origin: Url = ORIGIN.parse().unwrap();
    let store: Option<Passkey> = None;
    let user = User { verified: true };
    let mut authenticator = Authenticator::new(Aaguid::new_empty(), store, user, AvailableBackend);
    authenticator.set_make_credentials_with_signature_counter(true);
    let mut client = Client::new(authenticator);

    let (mut options, state) = rp().start_registration(ask(1), NewPasskey::first(ann())).unwrap();
    options.pub_key_cred_params.retain(|parameters| parameters.alg == algorithm);
    let request: CredentialCreationOptions =
        serde_json::from_value(json!({ "publicKey": options, "mediation": Mediation::Dialog })).unwrap();
    let created = client.register(&origin, request, DefaultClientData).await.unwrap();
    let mut recorded = vec![serde_json::to_value(&created).unwrap()];
    let response = RegistrationResponse::parse(&serde_json::to_vec(&created).unwrap()).unwrap();
    let registered = rp().finish_registration(state, response, &session(), now(), false).unwrap();
    let mut stored = registered.credential;
    assert!(stored.uv_initialized);
    assert_eq!((stored.discoverable, &stored.user), (Some(true), &ann().id));

    for number in 2..5 {
        let (options, state) = rp().start_authentication(ask(number), SignIn::anyone()).unwrap();
        let request: CredentialRequestOptions =
            serde_json::from_value(json!({ "publicKey": options })).unwrap();
        let answer = client.authenticate(&origin, request, DefaultClientData).await.unwrap();
        recorded.push(serde_json::to_value(&answer).unwrap());
        let response = AuthenticationResponse::parse(&serde_json::to_vec(&answer).unwrap()).unwrap();
        assert_eq!(response.claimed_user(), Some(&ann().id));
        assert_eq!(response.credential_id(), &stored.id);
        let done = rp().finish_authentication(state, response, Some(stored), &session(), now()).unwrap();
        assert!(done.two_factors);
        assert_eq!(done.counter, Counter::Advanced);
        stored = done.credential;
    }
    eprintln!("{}", Value::Array(recorded));
}

#[tokio::test]
async fn a_passkey_on_p256_is_made_and_signs_in_without_a_name() {
    walk(Algorithm::Es256).await;
}

#[tokio::test]
async fn a_passkey_of_ed25519_is_made_and_signs_in_without_a_name() {
    walk(Algorithm::EdDsa).await;
}

#[test]
fn what_the_browser_is_asked_says_the_same_to_it() {
    let (options, _) = rp().start_registration(ask(1), NewPasskey::first(ann())).unwrap();
    let request: CredentialCreationOptions = serde_json::from_value(json!({ "publicKey": options })).unwrap();
    let read = request.public_key;
    assert_eq!(read.challenge.as_slice(), [1; 32]);
    assert_eq!(read.rp.id.as_deref(), Some("shop.example"));
    assert_eq!(read.user.id.as_slice(), b"ann");
    assert_eq!(read.pub_key_cred_params.len(), Algorithm::ALL.len());
    assert_eq!(read.timeout, Some(300_000));
}
