//! What browsers are asked: `PublicKeyCredentialCreationOptionsJSON` and `PublicKeyCredentialRequestOptionsJSON`
//! (WebAuthn Level 3 sections 5.1.8 and 5.1.9), for `parseCreationOptionsFromJSON()` and `parseRequestOptionsFromJSON()`.

use serde::{Deserialize, Serialize};

use crate::cose::Algorithm;
use crate::name::{Challenge, CredentialId, UserHandle};
use crate::rp::RpId;

/// `publicKey` of `navigator.credentials.create()`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    /// Who asks.
    pub rp: RpEntity,
    /// For whom.
    pub user: UserEntity,
    /// What to sign.
    pub challenge: Challenge,
    /// The algorithms that are taken, the best first.
    pub pub_key_cred_params: Vec<CredentialParameters>,
    /// Milliseconds that the browser may wait for the user.
    pub timeout: u32,
    /// Authenticators with one of these make no other for the account.
    pub exclude_credentials: Vec<Descriptor>,
    /// What the authenticator has to be able to do.
    pub authenticator_selection: AuthenticatorSelection,
    /// Which kind of authenticator to offer first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint>,
    /// What the authenticator is to say of itself: `none` or `direct`.
    pub attestation: Conveyance,
    /// Extensions that are asked for.
    pub extensions: CreationExtensions,
}

/// `publicKey` of `navigator.credentials.get()`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// What to sign.
    pub challenge: Challenge,
    /// Milliseconds that the browser may wait for the user. It is ignored where passkeys are offered with autofill.
    pub timeout: u32,
    /// For which domain.
    pub rp_id: RpId,
    /// The passkeys that may answer. Empty: any for the domain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_credentials: Vec<Descriptor>,
    /// Whether the authenticator has to verify its owner.
    pub user_verification: UserVerification,
    /// Which kind of authenticator to offer first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint>,
}

/// The relying party, as authenticators keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpEntity {
    /// The domain.
    pub id: RpId,
    /// The shop's name.
    pub name: String,
}

/// The account, as authenticators keep and show it. They may cut names after 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserEntity {
    /// The account's handle.
    pub id: UserHandle,
    /// What the user signs in with, such as an address.
    pub name: String,
    /// What the user is called.
    pub display_name: String,
}

/// The one type of credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialType {
    /// A key pair.
    #[default]
    #[serde(rename = "public-key")]
    PublicKey,
}

/// A kind of key pair that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialParameters {
    /// Always a key pair.
    pub r#type: CredentialType,
    /// Its algorithm.
    pub alg: Algorithm,
}

/// A credential, and how its authenticator can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Always a key pair.
    pub r#type: CredentialType,
    /// Its id.
    pub id: CredentialId,
    /// As the browser said when the credential was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<String>,
}

/// What the authenticator has to be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorSelection {
    /// Always required: a credential that has to be named first is no passkey.
    pub resident_key: ResidentKey,
    /// The same for browsers of Level 1.
    pub require_resident_key: bool,
    /// Whether it has to verify its owner.
    pub user_verification: UserVerification,
}

/// Whether a credential can be found without naming it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResidentKey {
    /// It has to be.
    Required,
}

/// Whether the authenticator has to make certain that it is its owner, by fingerprint, face or PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserVerification {
    /// It has to: the passkey is two factors in one.
    #[default]
    Required,
    /// It does if it can; the answer says whether it did.
    Preferred,
    /// It should not: being there is enough.
    Discouraged,
}

/// Which kind of authenticator to offer first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// A key on a ring.
    SecurityKey,
    /// The device that shows the page.
    ClientDevice,
    /// A phone nearby.
    Hybrid,
}

/// What the authenticator is to say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conveyance {
    /// Nothing.
    None,
    /// What it has to say.
    Direct,
}

/// Extensions of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationExtensions {
    /// Says whether the credential can be found without naming it (section 10.1.3).
    pub cred_props: bool,
}
