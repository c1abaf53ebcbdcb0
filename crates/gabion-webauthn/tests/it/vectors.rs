//! The test vectors of WebAuthn Level 3 section 16, all of them.

use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use gabion_webauthn::authenticator_data::AuthenticatorDataError;
use gabion_webauthn::cose::{KeyError, UnknownAlgorithm};
use gabion_webauthn::{
    Ask, Attestation, Authenticated, AuthenticationResponse, Challenge, Counter, Fault, NewPasskey, Refused,
    Registered, RegistrationResponse, RelyingParty, SignIn, StoredCredential, UserVerification,
};
use serde_json::{Value, json};

use crate::authenticator::encode;
use crate::shop::{now, session, user};

static VECTORS: LazyLock<Vec<Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("vectors.json")).expect("the vectors are JSON"));

/// A registration and a sign-in with the same credential, as the specification gives them.
pub(crate) struct Vector(&'static Value);

impl Vector {
    pub(crate) fn named(name: &str) -> Self {
        let found = VECTORS.iter().find(|vector| vector["name"] == name);
        Self(found.unwrap_or_else(|| panic!("no vector {name}")))
    }

    pub(crate) fn all() -> impl Iterator<Item = (&'static str, Self)> {
        VECTORS.iter().map(|vector| (vector["name"].as_str().expect("vectors have names"), Self(vector)))
    }

    pub(crate) fn bytes(&self, ceremony: &str, member: &str) -> Vec<u8> {
        HEXLOWER.decode(self.0[ceremony][member].as_str().unwrap().as_bytes()).unwrap()
    }

    /// The registration's answer, its parts as `change` leaves them.
    pub(crate) fn register(&self, change: impl FnOnce(&mut [Vec<u8>; 2])) -> Result<Registered, Refused> {
        let mut parts = ["clientDataJSON", "attestationObject"].map(|part| self.bytes("registration", part));
        change(&mut parts);
        let id = encode(&self.bytes("registration", "credentialId"));
        let json = json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": { "clientDataJSON": encode(&parts[0]), "attestationObject": encode(&parts[1]) },
        });
        let response = RegistrationResponse::parse(json.to_string().as_bytes())?;
        let new = NewPasskey::first(user("ann"));
        let (_, state) = rp().start_registration(self.ask("registration"), new).unwrap();
        rp().finish_registration(state, response, &session(), now(), false)
    }

    /// The sign-in's answer, its parts as `change` leaves them.
    pub(crate) fn sign_in(
        &self,
        credential: &StoredCredential,
        change: impl FnOnce(&mut [Vec<u8>; 3]),
    ) -> Result<Authenticated, Refused> {
        let mut parts = ["clientDataJSON", "authenticatorData", "signature"]
            .map(|part| self.bytes("authentication", part));
        change(&mut parts);
        let id = credential.id.to_string();
        let json = json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(&parts[0]),
                "authenticatorData": encode(&parts[1]),
                "signature": encode(&parts[2]),
                "userHandle": encode(b"ann"),
            },
        });
        let response = AuthenticationResponse::parse(json.to_string().as_bytes())?;
        let (_, state) = rp().start_authentication(self.ask("authentication"), SignIn::anyone()).unwrap();
        rp().finish_authentication(state, response, Some(credential.clone()), &session(), now())
    }

    /// The vectors' flags are random: some have no user verification.
    fn ask(&self, ceremony: &str) -> Ask {
        let challenge = Challenge::new(self.bytes(ceremony, "challenge")).unwrap();
        let mut ask = Ask::new(challenge, session(), now());
        ask.user_verification = UserVerification::Preferred;
        ask
    }
}

fn rp() -> RelyingParty {
    let rp = RelyingParty::new("example.org".parse().unwrap(), "Shop");
    let rp = rp.with_origin("https://example.org".parse().unwrap()).unwrap();
    rp.embedded_in("https://example.com".parse().unwrap()).unwrap()
}

/// What becomes of a vector's registration.
enum Expected {
    Registers(Attestation),
    Refuses(Fault),
}

fn expected(name: &str) -> Expected {
    let unverified =
        |format: &str| Expected::Registers(Attestation::Unverified { format: format.to_owned() });
    let unknown = |number| {
        let key = KeyError::Algorithm(UnknownAlgorithm(number));
        Expected::Refuses(Fault::AuthenticatorData(AuthenticatorDataError::PublicKey(key)))
    };
    match name {
        "ES256 Credential with No Attestation"
        | "ES256 Credential with \"topOrigin\" in clientDataJSON"
        | "ES256 Credential with very long credential ID" => Expected::Registers(Attestation::None),
        "ES256 Credential with Self Attestation" => Expected::Registers(Attestation::SelfSigned),
        // Section 7.1 step 10 leaves it to the relying party; a page that is not named is not expected here.
        "ES256 Credential with \"crossOrigin\": true in clientDataJSON" => {
            Expected::Refuses(Fault::CrossOrigin)
        }
        "Packed Attestation with ES384 Credential" => unknown(-35),
        "Packed Attestation with ES512 Credential" => unknown(-36),
        "Packed Attestation with Ed448 Credential" => unknown(-53),
        name if name.starts_with("Packed") => unverified("packed"),
        name if name.starts_with("TPM") => unverified("tpm"),
        name if name.starts_with("Android") => unverified("android-key"),
        name if name.starts_with("Apple") => unverified("apple"),
        name if name.starts_with("FIDO") => unverified("fido-u2f"),
        other => panic!("nothing is expected of {other}"),
    }
}

#[test]
fn every_vector_signs_in_or_is_refused_for_the_reason_it_should() {
    assert_eq!(Vector::all().count(), 15);
    for (name, vector) in Vector::all() {
        match (expected(name), vector.register(|_| {})) {
            (Expected::Registers(attestation), Ok(registered)) => {
                let credential = registered.credential;
                assert_eq!(credential.attestation, attestation, "{name}");
                assert_eq!(credential.id.as_bytes(), vector.bytes("registration", "credentialId"), "{name}");
                let done = vector.sign_in(&credential, |_| {});
                assert_eq!(done.map(|done| done.counter), Ok(Counter::NotCounted), "{name}");
            }
            (Expected::Refuses(fault), Err(refused)) => assert_eq!(refused.fault, fault, "{name}"),
            (Expected::Registers(_), Err(refused)) => panic!("{name}: {refused}"),
            (Expected::Refuses(fault), Ok(_)) => panic!("{name}: not refused for {fault}"),
        }
    }
}
