//! The relying party of these tests.

use gabion_core::Timestamp;
use gabion_webauthn::{
    Ask, Binding, Challenge, NewPasskey, RegistrationResponse, RelyingParty, StoredCredential, UserEntity,
    UserHandle,
};

use crate::authenticator::Authenticator;

pub(crate) const ORIGIN: &str = "https://shop.example";

pub(crate) fn rp() -> RelyingParty {
    let rp = RelyingParty::new("shop.example".parse().unwrap(), "Shop");
    rp.with_origin(ORIGIN.parse().unwrap()).unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

pub(crate) fn session() -> Binding {
    Binding::to(&[b"session"])
}

pub(crate) fn ask(number: u8) -> Ask {
    Ask::new(Challenge::new([number; 32]).unwrap(), session(), now())
}

pub(crate) fn handle(name: &str) -> UserHandle {
    UserHandle::new(name).unwrap()
}

pub(crate) fn user(name: &str) -> UserEntity {
    UserEntity { id: handle(name), name: format!("{name}@example.com"), display_name: name.to_owned() }
}

/// Registers a passkey of `authenticator` for `name`.
pub(crate) fn register(authenticator: &mut Authenticator, name: &str) -> StoredCredential {
    let (options, state) = rp().start_registration(ask(1), NewPasskey::first(user(name))).unwrap();
    let response = RegistrationResponse::parse(&authenticator.create(&options)).unwrap();
    rp().finish_registration(state, response, &session(), now(), false).unwrap().credential
}
