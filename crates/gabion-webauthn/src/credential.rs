//! What is kept of a passkey: the credential record (WebAuthn Level 3 section 4).

use serde::{Deserialize, Serialize};

use crate::attestation::Attestation;
use crate::authenticator_data::Aaguid;
use crate::base64url::Base64Url;
use crate::name::{CredentialId, UserHandle};
use crate::options::{CredentialType, Descriptor};
use crate::rp::RpId;

/// A passkey, as it is kept. Made by
/// [`RelyingParty::finish_registration`](crate::RelyingParty::finish_registration), or read back from where it was kept.
/// Nothing in it is secret, but the id and the handle are personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StoredCredential {
    /// The version of this form.
    pub form: CredentialForm,
    /// The credential's id. Unique: the store refuses a second one, whosever it is.
    pub id: CredentialId,
    /// The handle of the account it is for.
    pub user: UserHandle,
    /// The domain it is for.
    pub rp_id: RpId,
    /// The public key in COSE form.
    pub public_key: Base64Url,
    /// The highest count of signatures seen. Zero where the authenticator does not count.
    pub sign_count: u32,
    /// How its authenticator can be reached, as the browser said.
    pub transports: Vec<String>,
    /// Whether the authenticator's verifying of its owner can be relied on as a factor. It was so from the beginning, or
    /// [`StoredCredential::rely_on_user_verification`] made it so.
    pub uv_initialized: bool,
    /// Whether it can be copied to other devices. That never changes.
    pub backup_eligible: bool,
    /// Whether it was, when it was last used.
    pub backed_up: bool,
    /// Whether it can be found without naming it, as the browser said.
    pub discoverable: Option<bool>,
    /// The authenticator's model, as it says itself.
    pub aaguid: Aaguid,
    /// What is known of the authenticator.
    pub attestation: Attestation,
}

/// The version of a stored passkey. One that is not known is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialForm {
    /// The first.
    #[serde(rename = "passkey/1")]
    V1,
}

impl StoredCredential {
    /// What browsers are told of it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            r#type: CredentialType::PublicKey,
            id: self.id.clone(),
            transports: self.transports.clone(),
        }
    }

    /// From now on the authenticator's verifying of its owner counts as a factor. Only after another factor of the same
    /// strength was shown together with it: until then nobody knows whose finger the authenticator asked for
    /// (WebAuthn Level 3 section 7.2 step 24).
    pub fn rely_on_user_verification(&mut self) {
        self.uv_initialized = true;
    }
}
