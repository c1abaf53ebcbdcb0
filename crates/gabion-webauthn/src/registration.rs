//! Making a passkey (WebAuthn Level 3 section 7.1).

use gabion_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attestation::{AttestationObject, AttestationPolicy};
use crate::authenticator_data::AuthenticatorData;
use crate::base64url::Base64Url;
use crate::ceremony::{
    Ask, Binding, CREDENTIALS_MAX, ChallengeHash, Terms, TooManyCredentials, check_authenticator_data,
};
use crate::cose::Algorithm;
use crate::credential::{CredentialForm, StoredCredential};
use crate::name::UserHandle;
use crate::options::{
    AuthenticatorSelection, Conveyance, CreationExtensions, CreationOptions, CredentialParameters,
    CredentialType, ResidentKey, RpEntity, UserEntity, UserVerification,
};
use crate::refusal::{Fault, Kind, Refused};
use crate::response::{Attachment, RegistrationResponse};
use crate::rp::RelyingParty;

/// How the browser asks. The page passes it as `mediation` beside `publicKey`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mediation {
    /// With a dialog.
    #[default]
    #[serde(rename = "optional")]
    Dialog,
    /// Without one, right after a sign-in with a password that the browser knew. Neither presence nor verification of the
    /// user are required then: browsers may ask nobody (section 5.1.3).
    Conditional,
}

/// What passkey is wanted.
#[derive(Clone, Debug)]
pub struct NewPasskey<'a> {
    /// For whom.
    pub user: UserEntity,
    /// The passkeys that the account has: their authenticators make no second one.
    pub existing: &'a [StoredCredential],
    /// How the browser asks.
    pub mediation: Mediation,
    /// What the authenticator is to say of itself.
    pub attestation: AttestationPolicy,
}

impl NewPasskey<'_> {
    /// The first passkey of an account, with a dialog, without attestation.
    pub fn first(user: UserEntity) -> Self {
        let (mediation, attestation) = (Mediation::Dialog, AttestationPolicy::NotAsked);
        Self { user, existing: &[], mediation, attestation }
    }
}

/// A registration that waits for its answer. The caller keeps it under [`RegistrationState::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationState {
    form: RegistrationForm,
    terms: Terms,
    user: UserHandle,
    mediation: Mediation,
    attestation: AttestationPolicy,
}

/// Kind and version of a kept ceremony. Another kind or version is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum RegistrationForm {
    #[serde(rename = "registration/1")]
    V1,
}

impl RegistrationState {
    /// The name it is kept under and taken by.
    pub fn key(&self) -> ChallengeHash {
        self.terms.challenge
    }

    /// From then on it is refused and can be deleted.
    pub fn expires_at(&self) -> Timestamp {
        self.terms.expires_at
    }
}

/// A passkey was made, and everything about it holds. Only [`RelyingParty::finish_registration`] makes one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Registered {
    /// The passkey, to be kept.
    pub credential: StoredCredential,
    /// Where the authenticator is, seen from the browser.
    pub attachment: Option<Attachment>,
}

impl RelyingParty {
    /// Asks for a new passkey: what the browser is sent, and what is kept until it answers.
    ///
    /// # Errors
    /// When the account has too many passkeys.
    pub fn start_registration(
        &self,
        ask: Ask,
        new: NewPasskey<'_>,
    ) -> Result<(CreationOptions, RegistrationState), TooManyCredentials> {
        if new.existing.len() > CREDENTIALS_MAX {
            return Err(TooManyCredentials);
        }
        let state = RegistrationState {
            form: RegistrationForm::V1,
            terms: ask.terms(self),
            user: new.user.id.clone(),
            mediation: new.mediation,
            attestation: new.attestation,
        };
        let parameters =
            Algorithm::ALL.map(|alg| CredentialParameters { r#type: CredentialType::PublicKey, alg });
        let options = CreationOptions {
            rp: RpEntity { id: self.id().clone(), name: self.name().to_owned() },
            user: new.user,
            timeout: ask.timeout(),
            challenge: ask.challenge,
            pub_key_cred_params: parameters.to_vec(),
            exclude_credentials: new.existing.iter().map(StoredCredential::descriptor).collect(),
            authenticator_selection: AuthenticatorSelection {
                resident_key: ResidentKey::Required,
                require_resident_key: true,
                user_verification: ask.user_verification,
            },
            hints: ask.hints,
            attestation: match new.attestation {
                AttestationPolicy::NotAsked => Conveyance::None,
                AttestationPolicy::Verified => Conveyance::Direct,
            },
            extensions: CreationExtensions { cred_props: true },
        };
        Ok((options, state))
    }

    /// Verifies the answer. `state` was taken from where it was kept, once; `binding` is what whoever answers is bound to
    /// now; `taken` says whether anybody has a credential of this id already.
    ///
    /// # Errors
    /// The first step that failed.
    pub fn finish_registration(
        &self,
        state: RegistrationState,
        response: RegistrationResponse,
        binding: &Binding,
        now: Timestamp,
        taken: bool,
    ) -> Result<Registered, Refused> {
        self.verify_registration(state, response, binding, now, taken)
            .map_err(|fault| Refused { kind: Kind::Registration, fault })
    }

    fn verify_registration(
        &self,
        state: RegistrationState,
        response: RegistrationResponse,
        binding: &Binding,
        now: Timestamp,
        taken: bool,
    ) -> Result<Registered, Fault> {
        state.terms.check(self, binding, now)?;
        // Steps 7 to 11.
        state.terms.check_client_data(self, &response.client_data, "webauthn.create")?;
        // Step 13.
        let object = AttestationObject::read(&response.attestation_object)?;
        let data = AuthenticatorData::read(object.authenticator_data())?;
        // Steps 14 to 17. A browser that asks without a dialog may ask nobody.
        let dialog = state.mediation == Mediation::Dialog;
        let verification = dialog && state.terms.user_verification == UserVerification::Required;
        check_authenticator_data(self, &data, dialog, verification)?;
        // Step 20 was done when the key was read: all algorithms that can be read were offered.
        let credential = data.credential.ok_or(Fault::NoCredential)?;
        if credential.id != response.id {
            return Err(Fault::OtherCredential);
        }
        // Steps 21 to 24.
        let attestation = object.verify(state.attestation, &credential.key, &response.client_data.hash)?;
        // Step 25 was done when the id was read. Step 26.
        if taken {
            return Err(Fault::CredentialTaken);
        }
        // Step 28.
        if response.discoverable == Some(false) {
            return Err(Fault::NotDiscoverable);
        }
        // Step 27.
        let credential = StoredCredential {
            form: CredentialForm::V1,
            id: credential.id,
            user: state.user,
            rp_id: self.id().clone(),
            public_key: Base64Url(credential.key_bytes.to_vec()),
            sign_count: data.sign_count,
            transports: response.transports,
            uv_initialized: data.flags.user_verified(),
            backup_eligible: data.flags.backup_eligible(),
            backed_up: data.flags.backed_up(),
            discoverable: response.discoverable,
            aaguid: credential.aaguid,
            attestation,
        };
        Ok(Registered { credential, attachment: response.attachment })
    }
}
