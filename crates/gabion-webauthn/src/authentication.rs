//! Using a passkey (WebAuthn Level 3 section 7.2).

use gabion_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::authenticator_data::AuthenticatorData;
use crate::ceremony::{
    Ask, Binding, CREDENTIALS_MAX, ChallengeHash, Terms, TooManyCredentials, check_authenticator_data,
};
use crate::cose::PublicKey;
use crate::credential::StoredCredential;
use crate::decoy;
use crate::name::{CredentialId, UserHandle};
use crate::options::{Descriptor, RequestOptions, UserVerification};
use crate::refusal::{Fault, Kind, Refused};
use crate::response::{Attachment, AuthenticationResponse};
use crate::rp::RelyingParty;

/// Who is to sign in.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    /// The account, if it is known already. Otherwise the passkey says whose it is.
    pub user: Option<UserHandle>,
    /// The passkeys that may answer; any if there are none. For a name that nobody has, [`crate::Decoys`].
    pub allow: Vec<Descriptor>,
}

impl SignIn {
    /// Whoever has a passkey: nothing is typed, and nothing is said about who has an account.
    pub fn anyone() -> Self {
        Self::default()
    }

    /// The holder of this account, with any of its passkeys: for confirming a step.
    pub fn account(user: UserHandle) -> Self {
        Self { user: Some(user), allow: Vec::new() }
    }
}

/// A sign-in that waits for its answer. The caller keeps it under [`AuthenticationState::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticationState {
    form: AuthenticationForm,
    terms: Terms,
    user: Option<UserHandle>,
    allow: Vec<CredentialId>,
}

/// Kind and version of a kept ceremony. Another kind or version is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum AuthenticationForm {
    #[serde(rename = "authentication/1")]
    V1,
}

impl AuthenticationState {
    /// The name it is kept under and taken by.
    pub fn key(&self) -> ChallengeHash {
        self.terms.challenge
    }

    /// From then on it is refused and can be deleted.
    pub fn expires_at(&self) -> Timestamp {
        self.terms.expires_at
    }
}

/// What the authenticator's count of signatures says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// It does not count, as most do whose passkeys are copied between devices.
    NotCounted,
    /// It is higher than ever before.
    Advanced,
    /// It is not higher: two copies of the key may be in use, the authenticator may be broken, or two answers came in
    /// another order than they were given. A sign, no proof; what follows from it is for the caller to say.
    Suspicious {
        /// The highest count seen before.
        stored: u32,
        /// The count of this answer.
        presented: u32,
    },
}

/// What has become of the passkey's copies since it was last used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupChange {
    /// Nothing.
    Unchanged,
    /// There are copies now: losing the device no longer means losing the passkey.
    BackedUp,
    /// There are none any longer.
    NoLongerBackedUp,
}

/// The holder of a passkey was there. Only [`RelyingParty::finish_authentication`] makes one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authenticated {
    /// The passkey with its new count and state, to be kept once the sign-in is complete.
    pub credential: StoredCredential,
    /// The authenticator says that it verified its owner.
    pub user_verified: bool,
    /// That can be relied on as a factor of its own: the passkey is two in one.
    pub two_factors: bool,
    /// What the count of signatures says.
    pub counter: Counter,
    /// What has become of the passkey's copies.
    pub backup: BackupChange,
    /// Where the authenticator is, seen from the browser.
    pub attachment: Option<Attachment>,
}

impl RelyingParty {
    /// Asks for a passkey: what the browser is sent, and what is kept until it answers.
    ///
    /// # Errors
    /// When too many passkeys are named.
    pub fn start_authentication(
        &self,
        ask: Ask,
        who: SignIn,
    ) -> Result<(RequestOptions, AuthenticationState), TooManyCredentials> {
        if who.allow.len() > CREDENTIALS_MAX {
            return Err(TooManyCredentials);
        }
        let state = AuthenticationState {
            form: AuthenticationForm::V1,
            terms: ask.terms(self),
            user: who.user,
            allow: who.allow.iter().map(|descriptor| descriptor.id.clone()).collect(),
        };
        let options = RequestOptions {
            timeout: ask.timeout(),
            challenge: ask.challenge,
            rp_id: self.id().clone(),
            allow_credentials: who.allow,
            user_verification: ask.user_verification,
            hints: ask.hints,
        };
        Ok((options, state))
    }

    /// Verifies the answer. `state` was taken from where it was kept, once; `credential` is the passkey of the answer's id,
    /// if there is one; `binding` is what whoever answers is bound to now.
    ///
    /// Whichever step after the fifth fails, as much is computed, with a credential and without. What is said to whoever asks
    /// has to be the same, too.
    ///
    /// # Errors
    /// The first step that failed.
    pub fn finish_authentication(
        &self,
        state: AuthenticationState,
        response: AuthenticationResponse,
        credential: Option<StoredCredential>,
        binding: &Binding,
        now: Timestamp,
    ) -> Result<Authenticated, Refused> {
        self.verify_authentication(&state, &response, credential, binding, now)
            .map_err(|fault| Refused { kind: Kind::Authentication, fault })
    }

    fn verify_authentication(
        &self,
        state: &AuthenticationState,
        response: &AuthenticationResponse,
        credential: Option<StoredCredential>,
        binding: &Binding,
        now: Timestamp,
    ) -> Result<Authenticated, Fault> {
        state.terms.check(self, binding, now)?;
        // Steps 10 to 14.
        state.terms.check_client_data(self, &response.client_data, "webauthn.get")?;
        // Steps 15 to 18.
        let data = AuthenticatorData::read(&response.authenticator_data)?;
        if data.credential.is_some() {
            return Err(Fault::UnexpectedCredential);
        }
        let verification = state.terms.user_verification == UserVerification::Required;
        check_authenticator_data(self, &data, true, verification)?;
        // Step 5.
        if !state.allow.is_empty() && !state.allow.contains(&response.id) {
            return Err(Fault::NotAllowed);
        }
        // Step 20.
        let signed = [response.authenticator_data.as_slice(), &response.client_data.hash].concat();
        let key = credential.as_ref().map(|credential| PublicKey::read(&credential.public_key.0));
        let key = key.transpose().map_err(Fault::StoredKey)?;
        // Step 21, before anything that only a known passkey can fail at, and however that ends: otherwise the time would
        // say whether the passkey is known.
        let verified = key.as_ref().is_some_and(|key| key.verifies(&signed, &response.signature));
        let checked = self.check_credential(state, response, &data, credential);
        let checked = checked.and_then(|known| if verified { Ok(known) } else { Err(Fault::Signature) });
        let mut credential = checked.inspect_err(|_| {
            decoy::verify_others(key.as_ref().map(PublicKey::algorithm), &signed, &response.signature);
        })?;
        // Steps 22 and 24. A copy that lags behind is noticed each time, so the higher count stays.
        let counter = count(credential.sign_count, data.sign_count);
        credential.sign_count = credential.sign_count.max(data.sign_count);
        let backup = match (credential.backed_up, data.flags.backed_up()) {
            (false, true) => BackupChange::BackedUp,
            (true, false) => BackupChange::NoLongerBackedUp,
            _ => BackupChange::Unchanged,
        };
        credential.backed_up = data.flags.backed_up();
        let user_verified = data.flags.user_verified();
        Ok(Authenticated {
            user_verified,
            two_factors: user_verified && credential.uv_initialized,
            credential,
            counter,
            backup,
            attachment: response.attachment,
        })
    }

    /// Steps 6 and 19: there is a passkey, for this domain, of whom the ceremony and the answer say, and of the same kind as
    /// ever.
    fn check_credential(
        &self,
        state: &AuthenticationState,
        response: &AuthenticationResponse,
        data: &AuthenticatorData<'_>,
        credential: Option<StoredCredential>,
    ) -> Result<StoredCredential, Fault> {
        let known = credential.filter(|credential| credential.id == response.id);
        let credential = known.ok_or(Fault::UnknownCredential)?;
        if credential.rp_id != *self.id() {
            return Err(Fault::OtherRelyingParty);
        }
        if state.user.is_none() && response.user.is_none() {
            return Err(Fault::NoUserHandle);
        }
        if [&state.user, &response.user].into_iter().flatten().any(|user| *user != credential.user) {
            return Err(Fault::OtherUser);
        }
        if data.flags.backup_eligible() != credential.backup_eligible {
            return Err(Fault::BackupEligibility);
        }
        Ok(credential)
    }
}

/// Step 22.
fn count(stored: u32, presented: u32) -> Counter {
    match (stored, presented) {
        (0, 0) => Counter::NotCounted,
        _ if presented > stored => Counter::Advanced,
        _ => Counter::Suspicious { stored, presented },
    }
}
