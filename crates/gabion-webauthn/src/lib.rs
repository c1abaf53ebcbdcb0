//! Passkeys: the relying party's side of WebAuthn Level 3.
//!
//! Asks browsers for passkeys and verifies what they answer, step by step as sections 7.1 and 7.2 of the specification
//! say. It has no clock, no randomness and no store: challenge and time are given, states and passkeys are kept by the
//! caller, and every cipher is [`gabion_crypto`]'s.
//!
//! The walk: a [`RelyingParty`] knows its domain and its pages. [`RelyingParty::start_registration`] and
//! [`RelyingParty::start_authentication`] give what the browser is sent ([`CreationOptions`], [`RequestOptions`]) and
//! what is kept meanwhile ([`RegistrationState`], [`AuthenticationState`]). What comes back is parsed at the door
//! ([`RegistrationResponse`], [`AuthenticationResponse`]); it names its ceremony ([`ChallengeHash`]), which the caller
//! takes from where it was kept. [`RelyingParty::finish_registration`] makes a [`StoredCredential`] of it,
//! [`RelyingParty::finish_authentication`] says [`Authenticated`]; or either is [`Refused`], naming the step.
//!
//! What the caller has to do, as it cannot be done here:
//! - draw the challenge at random, and take each kept state **once**, in the transaction that acts on the answer;
//! - bind the ceremony ([`Binding`]) to what must not change meanwhile: the browser's session, the account, the purpose;
//! - look the answered credential up by its id among all accounts', and keep ids unique;
//! - say the same to a stranger whichever step failed; the [`Fault`] is for the journal.
//!
//! Underneath: [`cbor`] reads CTAP2's canonical form, [`cose`] public keys, [`authenticator_data`] what authenticators
//! sign, [`attestation`] what they say of themselves. Beside it: [`Decoys`] for names that nobody has, [`signal`] for
//! telling authenticators what has become of passkeys, [`well_known`] for documents that browsers look for.

pub mod attestation;
pub mod authenticator_data;
pub mod cbor;
pub mod cose;
pub mod options;
pub mod signal;
pub mod well_known;

mod authentication;
mod base64url;
mod ceremony;
mod client_data;
mod credential;
mod decoy;
#[doc(hidden)]
pub mod fuzz;
mod name;
mod refusal;
mod registration;
mod response;
mod rp;

pub use attestation::{Attestation, AttestationPolicy};
pub use authentication::{Authenticated, AuthenticationState, BackupChange, Counter, SignIn};
pub use authenticator_data::Aaguid;
pub use base64url::Base64Url;
pub use ceremony::{Ask, Binding, CREDENTIALS_MAX, ChallengeHash, LIFETIME, TooManyCredentials};
pub use client_data::{CLIENT_DATA_BYTES_MAX, ClientDataError};
pub use cose::Algorithm;
pub use credential::{CredentialForm, StoredCredential};
pub use decoy::{Decoys, Shape};
pub use name::{
    CHALLENGE_BYTES_MAX, CHALLENGE_BYTES_MIN, CREDENTIAL_ID_BYTES_MAX, Challenge, CredentialId,
    USER_HANDLE_BYTES_MAX, UserHandle, WrongLength,
};
pub use options::{CreationOptions, Descriptor, Hint, RequestOptions, UserEntity, UserVerification};
pub use refusal::{Fault, Kind, Refused};
pub use registration::{Mediation, NewPasskey, Registered, RegistrationState};
pub use response::{Attachment, AuthenticationResponse, RESPONSE_BYTES_MAX, RegistrationResponse};
pub use rp::{InvalidOrigin, InvalidRpId, ORIGINS_MAX, Origin, OriginRefused, RelyingParty, RpId};
pub use well_known::{PasskeyEndpoints, RelatedOrigins};
