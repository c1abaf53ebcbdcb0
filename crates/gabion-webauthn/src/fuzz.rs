//! What the fuzzer holds against this crate's parsers. The seeds in `fuzz/seeds` run as tests.

use gabion_core::Timestamp;

use crate::attestation::AttestationObject;
use crate::authenticator_data::AuthenticatorData;
use crate::cbor::Value;
use crate::client_data::ClientData;
use crate::cose::PublicKey;
use crate::name::CREDENTIAL_ID_BYTES_MAX;
use crate::{
    Ask, AuthenticationResponse, Binding, Challenge, NewPasskey, RegistrationResponse, RelyingParty, SignIn,
    UserEntity, UserHandle,
};

const ORIGIN: &str = "https://example.org";
const CHALLENGE: &[u8; 32] = b"the fuzzer's own challenge: 32 b";

/// What is read is read in one way: a value ends where it ends, whatever follows.
pub fn cbor(bytes: &[u8]) {
    let Ok((value, rest)) = Value::read_first(bytes) else { return };
    let own = &bytes[..bytes.len() - rest.len()];
    assert_eq!(Value::read(own), Ok(value));
    assert!(!own.is_empty());
    for end in 0..own.len() {
        assert!(Value::read(&own[..end]).is_err());
    }
}

/// A key verifies nothing that nobody signed.
pub fn cose_key(bytes: &[u8]) {
    if let Ok((key, own, rest)) = PublicKey::read_first(bytes) {
        assert_eq!(own.len() + rest.len(), bytes.len());
        assert_eq!(PublicKey::read(own).map(|again| again.algorithm()), Ok(key.algorithm()));
        assert!(!key.verifies(b"nobody signed this", b""));
    }
}

/// Authenticator data, bare or in an attestation object, is read within its limits.
pub fn authenticator_data(bytes: &[u8]) {
    let inner = AttestationObject::read(bytes).map(|object| object.authenticator_data());
    if let Ok(data) = AuthenticatorData::read(inner.unwrap_or(bytes))
        && let Some(credential) = data.credential
    {
        assert!((1..=CREDENTIAL_ID_BYTES_MAX).contains(&credential.id.as_bytes().len()));
        assert!(PublicKey::read(credential.key_bytes).is_ok());
    }
}

/// Client data is accepted for the ceremony and the page that it is of, and for no other.
pub fn client_data(bytes: &[u8]) {
    if let Ok(data) = ClientData::read(bytes) {
        let rp = rp();
        let accepted = ask().terms(&rp).check_client_data(&rp, &data, "webauthn.get").is_ok();
        let fields = &data.fields;
        let ours = fields.r#type == "webauthn.get" && fields.challenge.0 == CHALLENGE;
        let here = fields.origin == ORIGIN && !fields.cross_origin && fields.top_origin.is_none();
        assert_eq!(accepted, ours && here);
    }
}

/// An answer finishes the registration that it is for, with the credential that it names, and no other. Nothing is signed
/// in one, so that the fuzzer may well find one that does.
pub fn registration(bytes: &[u8]) {
    if let Ok(response) = RegistrationResponse::parse(bytes) {
        authenticator_data(&response.attestation_object);
        let rp = rp();
        let id = UserHandle::new([1; 16]).expect("16 bytes are a handle");
        let user = UserEntity { id, name: String::new(), display_name: String::new() };
        let (_, state) = rp.start_registration(ask(), NewPasskey::first(user)).expect("there are none yet");
        let (ours, id) = (response.ceremony() == state.key(), response.id.clone());
        if let Ok(done) = rp.finish_registration(state, response, &Binding::to(&[]), epoch(), false) {
            assert!(ours && done.credential.id == id);
            assert!(PublicKey::read(&done.credential.public_key.0).is_ok());
        }
    }
}

/// No answer signs in with a passkey that nobody has.
pub fn authentication(bytes: &[u8]) {
    if let Ok(response) = AuthenticationResponse::parse(bytes) {
        let rp = rp();
        let (_, state) = rp.start_authentication(ask(), SignIn::anyone()).expect("none are named");
        authenticator_data(&response.authenticator_data);
        assert!(rp.finish_authentication(state, response, None, &Binding::to(&[]), epoch()).is_err());
    }
}

fn rp() -> RelyingParty {
    let rp = RelyingParty::new("example.org".parse().expect("a domain"), "Shop");
    rp.with_origin(ORIGIN.parse().expect("an origin")).expect("it is within the domain")
}

fn ask() -> Ask {
    let challenge = Challenge::new(*CHALLENGE).expect("32 bytes are a challenge");
    Ask::new(challenge, Binding::to(&[]), epoch())
}

fn epoch() -> Timestamp {
    Timestamp::from_seconds(0)
}

#[cfg(test)]
mod tests {
    use gabion_test::seeds;

    #[test]
    fn cbor_seeds_hold() {
        seeds::each("webauthn_cbor", super::cbor);
    }

    #[test]
    fn cose_key_seeds_hold() {
        seeds::each("webauthn_cose_key", super::cose_key);
    }

    #[test]
    fn authenticator_data_seeds_hold() {
        seeds::each("webauthn_authenticator_data", super::authenticator_data);
    }

    #[test]
    fn client_data_seeds_hold() {
        seeds::each("webauthn_client_data", super::client_data);
    }

    #[test]
    fn registration_seeds_hold() {
        seeds::each("webauthn_registration", super::registration);
    }

    #[test]
    fn authentication_seeds_hold() {
        seeds::each("webauthn_authentication", super::authentication);
    }
}
